// Every call that the program makes to the upload directory fails once, in every way that it can, and the
// program is killed before every one (the way curl tests itself). scenarios.ts has the invariant, shim.c
// the failures. The number of points is counted by a run without a failure.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, test } from 'node:test'
import { runCgi } from '../../src/testing/cgi-host.ts'
import { contentType, multipartBody } from '../../src/testing/multipart-body.ts'
import { missing } from '../servers.ts'
import {
  assertSwept,
  check,
  type Fate,
  leftovers,
  type Scenario,
  scenarios,
  suffer,
} from './scenarios.ts'

const program = resolve(import.meta.dirname, '../../build/upload.cgi')
const home = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'upload-cgi-test-'))
after(() => rmSync(home, { recursive: true, force: true }))
const shim = join(home, 'shim.so')
const skip = missing('gcc')
const { ENOSPC, EDQUOT, EIO, EACCES, EPERM, EEXIST, EINTR, EMFILE } = constants.errno
const errnos = [ENOSPC, EDQUOT, EIO, EACCES, EPERM, EEXIST, EINTR, EMFILE]
const parallel = 3
let runs = 0

if (!skip) {
  const source = join(import.meta.dirname, 'shim.c')
  execFileSync('gcc', ['-Wall', '-O1', '-shared', '-fPIC', '-o', shim, source, '-ldl'])
}

/** `problem`: how the invariant was broken; '' when it held. */
async function run(scenario: Scenario, fate: Fate, log = '') {
  const directory = join(home, `run-${++runs}`)
  const reply = await suffer(program, shim, directory, scenario, fate, log)
  let problem = ''
  try {
    check(directory, scenario, fate, reply)
  } catch (error) {
    problem = `${fate.how} at ${fate.at} with ${fate.errno}: ${error}; ${reply.text}${reply.stderr}`
  }
  return { directory, reply, problem }
}

/** The calls of a run in which all goes well, in their order. */
async function pointsOf(scenario: Scenario): Promise<string[]> {
  const log = join(home, `log-${++runs}`)
  const { reply, directory, problem } = await run(scenario, { how: 'none', at: 0, errno: 0 }, log)
  assert.equal(problem, '')
  assert.equal(reply.status, scenario.status, reply.text)
  assert.deepEqual(leftovers(directory), [])
  return readFileSync(log, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
}

function fatesOf(calls: readonly string[], hasNoLinks: boolean): Fate[] {
  const fates: Fate[] = []
  for (const [i, call] of calls.entries()) {
    const at = i + 1
    fates.push({ how: 'kill', at, errno: 0 })
    // What is lost on its way to the server is nobody's to mend.
    if (call === 'reply') continue
    for (const errno of errnos) fates.push({ how: 'fail', at, errno })
    fates.push({ how: 'rest', at, errno: EIO })
    // An empty placeholder that was made and denied cannot be told from another's.
    if (!(hasNoLinks && call === 'open')) fates.push({ how: 'lie', at, errno: EIO })
    if (call === 'write') fates.push({ how: 'short', at, errno: 0 })
  }
  return fates
}

async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>) {
  const queue = items.values()
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      for (const item of queue) await work(item)
    }),
  )
}

for (const scenario of scenarios) {
  test(`${scenario.name}: each call fails in each way, or is the last`, { skip }, async (t) => {
    const fates = fatesOf(await pointsOf(scenario), 'TORTURE_NO_LINKS' in scenario.env)
    const unclean: string[] = []
    const statuses = new Map<string, number>()
    const broken: string[] = []
    await inParallel(fates, async (fate) => {
      const { directory, reply, problem } = await run(scenario, fate)
      if (problem !== '') broken.push(problem)
      const outcome = `${fate.how} ${reply.status}`
      statuses.set(outcome, (statuses.get(outcome) ?? 0) + 1)
      if (leftovers(directory).length > 0) unclean.push(directory)
      else rmSync(directory, { recursive: true })
    })
    assert.deepEqual(broken.slice(0, 5), [], `${broken.length} of ${fates.length} runs`)
    await inParallel(unclean, async (directory) => {
      const reply = await runCgi({
        program,
        directory,
        body: multipartBody([{ name: 'file', filename: 'sweep.txt', content: '' }]),
        contentType: contentType(),
        env: { LD_PRELOAD: shim, TORTURE_DIRECTORY: directory, TORTURE_AGE: '90000' },
      })
      assert.equal(reply.status, 201, `${directory}: ${reply.text}${reply.stderr}`)
      assertSwept(directory, scenario)
      rmSync(directory, { recursive: true })
    })
    const counts = [...statuses].sort().map(([outcome, count]) => `${outcome}: ${count}`)
    t.diagnostic(`${fates.length} runs (${counts.join(', ')}), ${unclean.length} swept afterwards`)
  })
}

test('the shim sees every call that changes the directory', {
  skip: missing('gcc', 'strace'),
}, async () => {
  for (const scenario of scenarios) {
    const traced = join(home, `traced-${++runs}`)
    const trace = `${traced}.trace`
    writeFileSync(traced, `#!/bin/sh\nexec strace -f -y -o ${trace} ${program}\n`, { mode: 0o755 })
    const log = join(home, `log-${runs}`)
    const directory = join(home, `run-${runs}`)
    const fate: Fate = { how: 'none', at: 0, errno: 0 }
    await suffer(traced, shim, directory, scenario, fate, log)
    const seen = readFileSync(log, 'utf8').match(/(?<=^\d+ )[a-z_]+/gm) ?? []
    const made = callsIn(readFileSync(trace, 'utf8'), directory)
    // A shim that lets no link through makes none.
    const counted =
      'TORTURE_NO_LINKS' in scenario.env ? seen.filter((call) => call !== 'link') : seen
    assert.deepEqual(
      counted.filter((call) => changing.has(call)),
      made.filter((call) => changing.has(call)),
    )
    const other = made.filter((call) => !changing.has(call) && !reading.has(call))
    assert.deepEqual(other, [], 'calls that nobody has thought of')
  }
})

/** The names of the system calls that name something in the directory, by path or by descriptor. */
function callsIn(trace: string, directory: string): string[] {
  return trace
    .split('\n')
    .filter((line) =>
      [`"${directory}/`, `"${directory}"`, `<${directory}/`, `<${directory}>`].some((part) =>
        line.includes(part),
      ),
    )
    .map((line) => (/^\d+ +([a-z0-9_]+)\(/.exec(line)?.[1] ?? '').replace('openat', 'open'))
    .filter((call) => call !== '' && call !== 'execve')
}

const changing = new Set('mkdir read write fchmod fdatasync fsync link rename unlink'.split(' '))
const reading = new Set(
  'open close statx access statfs getdents64 newfstatat fstat fcntl'.split(' '),
)
