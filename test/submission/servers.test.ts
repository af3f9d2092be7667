// The deliverer under real web servers: the client has its reply, and the next one on the same
// connection, while the mailer still works; and what the server ends does not end the deliverer.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { startApache } from '../host/apache.ts'
import { file } from '../host/form.ts'
import { missing } from '../host/installed.ts'
import { startLighttpd } from '../host/lighttpd.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import type { RunningServer, ServerOptions } from '../host/server.ts'
import { ToldForm } from '../host/told-form.ts'
import { giveToServer } from '../host/user.ts'

const servers: Readonly<Record<string, (options: ServerOptions) => Promise<RunningServer>>> = {
  'Apache, mod_cgid': (options) => startApache({ ...options, module: 'cgid' }),
  'Apache, mod_cgi': (options) => startApache({ ...options, module: 'cgi' }),
  lighttpd: startLighttpd,
}

function status(url: string, agent: Agent, body?: Buffer): Promise<number> {
  const headers = { 'Content-Type': contentType(), 'Content-Length': body?.length ?? 0 }
  const method = body === undefined ? 'GET' : 'POST'
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, agent, ...(body === undefined ? {} : { headers }) })
    sent.on('error', reject)
    sent.on('response', (reply) => {
      reply.resume()
      reply.on('end', () => resolve(reply.statusCode ?? 0))
    })
    sent.end(body)
  })
}

for (const [name, startServer] of Object.entries(servers)) {
  test(`${name}: nobody waits for the mailer, and it outlives the server`, {
    skip: missing('apache2', 'lighttpd'),
  }, async (t) => {
    const form = new ToldForm()
    const go = join(form.home, 'go')
    form.script('mail', `while [ ! -e ${go} ]; do sleep 0.1; done`)
    for (const path of ['', 'mail', 'run', 'uploads']) giveToServer(join(form.home, path))
    const server = await startServer({ env: { ...form.env, UPLOAD_CGI_DIRECTORY: form.directory } })
    t.after(() => server.stop())
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    t.after(() => agent.destroy())
    assert.equal(await status(server.url, agent, multipartBody([file('a.txt')])), 201)
    assert.equal(await status(server.url, agent), 200)
    for (let i = 0; i < 600 && form.notes('tried').length === 0; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    assert.deepEqual(await form.told('mail', 0), [])
    await server.stop()
    writeFileSync(go, '')
    assert.equal((await form.told('mail', 1)).length, 1)
    assert.equal((await form.told('run', 1)).length, 1)
    await form.settled()
  })
}
