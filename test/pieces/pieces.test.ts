// Uploads in pieces by POST: what is told after each piece, and that the file arrives equal and
// once.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { runCgi } from '../host/cgi.ts'
import { incomingFile } from '../host/incoming.ts'
import { assertRefused, content, Uploads } from '../host/piece-upload.ts'

test('a file in three pieces arrives equal, and each piece is told', async () => {
  const uploads = new Uploads()
  const first = await uploads.piece({ bytes: content.subarray(0, 100_000) })
  assert.equal(first.status, 202, first.text)
  assert.equal(first.headers.get('content-type'), 'application/json')
  assert.equal(first.headers.get('upload-offset'), '100000')
  assert.deepEqual(first.json(), { upload: uploads.id, offset: 100_000, size: 300_000 })
  assert.deepEqual(uploads.stored(), [])
  const second = await uploads.piece({ offset: 100_000, bytes: content.subarray(100_000, 250_000) })
  assert.deepEqual(second.json(), { upload: uploads.id, offset: 250_000, size: 300_000 })
  const bytes = content.subarray(250_000)
  const last = await uploads.piece({ offset: 250_000, bytes, fields: { note: 'for Ann' } })
  assert.equal(last.status, 201, last.text)
  const { id, time, receipt: number, ...receipt } = last.json()
  assert.match(number, /^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{2}$/)
  assert.ok(id.length > 0 && !Number.isNaN(Date.parse(time)))
  const sha256 = createHash('sha256').update(content).digest('hex')
  const file = { field: 'file', name: 'video.mp4', stored: 'video.mp4', size: 300_000 }
  assert.deepEqual(receipt, {
    upload: uploads.id,
    files: [{ ...file, type: 'application/octet-stream', sha256 }],
    fields: [{ name: 'note', value: 'for Ann' }],
  })
  assert.deepEqual(readFileSync(join(uploads.directory, 'video.mp4')), content)
  assert.equal(statSync(join(uploads.directory, 'video.mp4')).mode & 0o777, 0o640)
  assert.deepEqual(uploads.kinds(), [])
})

test('where an upload stands can be asked, before, while and after', async () => {
  const uploads = new Uploads()
  assertRefused(await uploads.look(), 404, 'NO_SUCH_UPLOAD')
  assertRefused(await uploads.look('not an id'), 404, 'NO_SUCH_UPLOAD')
  assertRefused(await uploads.look(`../${uploads.id}`), 404, 'NO_SUCH_UPLOAD')
  await uploads.piece({ bytes: content.subarray(0, 100_000) })
  const half = await uploads.look(uploads.id.toUpperCase())
  assert.equal(half.status, 200)
  assert.equal(half.headers.get('upload-offset'), '100000')
  assert.deepEqual(half.json(), { upload: uploads.id, offset: 100_000, size: 300_000 })
  const receipt = (await uploads.send(200_000, 100_000)).json()
  const whole = await uploads.look()
  assert.deepEqual(whole.json(), { ...receipt, offset: 300_000, size: 300_000 })
})

test('whoever is overtaken hears that it is stored, not that there is no upload', async () => {
  for (let round = 0; round < 15; round++) {
    const uploads = new Uploads()
    const bytes = content.subarray(0, 1000)
    const senders = Array.from({ length: 8 }, () => uploads.piece({ bytes, size: 1000 }))
    const replies = await Promise.all(senders)
    const said = replies.map(({ status }) => status).filter((status) => status !== 423)
    assert.deepEqual([...new Set(said)], [201])
    assert.deepEqual(uploads.stored(), ['video.mp4'])
  }
})

test('the id may come in a header, which servers do not write into their logs', async () => {
  const uploads = new Uploads()
  const look = (id: string, env = {}) =>
    runCgi({
      directory: uploads.directory,
      env: { HTTP_X_UPLOAD_ID: id, HTTP_ACCEPT: 'application/json', ...env },
    })
  assertRefused(await look(uploads.id), 404, 'NO_SUCH_UPLOAD')
  await uploads.piece({ bytes: content.subarray(0, 100_000) })
  assert.equal((await look(uploads.id)).json().offset, 100_000)
  assert.equal((await look(uploads.id, { QUERY_STRING: 'upload=other' })).json().offset, 100_000)
  assertRefused(await look('not an id'), 404, 'NO_SUCH_UPLOAD')
  assert.match((await look('')).text, /<form/, 'an empty one is none')
})

