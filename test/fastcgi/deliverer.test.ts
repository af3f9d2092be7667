// The deliverer of a FastCGI process: it is started after the reply, and neither the process nor
// its next visitor waits for it.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Client, startFastCgi } from '../host/fastcgi.ts'
import { file } from '../host/form.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import { ToldForm } from '../host/told-form.ts'

const get = { GATEWAY_INTERFACE: 'CGI/1.1', SERVER_PROTOCOL: 'HTTP/1.1', REQUEST_METHOD: 'GET' }

function post(name: string) {
  const body = multipartBody([file(name)])
  const params = {
    ...get,
    REQUEST_METHOD: 'POST',
    CONTENT_TYPE: contentType(),
    CONTENT_LENGTH: String(body.length),
    HTTP_ACCEPT: 'application/json',
  }
  return { params, body, keepsConnection: true }
}

test('a FastCGI process starts the deliverer and serves on while the mailer works', async (t) => {
  const form = new ToldForm()
  const go = join(form.home, 'go')
  form.script('mail', `while [ ! -e ${go} ]; do sleep 0.1; done`)
  const { socket, stop } = await startFastCgi(t, form.env)
  const connection = new Client(socket)
  t.after(() => connection.close())
  const first = await connection.request(post('a.txt'))
  assert.equal(first.status, 201, first.text)
  assert.equal((await connection.request({ params: get, keepsConnection: true })).status, 200)
  assert.equal((await connection.request(post('b.txt'))).status, 201)
  assert.deepEqual(await form.told('mail', 0), [])
  // What the process ends with does not end the deliverer.
  connection.close()
  assert.equal(await stop(), 0)
  writeFileSync(go, '')
  const mails = await form.told('mail', 2)
  const runs = await form.told('run', 2)
  await form.settled()
  // At least once each, and every repetition is the same.
  const ids = new Set(mails.map((mail) => /^Message-ID: .*$/im.exec(mail)?.[0]))
  assert.equal(ids.size, 2)
  const stored = runs.flatMap((run) => JSON.parse(run).files).map(({ stored }) => stored)
  assert.deepEqual([...new Set(stored)].sort(), ['a.txt', 'b.txt'])
})
