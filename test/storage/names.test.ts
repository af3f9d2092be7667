// A directory that holds 100,000 names of one stem: the next post of that name is not slower than
// one into an empty directory, and gets a number that was free.

import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { file, post, storedNames } from '../host/form.ts'
import { freshDirectory, inMemory } from '../host/program.ts'

const rounds = 15
// In memory where there is room: making the names takes longer than the test.
const parent = inMemory()

test('the 100,001st file of a name gets the next number, as fast as the first', async (t) => {
  const full = directoryWith(t, 100_000, () => true)
  const empty = freshDirectory(t, parent)
  const times: { full: number[]; empty: number[] } = { full: [], empty: [] }
  for (let round = 0; round < rounds; round++) {
    const names = [`report-${100_001 + round}.pdf`]
    times.full.push(await timed(async () => assert.deepEqual(await report(full), names)))
    const directory = freshDirectory(t, empty)
    times.empty.push(
      await timed(async () => assert.deepEqual(await report(directory), ['report.pdf'])),
    )
  }
  const ratio = median(times.full) / median(times.empty)
  t.diagnostic(`with 100,000 names beside an empty directory: ratio ${ratio.toFixed(2)}`)
  assert.ok(ratio < 1.5, `${ratio}`)
})

test('a gap among 60,000 numbers: the number is one that was free', async (t) => {
  const directory = directoryWith(t, 60_000, (number) => number !== 50_001)
  const [first] = await report(directory)
  const [second] = await report(directory)
  for (const name of [first, second]) {
    assert.ok(name === 'report-50001.pdf' || /^report-6000[12]\.pdf$/.test(name ?? ''), name)
    assert.equal(readFileSync(join(directory, name ?? ''), 'utf8'), 'content of report.pdf')
  }
  assert.notEqual(first, second)
})

async function report(directory: string): Promise<string[]> {
  return storedNames(await post(directory, [file('report.pdf')]))
}

/** Names only: report.pdf, report-2.pdf … up to `count`. */
function directoryWith(t: TestContext, count: number, isThere: (number: number) => boolean) {
  const directory = join(freshDirectory(t, parent), 'uploads')
  mkdirSync(directory)
  for (let number = 1; number <= count; number++) {
    const name = number === 1 ? 'report.pdf' : `report-${number}.pdf`
    if (isThere(number)) writeFileSync(join(directory, name), '')
  }
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

async function timed(action: () => Promise<void>): Promise<number> {
  const start = performance.now()
  await action()
  return performance.now() - start
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
