// OPTIONS of tus 1.0.0 (core): what the program offers, and its limits.

import assert from 'node:assert/strict'
import { eachWay } from '../host/tus.ts'

eachWay((rule) => {
  rule(
    'OPTIONS tells version, extensions, largest size and checksum algorithms',
    async (server) => {
      for (const path of ['/tus', '/tus/']) {
        const reply = await server.send({ method: 'OPTIONS', path })
        assert.equal(reply.status, 204)
        assert.equal(reply.header('Tus-Version'), '1.0.0')
        assert.equal(reply.header('Tus-Resumable'), '1.0.0')
        assert.equal(reply.header('Tus-Max-Size'), '100000000')
        assert.equal(reply.header('Tus-Checksum-Algorithm'), 'sha1,sha256')
        assert.deepEqual(reply.header('Tus-Extension')?.split(',').sort(), [
          'checksum',
          'creation',
          'creation-with-upload',
          'expiration',
          'termination',
        ])
        assert.equal(reply.header('Allow'), 'HEAD, POST, PATCH, DELETE, OPTIONS')
      }
    },
  )

  rule('OPTIONS ignores Tus-Resumable', async (server) => {
    for (const version of [undefined, '0.2.2', 'nonsense']) {
      const reply = await server.send({
        method: 'OPTIONS',
        headers: { 'Tus-Resumable': version },
      })
      assert.equal(reply.status, 204)
      assert.equal(reply.header('Tus-Version'), '1.0.0')
    }
  })

  rule(
    'Tus-Max-Size is left out where there is no limit',
    async (server) => {
      const reply = await server.send({ method: 'OPTIONS' })
      assert.equal(reply.header('Tus-Max-Size'), undefined)
    },
    { UPLOAD_CGI_MAX_FILE_SIZE: '0' },
  )
})
