// Storage.commit(): what `before` and `accept` are told and when, and that a throw of either takes
// everything back.

import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { loadSettings } from '../settings/load.ts'
import { openStorage } from './open.ts'
import type { Held, PendingFile, Storage } from './storage.ts'

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

test('before is told of all files while none is visible, accept of their names after that', (t) => {
  const { directory, storage } = scene(t)
  const files = [ended(storage, 'a.txt', 'one'), ended(storage, 'a.txt', 'three')]
  let held: readonly Held[] = []
  const result = storage.commit(
    files,
    (told) => {
      held = told
      assert.deepEqual(visible(directory), [])
    },
    (names) => {
      assert.deepEqual(visible(directory), [...names].sort())
      return names
    },
  )
  assert.deepEqual(result, ['a.txt', 'a-2.txt'])
  assert.deepEqual(
    held.map(({ place, size }) => [place, size]),
    [
      ['a.txt', 3],
      ['a.txt', 5],
    ],
  )
  const inodes = result.map((name) => String(statSync(join(directory, name)).ino))
  assert.deepEqual(
    held.map(({ mark }) => mark),
    inodes,
  )
  assert.equal(readFileSync(join(directory, 'a-2.txt'), 'utf8'), 'three')
  assert.deepEqual(incoming(directory), [])
})

test('a throw of before makes nothing visible, and a throw of accept takes all back', (t) => {
  const { directory, storage } = scene(t)
  const files = [ended(storage, 'a.txt', 'one'), ended(storage, 'b.txt', 'two')]
  const refusal = () => {
    throw new TypeError('no')
  }
  const accepted = () => assert.fail('accept was called')
  assert.throws(() => storage.commit(files, refusal, accepted), TypeError)
  assert.deepEqual(visible(directory), [])
  for (const file of files) file.discard()
  assert.deepEqual(incoming(directory), [])
  const again = [ended(storage, 'a.txt', 'one'), ended(storage, 'b.txt', 'two')]
  assert.throws(() => storage.commit(again, () => undefined, refusal), TypeError)
  assert.deepEqual([visible(directory), incoming(directory)], [[], []])
})

test('a file of another storage is refused', (t) => {
  const { storage } = scene(t)
  const file = { place: 'a', size: 0, write() {}, end() {}, discard() {} }
  assert.throws(
    () =>
      storage.commit(
        [file],
        () => undefined,
        () => undefined,
      ),
    /another storage/,
  )
})
