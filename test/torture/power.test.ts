// A power cut after every call that changes the directory, by a model of what it may leave
// (power.ts): what a submission needs is posted by the executable, with `durable` on, and each
// state that the cut may leave is looked at (story.ts). The invariant: what was answered is true
// after the cut, and what comes later finds nothing that it cannot use.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { doWhatIsDue } from '../../src/submission/due.ts'
import { endOf, openExchange } from '../host/core.ts'
import { missing } from '../host/installed.ts'
import {
  add,
  ask,
  batchesOf,
  close,
  fileField,
  notesOf,
  send,
  settingsOf,
  storageOf,
  visible,
} from '../host/record.ts'
import { skip } from './rack.ts'
import { content, type Promised, piece, Run, type Story, stories, two, upload } from './story.ts'

/** `npm run test:long` looks at all states, a test of every change at some. */
const isLong = process.env['UPLOAD_CGI_LONG'] !== undefined
const every = isLong ? 1 : 8
const hours = 3_600_000
const lacking = skip || missing('strace')

/** What was answered is true, at once. */
function assertPromised(directory: string, { files, offset, batch }: Promised, story: Story): void {
  const { status, text } = ask(directory, 'a')
  assert.ok(status === 200 || status === 404, text)
  const inReceipt = status === 200 ? namesIn(JSON.parse(text).files) : []
  const recorded = batchesOf(directory)
  const inRecord = namesIn(recorded.flatMap((one) => one.files))
  for (const [name, bytes] of files) {
    assert.ok(readFileSync(join(directory, name)).equals(bytes), `${name} is whole`)
    assert.equal(inRecord.filter((one) => one === name).length, 1, `${name} is in the record`)
    assert.ok(isWhole(story) || inReceipt.includes(name), `${name} is in the receipt`)
  }
  assert.ok(offsetOf(directory) >= offset, 'what was told as safe is there')
  if (batch === undefined) return
  const same = recorded.find((one) => one.batch === batch.batch)
  assert.deepEqual([same?.time, namesIn(same?.files ?? [])], [batch.time, namesIn(batch.files)])
}

/** The visitor resumes what is not finished, adds a file and finishes. */
function goOn(directory: string, story: Story): void {
  const offset = offsetOf(directory)
  if (story.posts.some((parts) => parts.some(({ name }) => name === '_upload'))) {
    const sent = offset < content.length && send(directory, piece(offset, content.length))
    assert.ok(sent === false || sent.status === 201, JSON.stringify(sent))
  }
  assert.equal(add(directory, 'a', ['later.txt'], envOf(story)).status, 201)
  const { status, json } = close(directory, 'a', envOf(story))
  assert.equal(status, 200, JSON.stringify(json))
  assert.ok(namesIn(json.files).includes('later.txt'))
}

/** Hours later all that is visible is in exactly one batch, whole, and nothing is open. */
function assertHealed(directory: string, { files }: Promised, story: Story): void {
  const settings = settingsOf(directory, envOf(story))
  for (let i = 0; i < 2; i++) doWhatIsDue(storageOf(directory), settings)
  const all = visible(directory).map((name) => {
    return { name, text: readFileSync(join(directory, name), 'latin1') }
  })
  const receipts = all.filter(({ name }) => name.startsWith('receipt-'))
  // Where names are taken by placeholders, the sweep removes those of the dead after a day.
  const there = all.filter((one) => !receipts.includes(one) && one.text !== '')
  for (const { name, text } of there) assert.ok(known.has(text), `${name} is whole`)
  const batches = batchesOf(directory)
  const inBatches = namesIn(batches.flatMap((batch) => batch.files))
  assert.deepEqual(
    inBatches,
    there.map(({ name }) => name),
    'in exactly one batch',
  )
  for (const name of files.keys()) assert.ok(inBatches.includes(name), `${name} is still there`)
  assert.deepEqual(notesOf(directory, 'storing'), [], 'nothing is open')
  const told = isWhole(story) ? batches.length : 0
  assert.deepEqual([receipts.length, receipts.every(({ text }) => text !== '')], [told, true])
}

function offsetOf(directory: string): number {
  const query = { REQUEST_METHOD: 'GET', QUERY_STRING: `upload=${upload}` }
  const env = { ...query, HTTP_ACCEPT: 'application/json' }
  const { status, text } = endOf(openExchange(env, settingsOf(directory)))
  assert.ok(status === 200 || status === 404, text)
  const { offset = 0, files } = status === 404 ? {} : JSON.parse(text)
  return files === undefined ? offset : content.length
}

function namesIn(files: readonly { readonly stored: string }[]): string[] {
  return files.map(({ stored }) => stored).sort()
}

/** One post is all of its submission. */
function isWhole({ posts }: Story): boolean {
  return posts.length === 1
}

function envOf(story: Story) {
  return { UPLOAD_CGI_RECEIPT_FILE: String(isWhole(story)) }
}

const known = new Set(
  [content, ...[...two, fileField('later.txt')].map((part) => Buffer.from(part.content))].map(
    (bytes) => bytes.toString('latin1'),
  ),
)

/** The states in which something that was promised is not so. */
function brokenStates(run: Run, story: Story, t: TestContext): string[] {
  const broken: string[] = []
  for (const [i, { state, promised }] of run.cuts.entries()) {
    if (i % every !== 0) continue
    // Whether the visitor goes on before all is due, or not.
    for (const isGoingOn of isLong ? [true, false] : [i % (2 * every) === 0]) {
      try {
        run.build(state)
        assertPromised(run.directory, promised, story)
        if (isGoingOn) goOn(run.directory, story)
        t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 4 * hours })
        assertHealed(run.directory, promised, story)
      } catch (error) {
        broken.push(`${state.text}: ${error instanceof Error ? error.stack : error}`)
      }
      t.mock.timers.reset()
    }
  }
  return broken
}

for (const story of stories) {
  test(`a power cut at every call: ${story.name}`, { skip: lacking }, async (t) => {
    const run = new Run(story)
    await run.live()
    const broken = brokenStates(run, story, t)
    assert.ok(run.cuts.length > 50, `${run.cuts.length} states`)
    assert.deepEqual(broken.slice(0, 5), [], `${broken.length} of ${run.cuts.length} states`)
    t.diagnostic(`${Math.ceil(run.cuts.length / every)} of ${run.cuts.length} states`)
  })
}

test('the model sees what durable = false may lose', { skip: lacking }, async (t) => {
  const [story] = stories
  assert.ok(story !== undefined)
  const run = new Run(story, false)
  await run.live()
  const broken = brokenStates(run, story, t)
  assert.ok(broken.length > 10, `${broken.length} of ${run.cuts.length} states`)
  t.diagnostic(`${broken.length} failures in ${Math.ceil(run.cuts.length / every)} states`)
})
