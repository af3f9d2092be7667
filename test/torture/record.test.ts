// A request of a submission, and the one that closes it, killed before each of their calls. What
// is due is done hours later. The invariant: what is visible is in the receipt and in exactly one
// batch, nothing else is, and what was answered with 201 is there.

import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { doWhatIsDue } from '../../src/submission/due.ts'
import { type CgiReply, runCgi } from '../host/cgi.ts'
import { type BodyPart, contentType, multipartBody } from '../host/multipart-body.ts'
import {
  add,
  ask,
  batchesOf,
  fileField,
  id,
  notesOf,
  settingsOf,
  storageOf,
  textField,
  visible,
} from '../host/record.ts'
import { callsOf, home, inParallel, shim, skip } from './rack.ts'

type Step = {
  readonly name: string
  readonly env?: Readonly<Record<string, string>>
  /** What the submission has before. */
  readonly before: readonly string[]
  readonly parts: readonly BodyPart[]
  readonly status: number
}

const noLinks = { TORTURE_NO_LINKS: '1' }
const files = [fileField('same.txt'), fileField('b.txt')]
const closing = [textField('_close', '1')]
const steps: readonly Step[] = [
  { name: 'two files, one name taken', before: ['same.txt'], parts: files, status: 201 },
  { name: 'a close', before: ['same.txt', 'b.txt'], parts: closing, status: 200 },
  {
    name: 'two files without hard links',
    env: noLinks,
    before: ['same.txt'],
    parts: files,
    status: 201,
  },
  {
    name: 'a close without hard links',
    env: noLinks,
    before: ['b.txt'],
    parts: closing,
    status: 200,
  },
]
const hours = 3_600_000
let runs = 0

/** `at`: before which call it is killed; 0 for none. */
async function run(step: Step, at: number): Promise<{ directory: string; reply: CgiReply }> {
  const directory = join(home, `record-${++runs}`)
  mkdirSync(directory)
  if (step.before.length > 0) add(directory, 'a', step.before)
  const stdinFile = `${directory}.body`
  writeFileSync(stdinFile, multipartBody([textField('_submission', id('a')), ...step.parts]))
  const reply = await runCgi({
    directory,
    method: 'POST',
    stdinFile,
    contentType: contentType(),
    timeoutSeconds: 120,
    env: {
      HTTP_ACCEPT: 'application/json',
      UPLOAD_CGI_MIN_FREE_SPACE: '0',
      LD_PRELOAD: shim,
      TORTURE_DIRECTORY: directory,
      TORTURE_LOG: `${directory}.log`,
      TORTURE_HOW: 'kill',
      TORTURE_AT: String(at),
      ...step.env,
    },
  })
  return { directory, reply }
}

/** Hours later: what is there, and what is known of it. */
function assertRecorded(directory: string, step: Step, reply: CgiReply): void {
  // Of one close, all that is open becomes one batch; nothing is told twice.
  for (let i = 0; i < 2; i++) doWhatIsDue(storageOf(directory), settingsOf(directory))
  const isPlaceholder = (name: string) => readFileSync(join(directory, name)).length === 0
  const there = visible(directory).filter((name) => !(step.env === noLinks && isPlaceholder(name)))
  const names = (some: readonly { readonly stored: string }[]) => some.map(({ stored }) => stored)
  const inBatches = batchesOf(directory).flatMap((batch) => names(batch.files))
  assert.deepEqual(inBatches.sort(), there, 'in exactly one batch')
  const { status, text } = ask(directory, 'a')
  const receipt = status === 404 ? [] : names(JSON.parse(text).files)
  assert.deepEqual(receipt.sort(), there, 'in the receipt')
  for (const name of step.before) assert.ok(there.includes(name), name)
  if (reply.status === 201)
    for (const { stored } of reply.json().files) assert.ok(there.includes(stored))
  assert.deepEqual(notesOf(directory, 'storing'), [], 'nothing is open')
}

/** `npm run test:long` kills before every call. */
const every = process.env['UPLOAD_CGI_LONG'] ? 1 : 9

for (const step of steps) {
  test(`${step.name}: killed before its calls, and everything visible is recorded once`, {
    skip,
  }, async (t) => {
    const usual = await run(step, 0)
    assert.equal(usual.reply.status, step.status, usual.reply.text)
    const calls = callsOf(readFileSync(`${usual.directory}.log`, 'utf8'))
    const points = calls.map((_, i) => i + 1).filter((at) => at % every === 0)
    assert.ok(points.length > 5, `${calls.length} calls`)
    const dead: { at: number; directory: string; reply: CgiReply }[] = []
    await inParallel(points, async (at) => {
      const { directory, reply } = await run(step, at)
      assert.equal(reply.signal, 'SIGKILL', `${at}: ${reply.text}${reply.stderr}`)
      dead.push({ at, directory, reply })
    })
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 4 * hours })
    for (const { at, directory, reply } of [{ at: 0, ...usual }, ...dead]) {
      try {
        assertRecorded(directory, step, reply)
      } catch (error) {
        throw new Error(`killed before call ${at}, ${calls[at - 1]}`, { cause: error })
      }
      rmSync(directory, { recursive: true })
    }
    t.diagnostic(`${points.length} of ${calls.length} calls`)
  })
}
