// What holds for every request of tus 1.0.0 (core): its version, its methods, its addresses.

import assert from 'node:assert/strict'
import { eachWay } from '../host/tus.ts'
import { askToCreate, content, create, offsetOf, patch, pieceType } from '../host/tus-requests.ts'

eachWay((rule) => {
  rule('another version, or none, is refused with 412 and nothing is done', async (server) => {
    const path = await create(server, { length: 10 })
    for (const version of [undefined, '0.2.2', '1.0.1', '2.0.0']) {
      const headers = { 'Tus-Resumable': version }
      const refusals = [
        await askToCreate(server, { length: 10, headers }),
        await server.send({ method: 'HEAD', path, headers }),
        await patch(server, path, 0, Buffer.from('x'), headers),
        await server.send({ method: 'DELETE', path, headers }),
      ]
      for (const reply of refusals) {
        assert.equal(reply.status, 412)
        assert.equal(reply.header('Tus-Version'), '1.0.0')
        assert.equal(reply.header('Tus-Resumable'), '1.0.0')
        assert.equal(reply.header('Upload-Offset'), undefined)
      }
      assert.equal(JSON.parse(refusals[0]?.text ?? '').code, 'UNSUPPORTED_TUS')
    }
    assert.equal(await offsetOf(server, path), '0')
    assert.deepEqual(server.incoming(), ['data', 'journal'])
  })

  rule('every reply says Tus-Resumable, refusals too', async (server) => {
    const path = await create(server, { length: 3 })
    const replies = [
      await server.send({ method: 'OPTIONS' }),
      await askToCreate(server, { length: 3 }),
      await askToCreate(server, { length: -1 }),
      await server.send({ method: 'HEAD', path }),
      await server.send({ method: 'HEAD', path: '/tus/nothing' }),
      await patch(server, path, 1, Buffer.from('abc')),
      await patch(server, path, 0, Buffer.from('abc')),
      await server.send({ method: 'DELETE', path }),
      await server.send({ method: 'PUT', path }),
    ]
    for (const reply of replies) assert.equal(reply.header('Tus-Resumable'), '1.0.0', reply.text)
  })

  rule(
    'X-HTTP-Method-Override is the method, whatever the request was sent with',
    async (server) => {
      const as = (method: string) => ({ 'X-HTTP-Method-Override': method })
      const path = await create(server, { length: content.length, name: 'a.txt' })
      const type = { 'Content-Type': pieceType }
      const first = await server.send({
        method: 'POST',
        path,
        headers: { ...as('PATCH'), ...type, 'Upload-Offset': '0' },
        body: content.subarray(0, 5),
      })
      assert.equal(first.status, 204)
      assert.equal(first.header('Upload-Offset'), '5')
      const head = await server.send({ method: 'POST', path, headers: as('HEAD') })
      assert.equal(head.status, 200)
      assert.equal(head.header('Upload-Offset'), '5')
      assert.equal(head.text, '')
      const getAsHead = await server.send({ method: 'GET', path, headers: as('HEAD') })
      assert.equal(getAsHead.header('Upload-Offset'), '5')
      const options = await server.send({ method: 'POST', headers: as('OPTIONS') })
      assert.equal(options.header('Tus-Version'), '1.0.0')
      const terminated = await server.send({ method: 'POST', path, headers: as('DELETE') })
      assert.equal(terminated.status, 204)
      assert.deepEqual(server.incoming(), [])
      const put = await server.send({ method: 'POST', path, headers: as('PUT') })
      assert.equal(put.status, 405)
    },
  )

  rule('other methods are refused with 405', async (server) => {
    const path = await create(server, { length: 5 })
    const all = 'HEAD, POST, PATCH, DELETE, OPTIONS'
    const refused = [
      ['GET', '/tus', all],
      ['GET', path, all],
      ['PUT', path, all],
      ['POST', path, 'HEAD, PATCH, DELETE, OPTIONS'],
    ] as const
    for (const [method, target, methods] of refused) {
      const reply = await server.send({ method, path: target })
      assert.equal(reply.status, 405, `${method} ${target}`)
      assert.equal(reply.header('Allow'), methods)
    }
  })

  rule('an address that only begins like ours is the form', async (server) => {
    const reply = await server.send({
      method: 'GET',
      path: '/tusk',
      headers: { Accept: 'text/html' },
    })
    assert.equal(reply.status, 200)
    assert.equal(reply.header('Tus-Resumable'), undefined)
  })
})
