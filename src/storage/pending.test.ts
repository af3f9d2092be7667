// A request that takes long keeps its files young, so that no sweep of another one removes them.

import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadSettings } from '../settings/load.ts'
import { openStorage } from './open.ts'
import { Pending } from './pending.ts'

test('while a file arrives, the files before it are touched each minute', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'upload-cgi-pending-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const settings = loadSettings({ UPLOAD_CGI_DIRECTORY: directory }, '/nonexistent/upload.cgi', '')
  const storage = openStorage(settings, directory)
  const incoming = join(directory, '.upload-cgi/incoming')
  const first = storage.create('a.txt')
  first.write(Buffer.from('first'))
  first.end()
  const [part = ''] = readdirSync(incoming)
  const path = join(incoming, part)
  const second = storage.create('b.txt')
  utimesSync(path, 1000, 1000)
  second.write(Buffer.from('a'))
  assert.equal(statSync(path).mtimeMs, 1_000_000)
  const steady = process.hrtime.bind(process)
  t.mock.method(process, 'hrtime', () => {
    const [seconds, nanoseconds] = steady()
    return [seconds + 61, nanoseconds]
  })
  second.write(Buffer.from('b'))
  const { mtimeMs } = statSync(path)
  assert.ok(Date.now() - mtimeMs < 3_600_000)
  // The record has the time that the file has, by which `clean` knows it again.
  assert.ok(first instanceof Pending)
  assert.ok(Math.abs(first.modifiedAt - mtimeMs) <= 1, `${first.modifiedAt} ${mtimeMs}`)
  utimesSync(path, 1000, 1000)
  second.write(Buffer.from('c'))
  assert.equal(statSync(path).mtimeMs, 1_000_000)
  second.end()
  const names = storage.commit([first, second], undefined, (stored) => stored)
  assert.deepEqual(names, ['a.txt', 'b.txt'])
  assert.equal(statSync(join(directory, 'b.txt')).size, 3)
})
