// The extension termination of tus 1.0.0.

import assert from 'node:assert/strict'
import { eachWay } from '../host/tus.ts'
import { content, create, patch } from '../host/tus-requests.ts'

eachWay((rule) => {
  rule('DELETE frees what was received, and the address is 404 afterwards', async (server) => {
    const path = await create(server, { length: content.length })
    await patch(server, path, 0, content.subarray(0, 5))
    const reply = await server.send({ method: 'DELETE', path })
    assert.equal(reply.status, 204)
    assert.equal(reply.text, '')
    assert.deepEqual(server.incoming(), [])
    for (const method of ['HEAD', 'DELETE']) {
      const { status } = await server.send({ method, path })
      assert.equal(status, 404)
    }
    assert.equal((await patch(server, path, 5, content.subarray(5))).status, 404)
  })

  rule('DELETE never takes back a file that is stored', async (server) => {
    const path = await create(server, { length: content.length, name: 'a.txt' })
    await patch(server, path, 0, content)
    const { status } = await server.send({ method: 'DELETE', path })
    assert.equal(status, 404)
    assert.deepEqual(server.stored(), { 'a.txt': content.toString() })
  })
})
