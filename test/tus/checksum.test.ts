// The extension checksum of tus 1.0.0.

import assert from 'node:assert/strict'
import { eachWay } from '../host/tus.ts'
import { begin, content, create, offsetOf, patch, pieceType, sum } from '../host/tus-requests.ts'

eachWay((rule) => {
  rule('a piece whose checksum is right is taken, of sha1 and sha256', async (server) => {
    const path = await create(server, { length: content.length, name: 'a.txt' })
    const [one, other] = [content.subarray(0, 11), content.subarray(11)]
    const first = await patch(server, path, 0, one, { 'Upload-Checksum': sum('sha1', one) })
    assert.deepEqual([first.status, first.header('Upload-Offset')], [204, '11'])
    await patch(server, path, 11, other, { 'Upload-Checksum': sum('sha256', other) })
    assert.deepEqual(server.stored(), { 'a.txt': content.toString() })
  })

  rule('a piece whose checksum is wrong is dropped with 460', async (server) => {
    const path = await create(server, { length: content.length, name: 'a.txt' })
    await patch(server, path, 0, content.subarray(0, 5))
    for (const algorithm of ['sha1', 'sha256']) {
      const wrong = { 'Upload-Checksum': sum(algorithm, Buffer.from('other')) }
      for (const bytes of [content.subarray(5, 9), content.subarray(5), Buffer.alloc(0)]) {
        const reply = await patch(server, path, 5, bytes, wrong)
        assert.equal(reply.status, 460)
        assert.equal(JSON.parse(reply.text).code, 'CHECKSUM_MISMATCH')
        assert.equal(await offsetOf(server, path), '5')
      }
    }
    await patch(server, path, 5, content.subarray(5))
    assert.deepEqual(server.stored(), { 'a.txt': content.toString() })
  })

  rule(
    'an unknown or malformed checksum is refused with 400 and changes nothing',
    async (server) => {
      const path = await create(server, { length: content.length })
      const wrong = ['md5 XrY7u+Ae7tCTyyK7j1rNww==', 'sha1', 'sha1 x', 'sha256 AAAA', '']
      for (const text of wrong) {
        const reply = await patch(server, path, 0, content, { 'Upload-Checksum': text })
        assert.equal(reply.status, 400, text)
      }
      const trailer = {
        'Content-Type': pieceType,
        'Upload-Offset': '0',
        Trailer: 'Upload-Checksum',
      }
      const late = { method: 'PATCH', path, headers: trailer, body: content, isChunked: true }
      assert.equal((await server.send(late)).status, 400)
      assert.equal(await offsetOf(server, path), '0')
    },
  )

  rule('the checksum of a creation with upload is looked at, too', async (server) => {
    const wrong = { 'Upload-Checksum': sum('sha1', Buffer.from('other')) }
    assert.equal((await begin(server, content.length, content, wrong)).status, 460)
    assert.deepEqual([server.incoming(), server.stored()], [[], {}])
    const right = { 'Upload-Checksum': sum('sha1', content) }
    assert.equal((await begin(server, content.length, content, right)).status, 201)
  })
})
