// A sender of less than 1 KB a second is refused after a minute, whatever it sends. The clock of
// the program is one that runs on with every read, so that no test waits.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCgi } from '../host/cgi.ts'
import { file, finished, incoming, post, visible } from '../host/form.ts'
import { missing } from '../host/installed.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import { freshDirectory } from '../host/program.ts'
import { slowReads } from '../host/slow-clock.ts'
import { pieceType } from '../host/tus-requests.ts'

const skip = missing('gcc')
const large = file('large.bin', Buffer.alloc(2_000_000, 'x'))

test('a slow form is refused with TOO_SLOW, and nothing is stored', { skip }, async (t) => {
  const directory = freshDirectory(t)
  const reply = await post(directory, [large], slowReads(freshDirectory(t), 19_000))
  assert.equal(reply.status, 408, reply.text)
  assert.deepEqual([reply.json().code, reply.json().passing], ['TOO_SLOW', true])
  assert.deepEqual([finished(directory), incoming(directory)], [[], []])
})

test('a chunked one likewise', { skip }, async (t) => {
  const directory = freshDirectory(t)
  const chunked = { CONTENT_LENGTH: undefined, HTTP_TRANSFER_ENCODING: 'chunked' }
  const reply = await post(directory, [large], { ...slowReads(directory, 100), ...chunked })
  assert.equal(reply.json().code, 'TOO_SLOW')
})

test('a form that comes just fast enough is stored', { skip }, async (t) => {
  const directory = freshDirectory(t)
  const reply = await post(directory, [large], slowReads(freshDirectory(t), 21_000))
  assert.equal(reply.status, 201, reply.text)
  assert.deepEqual(finished(directory), ['large.bin'])
})

test('what a slow sender by tus has sent is kept, and it resumes there', { skip }, async (t) => {
  const directory = freshDirectory(t)
  const send = (method: string, path: string, env: Record<string, string>, body: Buffer) =>
    runCgi({
      directory,
      method,
      body,
      contentType: pieceType,
      env: { PATH_INFO: path, HTTP_TUS_RESUMABLE: '1.0.0', ...env },
    })
  const bytes = Buffer.alloc(100_000, 'some bytes ')
  const created = await send('POST', '/tus', { HTTP_UPLOAD_LENGTH: '100000' }, Buffer.alloc(0))
  const upload = created.headers.get('location')?.slice(-32) ?? ''
  const slow = { HTTP_UPLOAD_OFFSET: '0', ...slowReads(freshDirectory(t), 5000) }
  assert.equal((await send('PATCH', `/tus/${upload}`, slow, bytes)).status, 408)
  const head = await send('HEAD', `/tus/${upload}`, {}, Buffer.alloc(0))
  assert.equal(head.headers.get('upload-offset'), '15000')
  const rest = { HTTP_UPLOAD_OFFSET: '15000' }
  const last = await send('PATCH', `/tus/${upload}`, rest, bytes.subarray(15_000))
  assert.equal(last.status, 204, last.text)
  assert.equal(visible(directory).length, 1)
})

test('a refused body that comes slowly is not waited for', { skip }, async (t) => {
  const directory = freshDirectory(t)
  function* endless() {
    for (;;) yield Buffer.alloc(1000, 'x')
  }
  const reply = await runCgi({
    directory,
    body: endless(),
    contentType: 'text/plain',
    env: { CONTENT_LENGTH: '9000000000000000', ...slowReads(freshDirectory(t), 100) },
  })
  assert.equal(reply.status, 415, reply.text)
  assert.equal(reply.exitCode, 0)
})

test('a slow small form of which all bytes have come is stored', { skip }, async (t) => {
  const directory = freshDirectory(t)
  const body = multipartBody([file('a.txt')])
  const env = slowReads(freshDirectory(t), Math.ceil(body.length / 2))
  const reply = await runCgi({ directory, body, contentType: contentType(), env })
  assert.equal(reply.status, 201, reply.text)
})
