// docs/servers.md, Apache with ModSecurity and the core rule set, blocking: what its table says,
// without the exception that it gives and with it.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { section } from '../host/guide.ts'
import { send, upload } from '../host/guide-promises.ts'
import { Machine, skipGuide } from '../host/guide-site.ts'
import { missing } from '../host/installed.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import { PieceSender } from '../host/piece-sender.ts'

const skip = skipGuide || missing('apache2', 'libapache2-mod-security2', 'modsecurity-crs')
const exception = '/etc/modsecurity/upload-cgi.conf'
const small = Buffer.from('small')
const lines = 'one\n--two\n'
const attack = '<script>alert(document.cookie)</script>'

type Sending = (url: string) => Promise<number>

const sendings: Readonly<Record<string, Sending>> = {
  'a small file': async (url) => (await upload(url, 'a.txt', small)).status,
  'a file from the page, in its pieces': async (url) => {
    const name = `l'été "d'Anne"; drop.mp4`
    const sender = new PieceSender(
      () => url,
      randomBytes(16).toString('hex'),
      20_000_000,
      8_000_000,
      name,
    )
    return (await sender.send()).status
  },
  'a file with a line that begins with two hyphens': async (url) =>
    (await upload(url, 'lines.txt', Buffer.from(lines))).status,
  'the same file, cut between the hyphens': async (url) => {
    const id = randomBytes(16).toString('hex')
    const sent = async (from: number, to: number) => {
      const fields = { _upload: id, _offset: String(from), _size: String(lines.length) }
      const content = Buffer.from(lines.slice(from, to))
      const body = multipartBody([
        ...Object.entries(fields).map(([name, content]) => ({ name, content })),
        { name: 'file', filename: 'file', content },
      ])
      return (await send(url, 'POST', body)).status
    }
    const cut = lines.indexOf('--') + 1
    const first = await sent(0, cut)
    return first === 202 ? sent(cut, lines.length) : first
  },
  'a body over 12.5 MiB (SecRequestBodyLimit)': async (url) =>
    (await upload(url, 'large.bin', Buffer.alloc(13_107_200))).status,
  'a file name with an apostrophe': async (url) => (await upload(url, "l'été.txt", small)).status,
  'a file name with a semicolon': async (url) => (await upload(url, 'a;b.txt', small)).status,
  'a field that looks like an attack': async (url) => (await withField(url, attack)).status,
  'a body in chunks': async (url) => {
    const body = multipartBody([{ name: 'file', filename: 'chunks.txt', content: small }])
    const headers = { 'Transfer-Encoding': 'chunked', 'Content-Type': contentType() }
    return (await send(url, 'POST', body, headers)).status
  },
  'an upload by tus': byTus,
  'a query that looks like an attack': async (url) =>
    (await send(`${url}?a=${encodeURIComponent(attack)}`, 'GET')).status,
  'an attack at another address': async (url) =>
    (await withField(new URL('/other', url).href, attack)).status,
}

const guide = section('Apache with ModSecurity')
const rows = guide.table()

for (const [column, isExcepted] of [
  ['without the exception', false],
  ['with it', true],
] as const) {
  test(`ModSecurity and the core rule set, blocking, ${column}`, { skip }, async (t) => {
    const seen = await tryAll(t, isExcepted ? guide.block(exception) : '')
    assert.deepEqual(seen, promised(column))
  })
}

test('the exception is the smallest: without any action of it something is refused', {
  skip,
}, async (t) => {
  const text = guide.block(exception)
  const actions = text.match(/ctl:[^,]*,/g) ?? []
  assert.equal(actions.length, 3)
  for (const action of actions) {
    const seen = await tryAll(t, text.replace(action, ''))
    assert.notDeepEqual(seen, promised('with it'), action)
  }
})

function promised(column: string): Record<string, string | undefined> {
  return Object.fromEntries([...rows].map(([what, row]) => [what, row[column]]))
}

/** The status that each row's sending gets with this exception. */
async function tryAll(t: TestContext, text: string): Promise<Record<string, string>> {
  const machine = new Machine(t)
  machine.takeFromDebian('apache2')
  machine.follow(section('Server guide'))
  machine.follow(section('Apache with mod_cgid'))
  machine.follow(guide)
  machine.write(exception, text)
  const server = await machine.startApache('/upload')
  assert.deepEqual([...rows.keys()].sort(), Object.keys(sendings).sort())
  const seen: Record<string, string> = {}
  for (const [what, send] of Object.entries(sendings)) seen[what] = String(await send(server.url))
  await server.stop()
  return seen
}

function withField(url: string, value: string) {
  const body = multipartBody([
    { name: 'note', content: value },
    { name: 'file', filename: 'field.txt', content: small },
  ])
  return send(url, 'POST', body)
}

/** The status of the last request, or of the first that is refused. */
async function byTus(url: string): Promise<number> {
  const version = { 'Tus-Resumable': '1.0.0' }
  const type = 'application/offset+octet-stream'
  const made = await send(`${url}/tus`, 'POST', Buffer.alloc(0), {
    ...version,
    'Content-Type': type,
    'Upload-Length': '10',
  })
  if (made.status !== 201) return made.status
  const address = new URL(String(made.headers['location']), `${url}/tus`).href
  const headers = { ...version, 'Upload-Offset': '0', 'Content-Type': type }
  return (await send(address, 'PATCH', Buffer.from('0123456789'), headers)).status
}
