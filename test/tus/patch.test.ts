// PATCH of tus 1.0.0 (core): what is appended, where, and what is refused.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCgi } from '../host/cgi.ts'
import { byItself, eachWay } from '../host/tus.ts'
import { content, create, offsetOf, patch, pieceType } from '../host/tus-requests.ts'

eachWay((rule) => {
  rule(
    'PATCH appends at the offset and tells the new one; the last stores the file',
    async (server) => {
      const path = await create(server, { length: content.length, name: 'a.txt' })
      const first = await patch(server, path, 0, content.subarray(0, 5))
      assert.equal(first.status, 204)
      assert.equal(first.header('Upload-Offset'), '5')
      assert.equal(first.header('Content-Location'), undefined)
      assert.deepEqual(server.stored(), {})
      const last = await patch(server, path, 5, content.subarray(5))
      assert.equal(last.status, 204)
      assert.equal(last.header('Upload-Offset'), String(content.length))
      assert.equal(last.header('Content-Location'), 'a.txt')
      assert.equal(last.text, '')
      assert.deepEqual(server.stored(), { 'a.txt': content.toString() })
      assert.deepEqual(server.incoming(), [])
    },
  )

  rule('PATCH of another type is refused with 415 and changes nothing', async (server) => {
    const path = await create(server, { length: content.length })
    const types = [undefined, 'application/octet-stream', 'text/plain', `x${pieceType}`]
    for (const type of types) {
      const reply = await patch(server, path, 0, content, { 'Content-Type': type })
      assert.equal(reply.status, 415)
      assert.equal(JSON.parse(reply.text).code, 'NOT_A_PIECE')
    }
    assert.equal(await offsetOf(server, path), '0')
  })

  rule(
    'PATCH elsewhere than at the offset is refused with 409 and changes nothing',
    async (server) => {
      const path = await create(server, { length: content.length })
      await patch(server, path, 0, content.subarray(0, 5))
      for (const offset of [0, 4, 6, 27, 28, 9_000_000_000]) {
        const reply = await patch(server, path, offset, content.subarray(5, 6))
        assert.equal(reply.status, 409, `${offset}`)
        assert.equal(reply.header('Upload-Offset'), '5')
        assert.equal(JSON.parse(reply.text).offset, 5)
      }
      assert.equal(await offsetOf(server, path), '5')
      await patch(server, path, 5, content.subarray(5))
      assert.deepEqual(Object.values(server.stored()), [content.toString()])
    },
  )

  rule('an offset that is missing or no number is refused with 400', async (server) => {
    const path = await create(server, { length: content.length })
    for (const offset of [undefined, '-1', '', 'x', '0x0', '0.0']) {
      const reply = await patch(server, path, 0, content, { 'Upload-Offset': offset })
      assert.equal(reply.status, 400, `${offset}`)
      assert.equal(JSON.parse(reply.text).code, 'BAD_UPLOAD')
    }
    assert.equal(await offsetOf(server, path), '0')
  })

  rule('an empty PATCH is accepted where the upload stands, also at the end', async (server) => {
    const path = await create(server, { length: content.length, name: 'a.txt' })
    const empty = await patch(server, path, 0, Buffer.alloc(0))
    assert.deepEqual([empty.status, empty.header('Upload-Offset')], [204, '0'])
    await patch(server, path, 0, content)
    const again = await patch(server, path, content.length, Buffer.alloc(0))
    assert.equal(again.status, 204)
    assert.equal(again.header('Upload-Offset'), String(content.length))
    assert.equal(again.header('Content-Location'), 'a.txt')
    const withoutLength = await server.send({
      method: 'PATCH',
      path,
      headers: {
        'Content-Type': pieceType,
        'Content-Length': undefined,
        'Upload-Offset': String(content.length),
      },
    })
    assert.equal(withoutLength.status, 204)
    assert.deepEqual(server.stored(), { 'a.txt': content.toString() })
  })

  rule('a chunked PATCH without a length works', async (server) => {
    const path = await create(server, { length: content.length, name: 'a.txt' })
    const headers = { 'Content-Type': pieceType, 'Upload-Offset': '0' }
    const first = {
      method: 'PATCH',
      path,
      headers,
      body: content.subarray(0, 9),
      isChunked: true,
    }
    const reply = await server.send(first)
    assert.deepEqual([reply.status, reply.header('Upload-Offset')], [204, '9'])
    await server.send({
      ...first,
      headers: { ...headers, 'Upload-Offset': '9' },
      body: content.subarray(9),
    })
    assert.deepEqual(server.stored(), { 'a.txt': content.toString() })
  })

  rule('more bytes than announced are refused with 413 and none is kept', async (server) => {
    const path = await create(server, { length: content.length, name: 'a.txt' })
    const more = Buffer.concat([content, Buffer.from('x')])
    const reply = await patch(server, path, 0, more)
    assert.equal(reply.status, 413)
    assert.equal(JSON.parse(reply.text).code, 'FILE_TOO_LARGE')
    const headers = { 'Content-Type': pieceType, 'Upload-Offset': '0' }
    const chunked = { method: 'PATCH', path, headers, body: more, isChunked: true }
    assert.equal((await server.send(chunked)).status, 413)
    assert.equal(await offsetOf(server, path), '0')
    await patch(server, path, 0, content)
    const beyond = await patch(server, path, content.length, Buffer.from('x'))
    assert.equal(beyond.status, 413)
    assert.deepEqual(server.stored(), { 'a.txt': content.toString() })
  })

  rule('the length does not change once it is told', async (server) => {
    const path = await create(server, { length: content.length })
    const wrong = await patch(server, path, 0, content, { 'Upload-Length': '99' })
    assert.equal(wrong.status, 400)
    assert.equal(await offsetOf(server, path), '0')
    const right = await patch(server, path, 0, content, { 'Upload-Length': '27' })
    assert.equal(right.status, 204)
  })
})

test('a PATCH whose length nobody says: 411, for an empty piece would never end', async (t) => {
  const server = await byItself(t, {})
  const path = await create(server, { length: 10 })
  const { status, stderr } = await runCgi({
    directory: server.directory,
    env: {
      REQUEST_METHOD: 'PATCH',
      PATH_INFO: path.replace(/^.*(?=\/tus\/)/, ''),
      HTTP_TUS_RESUMABLE: '1.0.0',
      HTTP_UPLOAD_OFFSET: '0',
      CONTENT_TYPE: pieceType,
      CONTENT_LENGTH: undefined,
    },
  })
  assert.deepEqual([status, stderr], [411, ''])
})
