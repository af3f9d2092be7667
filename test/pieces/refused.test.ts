// Pieces that are refused: what is said, and that nothing but the right piece is ever appended.

import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCgi } from '../host/cgi.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import { assertRefused, content, type Piece, Uploads } from '../host/piece-upload.ts'
import { program } from '../host/program.ts'

test('a piece anywhere but where the upload stands is told where it stands', async () => {
  const uploads = new Uploads()
  const piece = (offset: number, to: number) =>
    uploads.piece({ offset, bytes: content.subarray(offset, to) })
  assertRefused(await piece(100_000, 200_000), 404, 'NO_SUCH_UPLOAD')
  assert.equal((await piece(0, 100_000)).status, 202)
  for (const [from, to] of [
    [0, 100_000],
    [50_000, 150_000],
    [200_000, 300_000],
  ] as const) {
    const reply = await piece(from, to)
    assertRefused(reply, 409, 'OFFSET_MISMATCH')
    assert.equal(reply.json().offset, 100_000)
    assert.equal(reply.headers.get('upload-offset'), '100000')
    assert.equal(reply.headers.get('content-type'), 'application/problem+json')
  }
  assert.equal((await uploads.send(100_000, 100_000)).status, 201)
  assert.deepEqual(readFileSync(join(uploads.directory, 'video.mp4')), content)
})

test('what does not fit together is refused, and what has arrived stays as it was', async () => {
  const uploads = new Uploads()
  const bytes = content.subarray(100_000, 200_000)
  await uploads.piece({ bytes: content.subarray(0, 100_000) })
  const before = uploads.incoming()
  const next = { offset: 100_000, bytes }
  const wrong: readonly Piece[] = [
    { ...next, size: 300_001 },
    { ...next, bytes: Buffer.alloc(200_001) },
    { ...next, size: '3e5' },
    { ...next, size: '-1' },
    { ...next, offset: '0100000' },
    { ...next, offset: '99999999999999999999' },
    { ...next, id: '' },
    { ...next, id: `${uploads.id}0` },
    { ...next, id: '../../../../etc/passwd' },
    { ...next, fields: { _cancel: '1' } },
  ]
  for (const piece of wrong) assertRefused(await uploads.piece(piece), 400, 'BAD_UPLOAD')
  assertRefused(await uploads.post({ _upload: uploads.id }, next), 400, 'BAD_UPLOAD')
  assertRefused(await uploads.post({ _offset: '100000' }, next), 400, 'BAD_UPLOAD')
  assertRefused(await uploads.post({ _upload: uploads.id }), 400, 'NOTHING_UPLOADED')
  assert.deepEqual(uploads.incoming(), before)
  assert.equal((await uploads.look()).json().offset, 100_000)
  assert.equal((await uploads.send(100_000, 100_000)).status, 201)
  assert.deepEqual(readFileSync(join(uploads.directory, 'video.mp4')), content)
})

test('two files in a piece, and fields behind the file, are refused', async () => {
  const uploads = new Uploads()
  const fields = [
    { name: '_upload', content: uploads.id },
    { name: '_offset', content: '0' },
    { name: '_size', content: '8' },
  ]
  const file = { name: 'file', filename: 'a', content: 'data' }
  for (const parts of [
    [...fields, file, file],
    [...fields.slice(0, 2), file, ...fields.slice(2)],
    [...fields, ...fields, file],
    [file, ...fields],
  ]) {
    const reply = await runCgi({
      directory: uploads.directory,
      contentType: contentType(),
      body: multipartBody(parts),
      env: { HTTP_ACCEPT: 'application/json' },
    })
    assertRefused(reply, 400, 'BAD_UPLOAD')
    assert.deepEqual([uploads.stored(), uploads.incoming()], [[], []])
  }
})

test('a piece that breaks off or is malformed adds nothing', async () => {
  const uploads = new Uploads()
  await uploads.piece({ bytes: content.subarray(0, 100_000) })
  const whole = multipartBody([
    { name: '_upload', content: uploads.id },
    { name: '_offset', content: '100000' },
    { name: '_size', content: '300000' },
    { name: 'file', filename: 'file', content: content.subarray(100_000, 200_000) },
  ])
  const headers = { program, directory: uploads.directory, contentType: contentType() }
  const accept = { HTTP_ACCEPT: 'application/json' }
  const cut = whole.subarray(0, -20)
  const broken = await runCgi({
    ...headers,
    body: cut,
    env: { ...accept, CONTENT_LENGTH: String(whole.length) },
  })
  assertRefused(broken, 400, 'INCOMPLETE_BODY')
  assertRefused(await runCgi({ ...headers, body: cut, env: accept }), 400, 'BAD_MULTIPART')
  assert.equal((await uploads.look()).json().offset, 100_000)
  assert.equal(statSync(uploads.inIncoming('data')).size, 100_000)
  assert.deepEqual(uploads.kinds(), ['data', 'journal'])
  assert.equal((await uploads.send(100_000, 100_000)).status, 201)
})

test('a first piece that is refused leaves nothing behind', async () => {
  const uploads = new Uploads()
  const bytes = content.subarray(0, 100)
  const limit = { UPLOAD_CGI_MAX_FILE_SIZE: '200kB' }
  assertRefused(await uploads.piece({ bytes, env: limit }), 413, 'FILE_TOO_LARGE')
  assertRefused(await uploads.piece({ bytes, name: 'a.php' }), 415, 'EXTENSION_REFUSED')
  assertRefused(await uploads.piece({ bytes, size: 9e15 }), 413, 'FILE_TOO_LARGE')
  const endless = { UPLOAD_CGI_MAX_FILE_SIZE: '0' }
  assertRefused(await uploads.piece({ bytes, size: 9e15, env: endless }), 507, 'DISK_FULL')
  writeFileSync(join(uploads.directory, 'video.mp4'), 'first')
  const reject = { UPLOAD_CGI_ON_CONFLICT: 'reject' }
  assertRefused(await uploads.piece({ bytes, env: reject }), 409, 'NAME_TAKEN')
  assertRefused(await uploads.piece({ bytes: content.subarray(0, 9), size: 8 }), 400, 'BAD_UPLOAD')
  assert.deepEqual(uploads.incoming(), [])
})

test('no more uploads are unfinished than the owner says; finished ones do not count', async () => {
  const uploads = new Uploads()
  const env = { UPLOAD_CGI_MAX_PARTIAL_UPLOADS: '2' }
  const begin = (id: string) => uploads.piece({ id, bytes: content.subarray(0, 10), env })
  const ids = ['a', 'b', 'c'].map((digit) => digit.repeat(32)) as [string, string, string]
  assert.equal((await begin(ids[0])).status, 202)
  assert.equal((await begin(ids[1])).status, 202)
  assertRefused(await begin(ids[2]), 503, 'TOO_MANY_UPLOADS')
  const bytes = content.subarray(10)
  assert.equal((await uploads.piece({ id: ids[0], offset: 10, bytes, env })).status, 201)
  assert.equal((await begin(ids[2])).status, 202)
})

test('a foreign page can neither send a piece nor learn how an upload stands', async () => {
  const uploads = new Uploads()
  await uploads.piece({ bytes: content.subarray(0, 100_000) })
  const env = { HTTP_SEC_FETCH_SITE: 'cross-site' }
  assertRefused(await uploads.piece({ bytes: content, env }), 403, 'FOREIGN_ORIGIN')
  const reply = await uploads.look(uploads.id, { HTTP_ORIGIN: 'https://evil.example' })
  assert.equal(reply.headers.get('access-control-allow-origin'), undefined)
})