test('a last piece sent again, because its reply was lost, stores nothing twice', async () => {
  const uploads = new Uploads()
  await uploads.piece({ bytes: content.subarray(0, 200_000) })
  const last = { offset: 200_000, bytes: content.subarray(200_000), fields: { note: 'x' } }
  const first = await uploads.piece(last)
  assert.equal(first.status, 201)
  const again = await uploads.piece(last)
  assert.equal(again.status, 201)
  assert.deepEqual(again.json(), first.json())
  assert.deepEqual(uploads.stored(), ['video.mp4'])
  assertRefused(await uploads.piece({ ...last, size: 7 }), 400, 'BAD_UPLOAD')
})

test('a whole file in one piece is stored at once, and only once', async () => {
  const uploads = new Uploads()
  const first = await uploads.piece({ bytes: content })
  assert.equal(first.status, 201)
  assert.deepEqual((await uploads.piece({ bytes: content })).json(), first.json())
  assert.deepEqual(uploads.stored(), ['video.mp4'])
  const empty = new Uploads()
  assert.equal((await empty.piece({ size: 0, bytes: Buffer.alloc(0) })).status, 201)
  assert.equal(statSync(join(empty.directory, 'video.mp4')).size, 0)
})

test('the name is kept from the first piece, and a taken one gets a number', async () => {
  const uploads = new Uploads()
  writeFileSync(join(uploads.directory, "l'été.mp4"), 'first')
  const name = encodeURIComponent("l'été.mp4")
  await uploads.piece({ bytes: content.subarray(0, 100_000), name })
  const bytes = content.subarray(100_000)
  const reply = await uploads.piece({ offset: 100_000, bytes, name: 'other.txt' })
  assert.equal(reply.json().files[0].stored, "l'été-2.mp4")
  assert.equal(reply.json().files[0].name, "l'été.mp4")
})

test('with durable off and without checksum it arrives as well', async () => {
  const uploads = new Uploads()
  const env = { UPLOAD_CGI_DURABLE: 'false', UPLOAD_CGI_CHECKSUM: 'none' }
  await uploads.piece({ bytes: content.subarray(0, 100_000), env })
  const reply = await uploads.piece({ offset: 100_000, bytes: content.subarray(100_000), env })
  assert.equal(reply.status, 201)
  assert.ok(!('sha256' in reply.json().files[0]))
  assert.deepEqual(readFileSync(join(uploads.directory, 'video.mp4')), content)
})

test('the log has a line for each piece, and for the last one how many there were', async () => {
  const uploads = new Uploads()
  const log = join(uploads.directory, '..', `${uploads.id}.log`)
  after(() => rmSync(log, { force: true }))
  const env = { UPLOAD_CGI_LOG_FILE: log }
  await uploads.piece({ bytes: content.subarray(0, 100_000), env })
  await uploads.piece({ offset: 100_000, bytes: content.subarray(100_000), env })
  const lines = readFileSync(log, 'utf8').trim().split('\n')
  const [first, last] = lines.map((line) => JSON.parse(line))
  assert.equal(first.status, 202)
  assert.ok(!('files' in first))
  assert.equal(last.status, 201)
  assert.equal(last.pieces, 2)
  assert.ok(last.seconds >= 0 && last.seconds < 600)
  assert.equal(last.files[0].size, 300_000)
  assert.ok(!readFileSync(log, 'utf8').includes(uploads.id), 'the id is a secret')
})

test('overwrite replaces at the last piece alone; reject looks again then', async () => {
  const uploads = new Uploads()
  const path = join(uploads.directory, 'video.mp4')
  const half = { bytes: content.subarray(0, 100_000) }
  const rest = { offset: 100_000, bytes: content.subarray(100_000) }
  writeFileSync(path, 'old')
  const overwrite = { UPLOAD_CGI_ON_CONFLICT: 'overwrite' }
  await uploads.piece({ ...half, env: overwrite })
  assert.equal(readFileSync(path, 'utf8'), 'old')
  assert.equal((await uploads.piece({ ...rest, env: overwrite })).status, 201)
  assert.deepEqual(readFileSync(path), content)
  rmSync(path)
  const reject = { UPLOAD_CGI_ON_CONFLICT: 'reject' }
  const id = randomBytes(16).toString('hex')
  await uploads.piece({ ...half, id, env: reject })
  writeFileSync(path, 'meanwhile')
  assertRefused(await uploads.piece({ ...rest, id, env: reject }), 409, 'NAME_TAKEN')
  assert.equal((await uploads.look(id)).json().offset, 300_000)
  for (const kind of ['data', 'journal']) {
    assert.ok(existsSync(incomingFile(uploads.directory, id, kind)), kind)
  }
  rmSync(path)
  const bytes = Buffer.alloc(0)
  assert.equal((await uploads.piece({ id, offset: 300_000, bytes, env: reject })).status, 201)
  assert.deepEqual(readFileSync(path), content)
})
