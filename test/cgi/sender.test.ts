// Who a sender is, as the owner reads it: the address in the log, and one line in the error log
// when a proxy that the settings do not name hides it.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { runCgi } from '../host/cgi.ts'
import { file, post } from '../host/form.ts'
import { freshDirectory } from '../host/program.ts'

type Sent = Readonly<Record<string, string>>

/** Posts one file, and gives the address of its log line, what was complained, and the reply. */
async function sent(t: TestContext, env: Sent) {
  const log = join(freshDirectory(t), 'log')
  const more = { UPLOAD_CGI_LOG_FILE: log, ...env }
  const reply = await post(freshDirectory(t), [file('a.txt')], more)
  assert.equal(reply.status, 201, reply.text)
  const { address } = JSON.parse(readFileSync(log, 'utf8')) as { address?: string }
  return { address, complaint: reply.stderr, header: reply.headers.get('x-upload-sender') }
}

const proxied = { REMOTE_ADDR: '10.0.0.1', HTTP_X_FORWARDED_FOR: '203.0.113.9, 198.51.100.77' }

test('the log has the address that a trusted proxy saw', async (t) => {
  const trusted = { ...proxied, UPLOAD_CGI_TRUSTED_PROXIES: '::1, 10.0.0.0/8' }
  const expected = { address: '198.51.100.77', complaint: '', header: undefined }
  assert.deepEqual(await sent(t, trusted), expected)
})

test('the log has as much of the address as log_address says', async (t) => {
  const visitor = { REMOTE_ADDR: '2001:db8:1:2::3' }
  const logged = async (detail: string) =>
    (await sent(t, { ...visitor, UPLOAD_CGI_LOG_ADDRESS: detail })).address
  assert.equal(await logged('full'), '2001:db8:1:2::3')
  assert.equal(await logged('network'), '2001:db8:1::/48')
  assert.equal(await logged('none'), undefined)
})

test('a proxy that nobody named is told once a request, with what to set', async (t) => {
  const { address, complaint, header } = await sent(t, proxied)
  assert.equal(address, 'unknown')
  assert.equal(header, 'unknown')
  assert.match(complaint, /^upload\.cgi: .* set trusted_proxies = \["10\.0\.0\.1"\] \(id \S+\)\n$/)
})

test('reading the form says nothing of it in the error log', async (t) => {
  const reply = await runCgi({ directory: freshDirectory(t), env: proxied })
  assert.equal(reply.status, 200)
  assert.equal(reply.stderr, '')
  assert.equal(reply.headers.get('x-upload-sender'), 'unknown')
})

test('what a visitor writes into X-Forwarded-For is neither logged nor told', async (t) => {
  const env = { REMOTE_ADDR: '192.0.2.7', HTTP_X_FORWARDED_FOR: '198.51.100.1\n, evil' }
  const expected = { address: '192.0.2.7', complaint: '', header: undefined }
  assert.deepEqual(await sent(t, env), expected)
})

test('a list of proxies with something else in it is refused', async (t) => {
  const env = { UPLOAD_CGI_TRUSTED_PROXIES: '10.0.0.1, proxy.example' }
  const reply = await post(freshDirectory(t), [file('a.txt')], env)
  assert.match(reply.text, /NOT_CONFIGURED/)
})
