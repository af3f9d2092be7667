// HEAD of tus 1.0.0 (core): where an upload is, and what is not known.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { incomingFile } from '../host/incoming.ts'
import { eachWay } from '../host/tus.ts'
import { content, create, offsetOf, patch } from '../host/tus-requests.ts'

eachWay((rule) => {
  rule('HEAD tells offset and length, and is not to be cached', async (server) => {
    const path = await create(server, { length: content.length })
    const before = await server.send({ method: 'HEAD', path })
    assert.equal(before.status, 200)
    assert.equal(before.header('Upload-Offset'), '0')
    assert.equal(before.header('Upload-Length'), String(content.length))
    assert.equal(before.header('Cache-Control'), 'no-store')
    assert.equal(before.header('Upload-Defer-Length'), undefined)
    assert.equal(before.text, '')
    await patch(server, path, 0, content.subarray(0, 11))
    assert.equal(await offsetOf(server, path), '11')
  })

  rule('HEAD tells offset and length of an upload that is complete, too', async (server) => {
    const path = await create(server, { length: content.length, name: 'a.txt' })
    await patch(server, path, 0, content)
    const reply = await server.send({ method: 'HEAD', path })
    assert.equal(reply.status, 200)
    assert.equal(reply.header('Upload-Offset'), String(content.length))
    assert.equal(reply.header('Upload-Length'), String(content.length))
    assert.equal(reply.header('Upload-Expires'), undefined)
    assert.equal(reply.header('Content-Location'), 'a.txt')
  })

  rule('what is not known is 404, without an offset', async (server) => {
    const unknown = ['/tus/0123456789abcdef0123456789abcdef', '/tus/x', '/tus/../tus/x', '/tus']
    for (const path of unknown) {
      for (const method of ['HEAD', 'DELETE']) {
        const reply = await server.send({ method, path })
        assert.equal(reply.status, 404, `${method} ${path}`)
        assert.equal(reply.header('Upload-Offset'), undefined)
      }
      const reply = await patch(server, path, 0, content)
      assert.equal(reply.status, 404)
      assert.equal(JSON.parse(reply.text).code, 'NO_SUCH_UPLOAD')
    }
    const path = await create(server, { length: 5 })
    const { status } = await server.send({ method: 'HEAD', path: `${path}/` })
    assert.equal(status, 404)
  })

  rule(
    'what is all there but not stored is stored by HEAD, never told as if it were',
    async (server) => {
      const path = await create(server, { length: content.length, name: 'a.txt' })
      await patch(server, path, 0, content.subarray(0, 5))
      const id = path.slice('/tus/'.length)
      // As a sender leaves it that was killed right before storing the file.
      writeFileSync(incomingFile(server.directory, id, 'data'), content)
      const journal = incomingFile(server.directory, id, 'journal')
      writeFileSync(journal, `[${content.length},2]\n`, { flag: 'a' })
      const head = await server.send({ method: 'HEAD', path })
      assert.equal(head.status, 200, head.text)
      assert.equal(head.header('Upload-Offset'), String(content.length))
      assert.equal(head.header('Upload-Length'), String(content.length))
      assert.equal(head.header('Content-Location'), 'a.txt')
      assert.deepEqual(server.stored(), { 'a.txt': content.toString() })
    },
  )
})
