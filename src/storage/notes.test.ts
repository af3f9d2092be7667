// Notes: the first create wins, only what is whole is read, and both ways to take a key agree.

import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Folder } from './folder.ts'
import { encodeNote, parseNote } from './note.ts'
import { Notes, placeFolder, readNote } from './notes.ts'
import { Secret } from './secret.ts'

function scene(t: TestContext): { folder: Folder; notes: Notes } {
  const directory = mkdtempSync(join(tmpdir(), 'upload-cgi-notes-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const folder = new Folder(directory)
  folder.open()
  return { folder, notes: new Notes(folder, true) }
}

const text = (bytes: Buffer | undefined) => bytes?.toString()

test('the first to create a note decides what it says', (t) => {
  const { folder, notes } = scene(t)
  assert.equal(notes.read('kind/2026-01-01/a'), undefined)
  assert.equal(notes.create('kind/2026-01-01/a', Buffer.from('first')), true)
  assert.equal(notes.create('kind/2026-01-01/a', Buffer.from('second')), false)
  assert.equal(text(notes.read('kind/2026-01-01/a')), 'first')
  assert.deepEqual(readdirSync(folder.incoming), [])
  notes.sync('kind/2026-01-01/a')
  assert.deepEqual(notes.list('kind/2026-01-01', 10), ['a'])
  notes.remove('kind/2026-01-01/a')
  notes.remove('kind/2026-01-01')
  assert.deepEqual(notes.list('kind', 10), [])
})

test('an empty note is only there or not', (t) => {
  const { notes } = scene(t)
  assert.equal(notes.create('kind/a'), true)
  assert.equal(notes.create('kind/a'), false)
  assert.deepEqual([notes.isThere('kind/a'), notes.isThere('kind/b')], [true, false])
  assert.equal(notes.read('kind/a'), undefined)
})

test('a folder that holds a note takes a key once, whatever has the key', (t) => {
  const { folder, notes } = scene(t)
  notes.create('kind/file', Buffer.from('of a file'))
  const place = (key: string, content: string) =>
    placeFolder(
      folder,
      join(folder.path, 'notes/kind', `.ht${key}`),
      '.htnote',
      Buffer.from(content),
      true,
    )
  place('folder', 'of a folder')
  assert.throws(() => place('folder', 'another'), { code: /ENOTEMPTY|EEXIST/ })
  assert.throws(() => place('file', 'another'), { code: 'ENOTDIR' })
  assert.equal(notes.create('kind/folder', Buffer.from('a third')), false)
  assert.equal(text(notes.read('kind/folder')), 'of a folder')
  assert.equal(text(notes.read('kind/file')), 'of a file')
  assert.deepEqual(readdirSync(folder.incoming), [])
  notes.sync('kind/folder')
  notes.remove('kind/folder')
  assert.equal(notes.isThere('kind/folder'), false)
})

test('what is cut, changed or of a newer format counts as absent', () => {
  const whole = encodeNote(Buffer.from('some content'))
  assert.equal(text(parseNote(whole)), 'some content')
  for (let length = 0; length < whole.length; length++) {
    assert.equal(parseNote(whole.subarray(0, length)), undefined, `${length}`)
  }
  for (let at = 0; at < whole.length; at++) {
    const changed = Buffer.from(whole)
    changed[at] = (changed[at] ?? 0) ^ 1
    assert.equal(parseNote(changed), undefined, `${at}`)
  }
})

test('the secret is made once, is found by everybody, and outlives no damage in silence', (t) => {
  const { folder } = scene(t)
  assert.equal(new Secret(folder).find('id'), undefined)
  const name = new Secret(folder).name('id')
  assert.match(name, /^[0-9a-f]{32}$/)
  assert.equal(new Secret(folder).find('id'), name)
  assert.notEqual(new Secret(folder).find('other'), name)
  const [file = ''] = readdirSync(join(folder.path, 'key'))
  assert.match(file, /^\.ht[0-9a-f]{32}$/)
  assert.equal(statSync(join(folder.path, 'key', file)).mode & 0o777, 0o600)
  writeFileSync(join(folder.path, 'key', file), '')
  assert.equal(readNote(join(folder.path, 'key', file)), undefined)
  assert.equal(new Secret(folder).find('id'), undefined)
  const renewed = new Secret(folder).name('id')
  assert.notEqual(renewed, name)
  assert.equal(new Secret(folder).find('id'), renewed)
})
