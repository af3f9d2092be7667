// `.upload-cgi/`, the hidden folder: who may use it, what it inherits, what its names tell, and
// that no umask leaves it broken.

import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  statSync,
  utimesSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertFault, contents, file, post } from '../host/form.ts'
import { incomingPath } from '../host/incoming.ts'
import { content, Uploads } from '../host/piece-upload.ts'
import { freshDirectory } from '../host/program.ts'
import { needsRoot } from '../host/user.ts'

const noRoot = needsRoot('only root can give a directory away')

test('a folder that others may write to is refused with the remedy until fixed', async (t) => {
  const directory = freshDirectory(t)
  const folder = join(directory, '.upload-cgi')
  mkdirSync(folder)
  for (const mode of [0o777, 0o720, 0o702]) {
    chmodSync(folder, mode)
    const reply = await post(directory, [file('a.txt')])
    assertFault(reply, 'DIRECTORY_UNUSABLE')
    assert.match(reply.stderr, /others may write to .*: chmod go-w /)
    assert.deepEqual(contents(directory), {})
  }
  chmodSync(folder, 0o700)
  assert.equal((await post(directory, [file('a.txt')])).status, 201)
})

test('a folder of somebody else is refused, in a form and in an upload in pieces', {
  skip: noRoot,
}, async () => {
  const uploads = new Uploads()
  assert.equal((await uploads.piece({ bytes: content.subarray(0, 1000) })).status, 202)
  const folder = join(uploads.directory, '.upload-cgi')
  chownSync(folder, 33, 33)
  const form = await post(uploads.directory, [file('a.txt')])
  assertFault(form, 'DIRECTORY_UNUSABLE')
  assert.match(form.stderr, /belongs to user 33, not to 0: chown -R 0 /)
  const before = uploads.incoming()
  assertFault(
    await uploads.piece({ offset: 1000, bytes: content.subarray(1000, 2000) }),
    'DIRECTORY_UNUSABLE',
  )
  assert.deepEqual(uploads.incoming(), before)
  chownSync(folder, 0, 0)
  assert.equal((await uploads.send(100_000, 1000)).status, 201)
})

test('nothing in the folder is for others, and no name is computed from an id', async () => {
  const uploads = new Uploads()
  await uploads.piece({ bytes: content.subarray(0, 1000) })
  const folder = join(uploads.directory, '.upload-cgi')
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  for (const name of ['', ...names]) {
    const stats = lstatSync(join(folder, name))
    assert.equal(stats.mode & 0o077, 0, name)
    if (stats.isFile()) assert.match(name, /(^|\/)\.ht[^/]*$/)
    assert.ok(!name.includes(uploads.id), name)
  }
  assert.deepEqual(uploads.kinds(), ['data', 'journal'])
})

test('incoming/ inherits group and setgid bit, and is made anew once it is empty', {
  skip: noRoot,
}, async (t) => {
  const directory = freshDirectory(t)
  assert.equal((await post(directory, [file('a.txt')])).status, 201)
  chownSync(directory, 0, 33)
  chmodSync(directory, 0o2770)
  assert.equal((await post(directory, [file('b.txt')])).status, 201)
  const incoming = statSync(incomingPath(directory))
  assert.deepEqual([incoming.gid, incoming.mode & 0o7777], [33, 0o2700])
  assert.equal((await post(directory, [file('c.txt')])).status, 201)
  assert.equal(statSync(join(directory, 'c.txt')).gid, 33)
  assert.deepEqual(readdirSync(directory).sort(), ['.upload-cgi', 'a.txt', 'b.txt', 'c.txt'])
})

test('what a process left that was killed while it made incoming/ is removed', async (t) => {
  const directory = freshDirectory(t)
  const [old, young] = ['a', 'b'].map((digit) => join(directory, `.upload-cgi-${digit.repeat(32)}`))
  assert.ok(old && young)
  for (const path of [old, young]) mkdirSync(path)
  utimesSync(old, 1000, 1000)
  assert.equal((await post(directory, [file('a.txt')])).status, 201)
  assert.deepEqual(readdirSync(directory).sort(), [
    '.upload-cgi',
    `.upload-cgi-${'b'.repeat(32)}`,
    'a.txt',
  ])
})

for (const umask of ['0277', '0777', '0177']) {
  test(`umask ${umask} leaves a folder that works`, async () => {
    const uploads = new Uploads()
    const limit = `umask ${umask};`
    assert.equal((await post(uploads.directory, [file('a.txt')], {}, { limit })).status, 201)
    for (const path of ['.upload-cgi', '.upload-cgi/incoming']) {
      assert.equal(statSync(join(uploads.directory, path)).mode & 0o700, 0o700, path)
    }
    assert.equal((await uploads.send()).status, 201)
  })
}
