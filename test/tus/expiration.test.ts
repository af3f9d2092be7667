// The extension expiration of tus 1.0.0.

import assert from 'node:assert/strict'
import { readdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { eachWay, type TusReply } from '../host/tus.ts'
import { askToCreate, content, create, httpDate, patch, pathOf } from '../host/tus-requests.ts'

eachWay((rule) => {
  rule('Upload-Expires is told at creation, after each piece and by HEAD', async (server) => {
    const created = await askToCreate(server, { length: content.length })
    const path = pathOf(created)
    const assertExpires = (reply: TusReply, minutes: number) => {
      const expires = reply.header('Upload-Expires') ?? ''
      assert.match(expires, httpDate)
      const left = (Date.parse(expires) - Date.now()) / 60_000
      assert.ok(left > minutes - 5 && left < minutes + 1, expires)
    }
    // Without a byte it is soon gone.
    assertExpires(created, 10)
    assertExpires(await server.send({ method: 'HEAD', path }), 10)
    assertExpires(await patch(server, path, 0, content.subarray(0, 5)), 24 * 60)
    assertExpires(await server.send({ method: 'HEAD', path }), 24 * 60)
  })

  rule('an upload that expired is 404 once it is swept', async (server) => {
    const path = await create(server, { length: content.length })
    await patch(server, path, 0, content.subarray(0, 5))
    const incoming = join(server.directory, '.upload-cgi', 'incoming')
    const yesterday = new Date(Date.now() - 86_500_000)
    for (const name of readdirSync(incoming)) utimesSync(join(incoming, name), yesterday, yesterday)
    await create(server, { length: 5 })
    const { status } = await server.send({ method: 'HEAD', path })
    assert.equal(status, 404)
    assert.equal((await patch(server, path, 5, content.subarray(5))).status, 404)
  })
})
