// What the text of tus leaves open: other sites, users, and settings that are wrong.

import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { after } from 'node:test'
import { invitation, passphrase, token } from '../host/closed-form.ts'
import { freshDirectory, writeSettings } from '../host/program.ts'
import { eachWay } from '../host/tus.ts'
import { askToCreate, create } from '../host/tus-requests.ts'

const home = freshDirectory({ after })
// The server's user reads it too.
chmodSync(home, 0o755)
const closed = writeSettings(home, `passphrase = "${passphrase}"\n${invitation}`)

eachWay((rule) => {
  rule('a body that is packed is refused, and what is known stays', async (server) => {
    const path = await create(server, { length: 5 })
    const packed = { 'Content-Encoding': 'gzip', 'Upload-Offset': '0' }
    const type = { 'Content-Type': 'application/offset+octet-stream' }
    const headers = { ...packed, ...type }
    const reply = await server.send({ method: 'PATCH', path, headers, body: Buffer.from('12345') })
    assert.deepEqual([reply.status, JSON.parse(reply.text).code], [415, 'ENCODED_BODY'])
    const status = await server.send({ method: 'HEAD', path })
    assert.deepEqual([status.status, status.header('Upload-Offset')], [200, '0'])
  })

  rule(
    'pages of other sites are refused, but for those allowed, which may read every header',
    async (server) => {
      const path = await create(server, { length: 5 })
      const foreign = { Origin: 'https://evil.example' }
      for (const method of ['POST', 'PATCH', 'DELETE']) {
        const reply = await server.send({ method, path, headers: foreign })
        assert.deepEqual([reply.status, JSON.parse(reply.text).code], [403, 'FOREIGN_ORIGIN'])
        assert.equal(reply.header('Access-Control-Allow-Origin'), undefined)
      }
      const disguised = { ...foreign, 'X-HTTP-Method-Override': 'DELETE' }
      assert.equal((await server.send({ method: 'GET', path, headers: disguised })).status, 403)
      const own = { Origin: 'https://friend.example', 'Tus-Resumable': undefined }
      const asked = await server.send({ method: 'OPTIONS', path, headers: own })
      assert.equal(asked.header('Access-Control-Allow-Origin'), 'https://friend.example')
      const methods = asked.header('Access-Control-Allow-Methods')?.split(', ') ?? []
      for (const method of ['HEAD', 'POST', 'PATCH', 'DELETE']) assert.ok(methods.includes(method))
      const may = asked.header('Access-Control-Allow-Headers')?.toLowerCase().split(', ') ?? []
      for (const name of ['tus-resumable', 'upload-length', 'upload-offset', 'upload-metadata']) {
        assert.ok(may.includes(name), name)
      }
      for (const name of ['upload-checksum', 'content-type', 'x-http-method-override']) {
        assert.ok(may.includes(name), name)
      }
      const created = await askToCreate(server, { length: 5, headers: { Origin: own.Origin } })
      assert.equal(created.status, 201)
      const told = created.header('Access-Control-Expose-Headers')?.toLowerCase().split(', ') ?? []
      for (const name of ['location', 'upload-offset', 'upload-expires', 'content-location']) {
        assert.ok(told.includes(name), name)
      }
      const form = await server.send({ method: 'OPTIONS', path: '', headers: own })
      assert.equal(form.header('Access-Control-Allow-Methods'), 'GET, HEAD, POST, OPTIONS')
    },
    { UPLOAD_CGI_ALLOWED_ORIGINS: 'https://friend.example' },
  )

  rule(
    'who is not signed in is refused where that is required',
    async (server) => {
      const reply = await askToCreate(server, { length: 5 })
      assert.deepEqual([reply.status, JSON.parse(reply.text).code], [403, 'USER_REQUIRED'])
    },
    { UPLOAD_CGI_REQUIRE_USER: 'true' },
  )

  rule(
    'whoever begins an upload shows the passphrase or an invitation, and nobody else',
    async (server) => {
      const asked = (headers: Record<string, string>) => askToCreate(server, { length: 5, headers })
      const right = { 'X-Upload-Passphrase': encodeURIComponent(passphrase) }
      for (const headers of [{}, { 'X-Upload-Passphrase': 'guess' }]) {
        const reply = await asked(headers)
        assert.deepEqual([reply.status, JSON.parse(reply.text).code], [403, 'PASSPHRASE_REQUIRED'])
      }
      const unknown = await asked({ ...right, 'X-Upload-Invite': 'unknown' })
      assert.equal(JSON.parse(unknown.text).code, 'INVITATION_INVALID')
      assert.equal((await asked({ 'X-Upload-Invite': token })).status, 201)
      const path = await create(server, { length: 5, headers: right })
      const status = await server.send({ method: 'HEAD', path })
      assert.deepEqual([status.status, status.header('Upload-Offset')], [200, '0'])
      const options = { Origin: 'https://friend.example', 'Tus-Resumable': undefined }
      const may = await server.send({ method: 'OPTIONS', path, headers: options })
      const allowed = may.header('Access-Control-Allow-Headers') ?? ''
      assert.match(allowed, /, X-Upload-Passphrase, X-Upload-Invite$/)
      assert.equal((await server.send({ method: 'DELETE', path })).status, 204)
    },
    { UPLOAD_CGI_CONFIG: closed, UPLOAD_CGI_ALLOWED_ORIGINS: 'https://friend.example' },
  )

  rule(
    'settings that are wrong refuse all but OPTIONS',
    async (server) => {
      for (const method of ['HEAD', 'POST', 'PATCH', 'DELETE']) {
        assert.equal((await server.send({ method })).status, 503)
      }
      assert.equal((await server.send({ method: 'OPTIONS' })).status, 204)
    },
    { UPLOAD_CGI_MAX_FILES: 'many' },
  )
})
