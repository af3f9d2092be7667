// Attacks on what an owner sets to keep strangers out, to be told, and to bound what comes: each
// is a real attempt, and what comes of it is what the table in docs/security.md says.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import type { CgiReply } from '../host/cgi.ts'
import { ClosedForm, invitation, passphrase, said, token, told } from '../host/closed-form.ts'
import { type Env, file, incoming, post, visible } from '../host/form.ts'
import { Section } from '../host/guide.ts'
import type { BodyPart } from '../host/multipart-body.ts'
import { freshDirectory, root } from '../host/program.ts'
import { ToldForm } from '../host/told-form.ts'

/** Gives what came of it, as the table has it. */
type Attack = (t: TestContext) => Promise<string>

const closed = `passphrase = "${passphrase}"\n`
const id = 'ab12'.repeat(8)

/** The codes of all replies, each once, with how often it came. */
function outcome(replies: readonly CgiReply[]): string {
  const counts = new Map<string, number>()
  for (const code of replies.map(told)) counts.set(code, (counts.get(code) ?? 0) + 1)
  const shown = ([code, count]: [string, number]) =>
    `${replies.length > 1 ? `${count} × ` : ''}${code === 'stored' ? code : `\`${code}\``}`
  return [...counts].map(shown).join(', ')
}

async function inTurn(count: number, attempt: (i: number) => Promise<CgiReply>): Promise<string> {
  const replies: CgiReply[] = []
  for (let i = 0; i < count; i++) replies.push(await attempt(i))
  return outcome(replies)
}

function guess(form: ClosedForm, words: string, env: Env = {}): Promise<CgiReply> {
  return form.post(env, [said(words), file('a.txt')])
}

function piece(offset: number, size: number, content: string, name = 'a.bin'): BodyPart[] {
  const fields = { _upload: id, _offset: String(offset), _size: String(size), _filename: name }
  const texts = Object.entries(fields).map(([field, value]) => said(value, field))
  return [...texts, file('x', content)]
}

/** A scanner that refuses what has EVIL in it, and dies of what has BOMB. */
function scanned(t: TestContext): ClosedForm {
  const scanner = join(freshDirectory(t), 'scan')
  const text = 'grep -q BOMB "$1" && kill -9 $$\ngrep -q EVIL "$1" && exit 1\nexit 0'
  writeFileSync(scanner, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  return new ClosedForm(t, `scan_command = ["${scanner}", "{file}"]\n`)
}

function nothingIn({ directory }: ClosedForm): void {
  assert.deepEqual([visible(directory), incoming(directory)], [[], []])
}

/** The mail about one form. */
async function mailAbout(parts: readonly BodyPart[]): Promise<string> {
  const form = new ToldForm('[[extra_fields]]\nname = "mail"\nlabel = "Mail"\ntype = "email"\n')
  await post(form.directory, parts, form.env)
  const [mail = ''] = await form.told('mail', 1)
  await form.settled()
  return mail
}

function headersOf(mail: string): string[] {
  const [head = ''] = mail.split('\n\n')
  return head.split('\n').flatMap((line) => /^([\w-]+):/.exec(line)?.[1] ?? [])
}

const usualHeaders =
  'Auto-Submitted Content-Language To Subject Message-ID Content-Transfer-Encoding Date MIME-Version Content-Type'

function headersBeside(mail: string): string {
  const more = headersOf(mail).filter((name) => !usualHeaders.split(' ').includes(name))
  assert.match(mail, /^To: owner@example\.org$/m)
  return more.length === 0 ? 'one mail to the owner, no other header' : `also ${more.join(', ')}`
}

async function listen(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const attacks: Readonly<Record<string, Attack>> = {
  'passphrase: 15 guesses, one after the other': async (t) => {
    const form = new ClosedForm(t, closed)
    return inTurn(15, (i) => guess(form, `guess ${i}`))
  },
  'passphrase: 15 guesses, each with another X-Forwarded-For': async (t) => {
    const form = new ClosedForm(t, closed)
    const env = (i: number) => ({
      REMOTE_ADDR: '203.0.113.9',
      HTTP_X_FORWARDED_FOR: `192.0.2.${i}`,
    })
    return inTurn(15, (i) => guess(form, `guess ${i}`, env(i)))
  },
  'passphrase: 15 guesses from 15 addresses of one IPv6 network': async (t) => {
    const form = new ClosedForm(t, closed)
    return inTurn(15, (i) => guess(form, `guess ${i}`, { REMOTE_ADDR: `2001:db8::${i + 1}` }))
  },
  'passphrase: a header and a query that look like the setting': async (t) => {
    const form = new ClosedForm(t, closed)
    const env = {
      HTTP_UPLOAD_CGI_PASSPHRASE: 'mine',
      QUERY_STRING: 'UPLOAD_CGI_PASSPHRASE=mine&passphrase=mine',
    }
    return outcome([await guess(form, 'mine', env)])
  },
  'passphrase: the right one after the file': async (t) => {
    const form = new ClosedForm(t, closed)
    return outcome([await form.post({}, [file('a.txt'), said(passphrase)])])
  },
  'cookie: its end set to tomorrow': async (t) => {
    const form = new ClosedForm(t, closed)
    const [name = '', value = ''] = (await form.cookie()).split('=')
    const [end = '', signature = ''] = value.split('-')
    const later = `${name}=${Number(end) + 86_400}-${signature}`
    return outcome([await form.post({ HTTP_COOKIE: later })])
  },
  'cookie: one of another form of the same directory': async (t) => {
    const form = new ClosedForm(t, closed)
    const twin = form.write(closed, 'twin.toml')
    const HTTP_COOKIE = await form.cookie()
    return outcome([await form.post({ HTTP_COOKIE, UPLOAD_CGI_CONFIG: twin })])
  },
  'cookie: one from before the passphrase was changed': async (t) => {
    const form = new ClosedForm(t, closed)
    const HTTP_COOKIE = await form.cookie()
    form.write('passphrase = "another"\n')
    return outcome([await form.post({ HTTP_COOKIE })])
  },
  'cookie: 1,000 forged ones in one header': async (t) => {
    const form = new ClosedForm(t, closed)
    const [name] = (await form.cookie()).split('=')
    const end = Math.floor(Date.now() / 1000) + 3600
    const forged = (i: number) => `${name}=${end}-${i.toString(16).padStart(32, '0')}`
    const HTTP_COOKIE = Array.from({ length: 1000 }, (_, i) => forged(i)).join('; ')
    return outcome([await form.post({ HTTP_COOKIE })])
  },
  'cookie: a page of another site posts with the cookie of a visitor': async (t) => {
    const form = new ClosedForm(t, closed)
    const env = { HTTP_COOKIE: await form.cookie(), HTTP_ORIGIN: 'https://evil.example' }
    return outcome([await form.post(env)])
  },
  'invitation: a token with a letter less, more, in capitals, with NUL': async (t) => {
    const form = new ClosedForm(t, `invited_only = true\n${invitation}`)
    const tokens = [token.slice(1), `${token}a`, token.toUpperCase(), `${token}%00`, '']
    return inTurn(tokens.length, (i) => form.post({ QUERY_STRING: `invite=${tokens[i]}` }))
  },
  'invitation: a right token beside another one': async (t) => {
    const form = new ClosedForm(t, invitation)
    const parts = [said('x'.repeat(16), '_invite'), file('a.txt')]
    return outcome([await form.post({ QUERY_STRING: `invite=${token}` }, parts)])
  },
  'invitation: one that has ended': async (t) => {
    const form = new ClosedForm(t, `${invitation}until = "2020-01-01"\n`)
    return outcome([await form.post({ QUERY_STRING: `invite=${token}` })])
  },
  'invitation: a path out of its folder': async (t) => {
    const form = new ClosedForm(t, `${invitation}folder = "acme"\n`)
    const names = ['../b.txt', '/etc/b.txt', '../../.htupload.toml', '..%2Fb.txt']
    for (const name of names) {
      const parts = [said(name, '_filename'), file('b.txt')]
      await form.post({ QUERY_STRING: `invite=${token}` }, parts)
    }
    assert.deepEqual(readdirSync(form.home).sort(), ['settings.toml', 'uploads'])
    return visible(form.directory).join() === 'acme' ? 'all of it is in its folder' : 'it is out'
  },
  'invitation: a file added to the submission of another customer': async (t) => {
    const other = invitation.replaceAll('cme', 'nna')
    const form = new ClosedForm(t, `${invitation}${other}`)
    const parts = [said(id, '_submission'), file('a.txt')]
    const links = [token, token.replace('acme', 'anna')].map((one) => `invite=${one}`)
    return inTurn(2, (i) => form.post({ QUERY_STRING: links[i] }, parts))
  },
  'mail: line breaks and `Bcc:` in an answer, its name and a file name': async () => {
    const evil = '\r\nBcc: all@evil.example\r\n\r\n.\r\n'
    const parts = [said(`hello${evil}`, 'note'), said('x', `a${evil}b`), file('a.txt\nBcc: x.txt')]
    const mail = await mailAbout(parts)
    assert.doesNotMatch(mail, /^Bcc:/m)
    return headersBeside(mail)
  },
  'mail: several addresses, or a command, in the answer of type `email`': async () => {
    const answers = ['a@a.example, all@evil.example', 'a@a.example\nBcc: all@evil.example', '-t']
    const seen = new Set<string>()
    for (const answer of answers) {
      seen.add(headersBeside(await mailAbout([said(answer, 'mail'), file('a.txt')])))
    }
    return [...seen].join()
  },
  'webhook: the answer sends the post on to another address': async (t) => {
    let inside = 0
    const target = await listen(t, (_, reply) => {
      inside++
      reply.end()
    })
    let asked = 0
    const url = await listen(t, (_, reply) => {
      asked++
      reply.writeHead(307, { Location: target }).end()
    })
    const form = new ClosedForm(t, `notify = ["${url}/in"]\n`)
    await form.post()
    for (let i = 0; i < 600 && asked === 0; i++) await sleep(100)
    await isIdle(form)
    return asked > 0 && inside === 0 ? 'not followed' : `${asked} asked, ${inside} inside`
  },
  'webhook: what was posted is changed, or posted again an hour later': async (t) => {
    const secret = `whsec_${Buffer.alloc(24, 5).toString('base64')}`
    const got: { headers: Record<string, string>; body: string }[] = []
    const url = await listen(t, async (request, reply) => {
      let body = ''
      for await (const chunk of request) body += chunk
      got.push({ headers: request.headers as Record<string, string>, body })
      reply.end()
    })
    const form = new ClosedForm(t, `notify = ["${url}/in"]\nwebhook_secret = "${secret}"\n`)
    await form.post()
    for (let i = 0; i < 600 && got.length === 0; i++) await sleep(100)
    await isIdle(form)
    const [{ headers, body } = { headers: {} as Record<string, string>, body: '' }] = got
    const hook = new Webhook(secret)
    hook.verify(body, headers)
    const older = String(Number(headers['webhook-timestamp']) - 3600)
    assert.throws(() => hook.verify(body.replace('a.txt', 'b.txt'), headers))
    assert.throws(() => hook.verify(body, { ...headers, 'webhook-timestamp': older }))
    return 'whoever verifies it refuses it'
  },
  'program: commands for a shell in a file name and an answer': async (t) => {
    const home = freshDirectory(t)
    const form = new ToldForm()
    const mark = join(home, 'mark')
    const evil = `$(touch ${mark}); \`touch ${mark}\` | touch ${mark} &`
    await post(form.directory, [said(evil, 'note'), file(evil.replaceAll('/', '_'))], form.env)
    const [run = ''] = await form.told('run', 1)
    await form.settled()
    assert.equal(JSON.parse(run).answers[0].value, evil)
    return existsSync(mark) ? 'it ran' : 'told as text, nothing ran'
  },
  'scan: what is refused, cut in two pieces': async (t) => {
    const form = scanned(t)
    const replies = [
      await form.post({}, piece(0, 8, 'xxEV')),
      await form.post({}, piece(4, 8, 'ILxx')),
    ]
    assert.equal(replies[0]?.status, 202)
    nothingIn(form)
    return outcome(replies.slice(1))
  },
  'scan: a file that the scanner dies of': async (t) => {
    const form = scanned(t)
    const replies = [await form.post({}, [file('a.txt', 'BOMB')])]
    nothingIn(form)
    return outcome(replies)
  },
  'scan: a file name that looks like an option of the scanner': async (t) => {
    const form = scanned(t)
    const replies = [await form.post({}, [file('--exit-code=0', 'EVIL')])]
    nothingIn(form)
    return outcome(replies)
  },
  'scan: a good file and a bad one in one request': async (t) => {
    const form = scanned(t)
    const replies = [await form.post({}, [file('a.txt'), file('b.txt', 'EVIL')])]
    nothingIn(form)
    return outcome(replies)
  },
  'content: a page called holiday.jpg, cut in two pieces': async (t) => {
    const form = new ClosedForm(t, '')
    const sent = (offset: number, text: string) =>
      form.post({}, piece(offset, 24, text, 'holiday.jpg'))
    assert.equal((await sent(0, '<!do')).status, 202)
    const replies = [await sent(4, 'ctype html><script> ')]
    nothingIn(form)
    return outcome(replies)
  },
  'limits: ten files of one sender, each with another X-Forwarded-For': async (t) => {
    const form = new ClosedForm(t, 'max_sender_files = 2\n')
    const REMOTE_ADDR = '203.0.113.9'
    return inTurn(10, (i) => form.post({ REMOTE_ADDR, HTTP_X_FORWARDED_FOR: `192.0.2.${i}` }))
  },
  'limits: a body without a length that is over them': async (t) => {
    const form = new ClosedForm(t, 'max_total_size = "5KB"\n')
    const env = { CONTENT_LENGTH: undefined, HTTP_TRANSFER_ENCODING: 'chunked' }
    const replies = [await form.post(env, [file('a.txt', Buffer.alloc(6000))])]
    nothingIn(form)
    return outcome(replies)
  },
  'limits: one byte is announced, more are sent': async (t) => {
    const form = new ClosedForm(t, 'max_total_size = "5KB"\n')
    const replies = [await form.post({}, piece(0, 1, 'x'.repeat(6000)))]
    nothingIn(form)
    return outcome(replies)
  },
}

/** The deliverer of this form has ended. */
async function isIdle({ directory }: ClosedForm): Promise<void> {
  const path = join(directory, '.upload-cgi/notes/delivering')
  for (let i = 0; i < 600 && existsSync(path) && readdirSync(path).length > 0; i++) await sleep(100)
}

const guide = readFileSync(join(root, 'docs/security.md'), 'utf8')
const heading = '\n## Attacks on what the owner has set\n'
const table = new Section(guide.split(heading)[1]?.split('\n## ')[0] ?? '').table()
const unmarked = (text: string) => text.replaceAll('`', '')

test('the table has all of these attacks, and no other', () => {
  assert.deepEqual([...table.keys()], Object.keys(attacks).map(unmarked))
})

for (const [name, attack] of Object.entries(attacks)) {
  test(name, async (t) => {
    assert.equal(await attack(t), table.get(unmarked(name))?.['what comes of it'])
  })
}
