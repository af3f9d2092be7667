// The patches of Node: people read the same table as the build applies, and a Node that looks
// different ends the build.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { before, test } from 'node:test'
import { NodeError } from '../../build/node/elf.ts'
import { originalNode } from '../../build/node/original.ts'
import { type PatchedNode, patched, patches } from '../../build/node/patches.ts'
import { isTarget, ownTarget, type Target } from '../../build/node/target.ts'
import { obeyedVariables } from '../../build/node/variables.ts'

const root = resolve(import.meta.dirname, '../..')
const decisions = join(root, 'docs/decisions')
const flags = ['--jitless', '--v8-pool-size=1', '--disable-sigusr1']
const targets: readonly Target[] = ['linux-x64', 'linux-arm64']
const originals = new Map<Target, Buffer>()

before(() => {
  for (const target of targets) originals.set(target, originalNode(root, target))
})

function nodeOf(target: Target): { original: Buffer; node: PatchedNode } {
  const original = originals.get(target)
  assert.ok(original)
  return { original, node: { target, isNative: target === ownTarget, flags } }
}

/** How many bytes are others. */
function difference(one: Buffer, other: Buffer): number {
  assert.equal(one.length, other.length)
  let count = 0
  const step = 65_536
  for (let start = 0; start < one.length; start += step) {
    const [here, there] = [one.subarray(start, start + step), other.subarray(start, start + step)]
    if (here.equals(there)) continue
    for (let at = 0; at < here.length; at += 1) if (here[at] !== there[at]) count += 1
  }
  return count
}

test('decision 002 has a row for each patch, and no other row', () => {
  const text = readFileSync(join(decisions, '002-pkg-sea.md'), 'utf8')
  const [, , ...rows] = text.split('\n').filter((line) => line.startsWith('|'))
  const cells = rows.map((row) => row.slice(2, -2).split(' | '))
  assert.deepEqual(
    cells,
    patches.map(({ what, why, gain, decision }) => {
      const number = decision?.slice(0, 3)
      return [what, why, gain, number === undefined ? '002' : `[${number}](${decision})`]
    }),
  )
})

test('the decision of a patch exists and speaks of it', () => {
  const named = patches.flatMap(({ decision, what }) => (decision ? [{ decision, what }] : []))
  assert.equal(new Set(named.map(({ decision }) => decision)).size, named.length)
  assert.ok(named.length > 0)
  for (const { decision, what } of named) {
    const text = readFileSync(join(decisions, decision), 'utf8').replace(/\s+/g, ' ')
    assert.ok(text.includes(what), `${decision} does not have the words: ${what}`)
  }
})

test('titles of decisions have one form: the number of the file, a space, words', () => {
  const files = readdirSync(decisions)
  assert.ok(files.length > 10)
  for (const file of files) {
    const [title = ''] = readFileSync(join(decisions, file), 'utf8').split('\n')
    assert.match(title, /^# \d{3} [^:]+$/, file)
    assert.equal(title.slice(2, 5), file.slice(0, 3))
  }
  assert.equal(new Set(files.map((file) => file.slice(0, 3))).size, files.length)
})

for (const target of targets) {
  test(`${target}: each patch changes few bytes, adds none, and touches no other patch`, () => {
    const { original, node } = nodeOf(target)
    const changes = patches.map(({ apply }) => {
      const file = Buffer.from(original)
      apply(file, node)
      return difference(file, original)
    })
    const modules = changes.pop() ?? 0
    const variables = changes.pop() ?? 0
    assert.ok(
      changes.every((count) => count > 0 && count <= 8),
      changes.join(),
    )
    // One byte wherever one of the names stands.
    assert.ok(variables >= obeyedVariables.length && variables < 400, String(variables))
    // Four bytes of each module at most.
    if (node.isNative) assert.ok(modules > 300 && modules < 4 * 500, String(modules))
    else assert.equal(modules, 0)
    const sum = changes.reduce((total, count) => total + count, modules + variables)
    assert.equal(difference(patched(original, node), original), sum)
  })

  test(`${target}: a Node that lacks what a patch looks for is refused`, () => {
    const { original, node } = nodeOf(target)
    for (const name of symbolNames) {
      const file = Buffer.from(original)
      const whole = Buffer.from(`\0${name}\0`)
      for (let at = file.indexOf(whole); at !== -1; at = file.indexOf(whole, at)) file[at + 1] = 88
      assert.throws(() => patched(file, node), NodeError, name)
    }
  })
}

const symbolNames = [
  '_ZN4node23WorkerThreadsTaskRunnerC1EiNS_21PlatformDebugLogLevelE',
  'uv_thread_create',
  '_ZN6detailL4sprpEyy',
  '_ZN2v811CpuProfiler38UseDetailedSourcePositionsForProfilingEPNS_7IsolateE',
  '_ZN4absl12_GLOBAL__N_124synch_deadlock_detectionE',
]

test('a Node that is patched already is refused', () => {
  assert.ok(isTarget(ownTarget))
  const { original, node } = nodeOf(ownTarget)
  assert.throws(() => patched(patched(original, node), node), NodeError)
})
