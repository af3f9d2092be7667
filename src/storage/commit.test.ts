// Storage.commit(): what is noted and when, what `accept` is told, and that a throw of it takes
// everything back.

import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { loadSettings } from '../settings/load.ts'
import { openStorage } from './open.ts'
import type { Draft, PendingFile, Storage } from './storage.ts'

type Scene = { readonly directory: string; readonly storage: Storage }

function scene(t: TestContext): Scene {
  const directory = mkdtempSync(join(tmpdir(), 'upload-cgi-commit-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const settings = loadSettings({ UPLOAD_CGI_DIRECTORY: directory }, '/nonexistent/upload.cgi', '')
  return { directory, storage: openStorage(settings, directory) }
}

function ended(storage: Storage, name: string, content: string): PendingFile {
  const file = storage.create(name)
  file.write(Buffer.from(content))
  file.end()
  return file
}

const visible = (directory: string) => readdirSync(directory).filter((name) => name[0] !== '.')
const incoming = (directory: string) => readdirSync(join(directory, '.upload-cgi', 'incoming'))

function draftOf(files: readonly PendingFile[]): Draft {
  const described = files.map(({ place: name, size }) => {
    return { field: 'file', name, stored: '', size, type: '', sha256: undefined }
  })
  const day = '2026-11-28'
  const [submission, receipt] = ['0'.repeat(32), '0000-0000-00']
  const folder: string[] = []
  const origin = { submission, day, isWhole: true, isToldAtOnce: true, receipt, sender: {}, folder }
  return { origin, id: 'id', time: `${day}T00:00:00.000Z`, answers: [], files: described }
}

const notes = (directory: string, kind: string) => {
  const path = join(directory, '.upload-cgi/notes', kind)
  return existsSync(path) ? readdirSync(path) : []
}

test('what is stored is listed before accept is told of it, and recorded after that', (t) => {
  const { directory, storage } = scene(t)
  const files = [ended(storage, 'a.txt', 'one'), ended(storage, 'a.txt', 'three')]
  const result = storage.commit(files, draftOf(files), (names) => {
    assert.deepEqual(visible(directory), [...names].sort())
    const [entry, ...more] = storage.entries.list().map(({ name }) => storage.entries.read(name))
    assert.deepEqual(more, [])
    assert.deepEqual(
      entry?.files.map(({ stored, size }) => [stored, size]),
      [
        ['a.txt', 3],
        ['a-2.txt', 5],
      ],
    )
    assert.deepEqual(
      entry?.files.map(({ mark }) => mark),
      names.map((name) => String(statSync(join(directory, name)).ino)),
    )
    assert.deepEqual(notes(directory, 'batch/2026-11-28'), [])
    return names
  })
  assert.deepEqual(result, ['a.txt', 'a-2.txt'])
  assert.equal(readFileSync(join(directory, 'a-2.txt'), 'utf8'), 'three')
  assert.deepEqual([incoming(directory), notes(directory, 'storing')], [[], []])
  assert.deepEqual(notes(directory, 'batch/2026-11-28'), [`.ht${'0'.repeat(32)}-1`])
})

test('a throw of accept takes all back, and nothing of it is recorded', (t) => {
  const { directory, storage } = scene(t)
  const files = [ended(storage, 'a.txt', 'one'), ended(storage, 'b.txt', 'two')]
  const refusal = () => {
    throw new TypeError('no')
  }
  assert.throws(() => storage.commit(files, draftOf(files), refusal), TypeError)
  assert.deepEqual([visible(directory), incoming(directory)], [[], []])
  assert.deepEqual([notes(directory, 'storing'), notes(directory, 'batch/2026-11-28')], [[], []])
})

test('without a draft nothing is noted', (t) => {
  const { directory, storage } = scene(t)
  const files = [ended(storage, 'a.txt', 'one')]
  assert.deepEqual(
    storage.commit(files, undefined, (names) => names),
    ['a.txt'],
  )
  assert.deepEqual([visible(directory), notes(directory, '.')], [['a.txt'], []])
})

test('a file of another storage is refused', (t) => {
  const { storage } = scene(t)
  const file = { place: 'a', size: 0, write() {}, end() {}, discard() {} }
  assert.throws(() => storage.commit([file], undefined, () => undefined), /another storage/)
})
