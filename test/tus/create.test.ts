// POST of tus 1.0.0: the extensions creation and creation-with-upload.

import assert from 'node:assert/strict'
import { eachWay } from '../host/tus.ts'
import {
  askToCreate,
  base64,
  begin,
  content,
  create,
  type Headers,
  httpDate,
  offsetOf,
  patch,
  pathOf,
} from '../host/tus-requests.ts'

eachWay((rule) => {
  rule('POST creates an upload, whose Location is a path without a host', async (server) => {
    for (const path of ['/tus', '/tus/']) {
      const reply = await server.send({ method: 'POST', path, headers: { 'Upload-Length': '9' } })
      assert.equal(reply.status, 201, reply.text)
      const location = reply.header('Location') ?? ''
      const id = location.slice(-32)
      assert.match(id, /^[0-9a-f]{32}$/)
      assert.equal(location, `${server.path}/tus/${id}`)
      assert.equal(await offsetOf(server, `/tus/${id}`), '0')
    }
  })

  rule('Location is relative where a proxy says that it removes a prefix', async (server) => {
    for (const path of ['/tus', '/tus/']) {
      const headers = { 'Upload-Length': '9', 'X-Forwarded-Prefix': '/files' }
      const location = (await server.send({ method: 'POST', path, headers })).header('Location')
      assert.match(location ?? '', path === '/tus' ? /^tus\/[0-9a-f]{32}$/ : /^[0-9a-f]{32}$/)
    }
  })

  rule('POST without a sensible length is refused with 400', async (server) => {
    for (const length of [undefined, '', '-1', 'x', '1.5', '99999999999999999999']) {
      const reply = await server.send({ method: 'POST', headers: { 'Upload-Length': length } })
      assert.equal(reply.status, 400, length)
      assert.equal(JSON.parse(reply.text).code, 'BAD_UPLOAD')
    }
    assert.deepEqual(server.incoming(), [])
  })

  rule('a deferred length and concatenation are not offered: 400', async (server) => {
    for (const headers of [
      { 'Upload-Defer-Length': '1' },
      { 'Upload-Defer-Length': '2' },
      { 'Upload-Length': '5', 'Upload-Defer-Length': '1' },
      { 'Upload-Length': '5', 'Upload-Concat': 'partial' },
      { 'Upload-Concat': 'final;/tus/a /tus/b' },
    ] as Headers[]) {
      const reply = await server.send({ method: 'POST', headers })
      assert.equal(reply.status, 400)
    }
    assert.deepEqual(server.incoming(), [])
  })

  rule(
    'POST of more than Tus-Max-Size is refused with 413, exactly that passes',
    async (server) => {
      const over = await askToCreate(server, { length: 100_000_001 })
      assert.equal(over.status, 413, over.text)
      assert.equal(JSON.parse(over.text).code, 'FILE_TOO_LARGE')
      const exact = await askToCreate(server, { length: 100_000_000 })
      assert.equal(exact.status, 201)
    },
  )

  rule('Upload-Metadata names the file, and HEAD gives it back unchanged', async (server) => {
    const text = `filename ${base64('Größe.txt')},filetype ${base64('text/plain')},is_secret`
    const headers = { 'Upload-Metadata': text }
    const path = await create(server, { length: content.length, headers })
    for (const part of [content.subarray(0, 5), content.subarray(5)]) {
      const reply = await server.send({ method: 'HEAD', path })
      assert.equal(reply.header('Upload-Metadata'), text)
      await patch(server, path, part.length === 5 ? 0 : 5, part)
    }
    const reply = await server.send({ method: 'HEAD', path })
    assert.equal(reply.header('Upload-Metadata'), text)
    assert.equal(reply.header('Content-Location'), encodeURIComponent('Größe.txt'))
    assert.deepEqual(Object.keys(server.stored()), ['Größe.txt'])
  })

  rule('without metadata HEAD has none, and the file is called `upload`', async (server) => {
    const path = await create(server, { length: content.length })
    const reply = await server.send({ method: 'HEAD', path })
    assert.equal(reply.header('Upload-Metadata'), undefined)
    await patch(server, path, 0, content)
    assert.deepEqual(Object.keys(server.stored()), ['upload'])
  })

  rule('malformed metadata is refused with 400', async (server) => {
    const wrong = ['filename a', 'a YQ==,a YQ==', 'a YQ== YQ==', 'a,,b', 'filename YQ==, ,']
    for (const text of wrong) {
      const reply = await askToCreate(server, { length: 5, headers: { 'Upload-Metadata': text } })
      assert.equal(reply.status, 400, text)
    }
    assert.deepEqual(server.incoming(), [])
  })

  rule('an empty file is stored at once', async (server) => {
    const reply = await askToCreate(server, { length: 0, name: 'empty.txt' })
    assert.equal(reply.status, 201)
    assert.equal(reply.header('Upload-Offset'), '0')
    assert.equal(reply.header('Content-Location'), 'empty.txt')
    assert.equal(reply.header('Upload-Expires'), undefined)
    assert.deepEqual(server.stored(), { 'empty.txt': '' })
  })

  rule('POST may bring the beginning of the file', async (server) => {
    const reply = await begin(server, content.length, content.subarray(0, 5))
    assert.equal(reply.status, 201, reply.text)
    assert.equal(reply.header('Upload-Offset'), '5')
    assert.match(reply.header('Upload-Expires') ?? '', httpDate)
    const path = pathOf(reply)
    assert.equal(await offsetOf(server, path), '5')
    await patch(server, path, 5, content.subarray(5))
    assert.deepEqual(server.stored(), { upload: content.toString() })
  })

  rule('POST may bring the whole file', async (server) => {
    const metadata = { 'Upload-Metadata': `filename ${base64('a.txt')}` }
    const reply = await begin(server, content.length, content, metadata)
    assert.equal(reply.status, 201, reply.text)
    assert.equal(reply.header('Upload-Offset'), String(content.length))
    assert.equal(reply.header('Content-Location'), 'a.txt')
    assert.equal(reply.header('Upload-Expires'), undefined)
    assert.equal(await offsetOf(server, pathOf(reply)), String(content.length))
    assert.deepEqual(server.stored(), { 'a.txt': content.toString() })
  })

  rule('POST with a body that is too long, or no piece, creates nothing', async (server) => {
    const tooLong = await begin(server, 5, content)
    assert.equal(tooLong.status, 413)
    const chunked = await begin(server, 5, content, {}, true)
    assert.equal(chunked.status, 413)
    const type = { 'Content-Type': 'text/plain' }
    const otherType = await begin(server, content.length, content, type)
    assert.equal(otherType.status, 415)
    assert.deepEqual(server.incoming(), [])
  })

  rule('POST may bring a chunked body', async (server) => {
    const reply = await begin(server, content.length, content.subarray(0, 5), {}, true)
    assert.deepEqual([reply.status, reply.header('Upload-Offset')], [201, '5'])
  })

  rule(
    'the address in public_url is told when the file is stored',
    async (server) => {
      const metadata = { 'Upload-Metadata': `name ${base64('a b.txt')},type ${base64('text/x')}` }
      const reply = await begin(server, content.length, content, metadata)
      assert.equal(reply.header('Content-Location'), 'https://files.example/a%20b.txt')
    },
    { UPLOAD_CGI_PUBLIC_URL: 'https://files.example/' },
  )
})
