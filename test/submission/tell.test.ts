// The three ways in which somebody is told, with real parts: Postfix and msmtp, a webhook that
// another library verifies, programs; and each of them failing.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import type { Batch } from '../../src/outcome.ts'
import type { Settings } from '../../src/settings/settings.ts'
import { settingsTable } from '../../src/settings/table.ts'
import { tell } from '../../src/submission/tell.ts'
import { postWebhook } from '../../src/submission/webhook.ts'
import { missing } from '../host/installed.ts'
import { MailServer, owner } from '../host/mail-server.ts'
import { directoryUntilExit, root } from '../host/program.ts'
import { needsRoot } from '../host/user.ts'

const [home] = directoryUntilExit()

const batch: Batch = {
  receipt: '7F3K-92QD-M4',
  batch: 1,
  time: '2026-11-28T03:05:00.000Z',
  sender: { user: 'zoe' },
  answers: [{ name: 'note', label: 'Notiz', value: `für ${'lange '.repeat(500)}Zeilen` }],
  files: [{ name: 'é.txt', stored: 'é.txt', size: 3, type: 'text/plain', sha256: undefined }],
}
const news = { batches: [batch], id: '7F3K-92QD-M4-1', isTest: false } as const

const defaults = Object.fromEntries(
  settingsTable.map(({ name, kind, key, default: written }) => {
    const parsed = kind.parse(written, { key }, '/')
    return [name, 'value' in parsed ? parsed.value : undefined]
  }),
) as Settings

function script(text: string): string {
  const path = join(mkdtempSync(join(home, 'program-')), 'run')
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  return path
}

describe('a mail', {
  skip: needsRoot('only root can start a mail server') || missing('postfix', 'dovecot', 'msmtp'),
}, () => {
  let server: MailServer
  before(() => {
    server = MailServer.start()
  })
  after(() => server.stop())

  test("arrives through Postfix's sendmail as it was written", async () => {
    const mailFrom = 'form@example.org'
    const settings = { ...defaults, mailCommand: server.command, mailFrom }
    assert.deepEqual(await tell({ kind: 'mail', text: owner }, news, settings), {
      isHeard: true,
      text: '',
    })
    const [mail = '', ...more] = await server.take(1)
    assert.deepEqual(more, [])
    assert.match(mail, /^From: form@example\.org$/m)
    assert.match(mail, /^To: owner@example\.org$/m)
    assert.match(mail, /^Message-ID: <7F3K-92QD-M4-1@example\.org>$/im)
    const read =
      'import sys, email, email.policy as p; ' +
      'print(email.message_from_file(sys.stdin, policy=p.default).get_content())'
    const { stdout } = spawnSync('python3', ['-c', read], { input: mail, encoding: 'utf8' })
    assert.match(stdout, /Notiz: für (lange ){500}Zeilen\n/)
    assert.match(stdout, /é\.txt \(3 bytes\)/)
  })

  test('arrives through msmtp on a machine without a mailer', async () => {
    const config = join(home, 'msmtprc')
    const guide = readFileSync(join(root, 'docs/owner.md'), 'utf8')
    const [, text = ''] = /^```msmtprc\n(.*?)^```$/ms.exec(guide) ?? []
    const here = text
      .replace(/^host .*$/m, 'host localhost')
      .replace(/^port .*$/m, `port ${server.port}`)
      .replace(/^password .*$/m, 'password testsecret')
      .replace(/^tls_trust_file .*$/m, `tls_trust_file ${server.home}/cert.pem`)
    writeFileSync(config, here, { mode: 0o600 })
    const mailCommand = ['/usr/bin/msmtp', '-C', config, '-t']
    const told = await tell({ kind: 'mail', text: owner }, news, { ...defaults, mailCommand })
    assert.deepEqual(told, { isHeard: true, text: '' })
    const [mail = ''] = await server.take(1)
    assert.match(mail, /^From: form@example\.org$/m)
  })
})

