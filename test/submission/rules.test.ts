// The rules of the record (decision 016), each by what happens without it. submission.test.ts has
// that of two notes of one dead request, many.test.ts that a number of a batch is created once.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { EntryName, Storage } from '../../src/storage/storage.ts'
import { keyOfBatch } from '../../src/submission/batch.ts'
import { findSubmission, openSubmission } from '../../src/submission/submission.ts'
import { freshDirectory } from '../host/program.ts'
import {
  add,
  batchesOf,
  close,
  id,
  notesOf,
  receiptOf,
  storageOf,
  visible,
} from '../host/record.ts'

const hours = 3_600_000

function only(storage: Storage): EntryName {
  const [name, ...more] = storage.entries.list()
  assert.ok(name !== undefined)
  assert.deepEqual(more, [])
  return name
}

/** As if the request had died before its verdict, so many hours ago. */
function died(t: TestContext, storage: Storage, ago = 4 * hours): EntryName {
  const name = only(storage)
  const entry = storage.entries.read(name.name)
  assert.ok(entry !== undefined)
  storage.notes.remove(entry.verdict)
  t.mock.timers.enable({ apis: ['Date'], now: name.startedAt + ago })
  return name
}

/** Stores slow.txt in the submission `a`; `between`: what happens before its verdict. */
function storeSlowly(storage: Storage, between: (verdict: string) => void): void {
  const begun = openSubmission(storage, id('a'), { who: '', isResumed: false, folder: () => [] })
  const { key, day, receipt, folder } = begun
  const origin = { submission: key, day, receipt, folder, isWhole: false, isToldAtOnce: false }
  const file = { field: 'file', name: 'slow.txt', stored: '', size: 4, type: '', sha256: undefined }
  const draft = {
    origin: { ...origin, sender: {} },
    id: id('1'),
    time: new Date().toISOString(),
    answers: [],
    files: [file],
  }
  const pending = storage.create('slow.txt')
  pending.write(Buffer.from('slow'))
  pending.end()
  storage.commit([pending], draft, () => {
    between(storage.entries.read(only(storage).name)?.verdict ?? '')
  })
}

test('a verdict is exclusive, and only its creator takes back', (t) => {
  const directory = freshDirectory(t)
  const storage = storageOf(directory)
  const undo = (verdict: string) => {
    assert.ok(storage.notes.create(verdict, Buffer.from('{"undone":true}')))
  }
  assert.throws(() => storeSlowly(storage, undo), { code: 'TOO_SLOW' })
  assert.deepEqual(visible(directory), ['slow.txt'])
  assert.equal(close(directory, 'a').status, 404)
})

test('a request that somebody took for dead, and that is stored, is told as stored', (t) => {
  const directory = freshDirectory(t)
  const storage = storageOf(directory)
  storeSlowly(storage, () => {
    const name = only(storage)
    t.mock.timers.enable({ apis: ['Date'], now: name.startedAt + 4 * hours })
    assert.equal(storage.entries.resolve(name), true)
  })
  assert.deepEqual(visible(directory), ['slow.txt'])
  assert.deepEqual(receiptOf(directory, 'a').files.length, 1)
})

test('nobody is taken for dead within three hours: a slow request would lose its file', (t) => {
  const storage = storageOf(freshDirectory(t))
  storeSlowly(storage, (verdict) => {
    const name = only(storage)
    t.mock.timers.enable({ apis: ['Date'], now: name.startedAt + 3 * hours - 1 })
    assert.equal(storage.entries.resolve(name), false)
    assert.equal(storage.notes.isThere(verdict), false)
    t.mock.timers.setTime(name.startedAt + 3 * hours)
    assert.equal(storage.entries.resolve(name), true)
    assert.equal(storage.notes.isThere(verdict), true)
  })
})

test('the inode is looked at before an unlink: a file of another request stays', (t) => {
  const directory = freshDirectory(t)
  add(directory, 'a', ['a.txt', 'b.txt'])
  const storage = storageOf(directory)
  for (const name of ['a.txt', 'b.txt']) {
    // The old inode stays in use, so that the new file has another one.
    renameSync(join(directory, name), join(directory, `${name}.moved`))
  }
  writeFileSync(join(directory, 'a.txt'), 'of another request')
  assert.equal(storage.entries.resolve(died(t, storage)), true)
  assert.equal(readFileSync(join(directory, 'a.txt'), 'utf8'), 'of another request')
  assert.deepEqual(notesOf(directory, 'storing'), [])
})

test('what a dead request stored in part is taken back, so that no file is in no record', (t) => {
  const directory = freshDirectory(t)
  add(directory, 'a', ['a.txt', 'b.txt'])
  const storage = storageOf(directory)
  rmSync(join(directory, 'b.txt'))
  assert.equal(storage.entries.resolve(died(t, storage)), true)
  assert.deepEqual([visible(directory), notesOf(directory, 'storing')], [[], []])
})

test('what waits in incoming/ goes first: a slow request links nothing after *undone*', (t) => {
  const directory = freshDirectory(t)
  add(directory, 'a', ['a.txt'])
  const storage = storageOf(directory)
  const incoming = join(directory, '.upload-cgi/incoming')
  const [mine, other] = ['1', '2'].map((digit) => `.ht${id(digit)}.part`)
  renameSync(join(directory, 'a.txt'), join(incoming, mine ?? ''))
  writeFileSync(join(incoming, other ?? ''), 'of another request')
  assert.equal(storage.entries.resolve(died(t, storage)), true)
  assert.deepEqual(readdirSync(incoming), [other])
})

test('a note of *storing* that is not whole is removed, and hinders nobody', (t) => {
  const directory = freshDirectory(t)
  add(directory, 'a', ['a.txt'])
  const storage = storageOf(directory)
  const name = died(t, storage)
  rmSync(join(directory, 'a.txt'))
  truncateSync(join(directory, '.upload-cgi/notes/storing', `.ht${name.name}`), 0)
  assert.equal(storage.entries.resolve(name), true)
  assert.deepEqual(notesOf(directory, 'storing'), [])
})

test('a number of a batch that a power cut damaged is void: the next one has the files', (t) => {
  const directory = freshDirectory(t)
  add(directory, 'a', ['a.txt'])
  const storage = storageOf(directory)
  const submission = findSubmission(storage, id('a'))
  assert.ok(submission !== undefined)
  storage.notes.create(keyOfBatch(submission, 1))
  assert.deepEqual(receiptOf(directory, 'a').files.length, 1)
  const { batch, files } = close(directory, 'a').json
  assert.deepEqual([batch, files.length], [2, 1])
  const batches = batchesOf(directory).map((one) => [one.batch, one.files.length])
  assert.deepEqual(batches, [[2, 1]])
})