test('a mailer that fails in any way has not heard, and the owner reads why', async () => {
  for (const [text, expected] of [
    ['cat > /dev/null; echo "try later"; exit 75', /ended with 75: try later$/],
    ['exit 69', /ended with 69$/],
    ['kill -KILL $$', /was ended by SIGKILL$/],
  ] as const) {
    const settings = { ...defaults, mailCommand: [script(text)] }
    const told = await tell({ kind: 'mail', text: owner }, news, settings)
    assert.equal(told.isHeard, false)
    assert.match(told.text, /^owner@example\.org: \/.*\/run /)
    assert.match(told.text, expected)
  }
  const lost = { ...defaults, mailCommand: ['/nonexistent/sendmail'] }
  const told = await tell({ kind: 'mail', text: owner }, news, lost)
  assert.deepEqual(told, {
    isHeard: false,
    text: 'owner@example.org: /nonexistent/sendmail cannot be run (ENOENT)',
  })
})

type Got = { headers: Record<string, string>; body: string }

/** A server that answers so; gives what it got. */
async function hook(
  t: { after(stop: () => void): void },
  answer: (reply: ServerResponse, request: IncomingMessage) => void,
): Promise<{ url: string; got: Got[] }> {
  const got: Got[] = []
  const server = createServer((request, reply) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (text) => {
      body += text
    })
    request.on('end', () => {
      got.push({ headers: request.headers as Record<string, string>, body })
      answer(reply, request)
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/in?key=1`, got }
}

test('the library of Standard Webhooks takes a webhook, and refuses a forged one', async (t) => {
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  const { url, got } = await hook(t, (reply) => reply.writeHead(204).end())
  const settings = { ...defaults, webhookSecret: secret }
  const member = { kind: 'webhook', text: url } as const
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(await tell(member, news, settings), { isHeard: true, text: '' })
  }
  for (const { headers, body } of got) {
    assert.equal(headers['webhook-id'], news.id)
    assert.equal(headers['content-type'], 'application/json')
    const verified = new Webhook(secret).verify(body, headers)
    assert.deepEqual(verified, JSON.parse(JSON.stringify(batch)))
    assert.throws(() => new Webhook(secret).verify(body.replace('zoe', 'eve'), headers))
  }
  assert.equal((await tell(member, { ...news, isTest: true }, defaults)).isHeard, true)
  const { headers, body } = got[2] ?? { headers: {}, body: '{}' }
  assert.equal('webhook-signature' in headers, false)
  assert.equal(JSON.parse(body).test, true)
})

test('a webhook that redirects, refuses, is silent, resets or is gone has not heard', async (t) => {
  const target = await hook(t, (reply) => reply.end())
  const post = { id: news.id, json: '{}', secret: '' }
  const redirecting = await hook(t, (reply) => reply.writeHead(307, { Location: target.url }).end())
  const told = async (url: string) => (await postWebhook(url, post, 2)).text.replace(/^[^ ]+ /, '')
  assert.equal(await told(redirecting.url), 'status 307')
  assert.deepEqual(target.got, [])
  const refusing = await hook(t, (reply) => reply.writeHead(500).end('no'))
  assert.equal(await told(refusing.url), 'status 500')
  const silent = await hook(t, () => undefined)
  assert.equal(await told(silent.url), 'no answer within 2 s')
  const endless = await hook(t, (reply) => reply.writeHead(200).write('x'))
  assert.equal(await told(endless.url), '')
  const resetting = await hook(t, (_, { socket }) => socket.destroy())
  assert.match(await told(resetting.url), /hang up|ECONNRESET/)
  assert.match(await told('http://127.0.0.1:1/'), /ECONNREFUSED/)
  assert.match(await told(silent.url.replace('http:', 'https:')), /SSL|TLS|wrong version/i)
})

test('a program gets the batch on standard input, and nothing else of the request', async () => {
  process.env['REQUEST_METHOD'] = 'POST'
  const out = join(home, 'out')
  const program = script(`cat > ${out}; [ -z "$REQUEST_METHOD$1" ] && [ "$(pwd)" = / ]`)
  const told = await tell({ kind: 'program', text: program }, news, defaults)
  assert.deepEqual(told, { isHeard: true, text: '' })
  assert.deepEqual(JSON.parse(readFileSync(out, 'utf8')), JSON.parse(JSON.stringify(batch)))
  const talking = script('echo hello')
  assert.deepEqual(await tell({ kind: 'program', text: talking }, news, defaults), {
    isHeard: true,
    text: `${talking}: ${talking} ended with 0: hello`,
  })
  const failing = script('echo sorry >&2; exit 3')
  assert.deepEqual(await tell({ kind: 'program', text: failing }, news, defaults), {
    isHeard: false,
    text: `${failing}: ${failing} ended with 3: sorry`,
  })
})
