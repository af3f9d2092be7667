// Slow and rude clients, by raw sockets, through Apache (mod_cgid, mod_cgi), lighttpd and nginx with
// fcgiwrap. After each of them: what the reply said is what lies in the directory, no program is left
// behind, the server still answers, and what a killed program left in `.incoming` is swept by an upload.

import assert from 'node:assert/strict'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { contentType, multipartBody } from '../src/testing/multipart-body.ts'
import { post, RawClient } from './raw-client.ts'
import { missing, type RunningServer, startApache, startLighttpd, startNginx } from './servers.ts'

type Start = (env: Record<string, string>) => Promise<RunningServer>
type Site = {
  readonly server: RunningServer
  readonly directory: string
  /** The program gets the body while it comes, not after the server has all of it. */
  readonly isStreaming: boolean
}
/** Sends its worst, for a file of that name and these bytes; gives the reply's status, 0 for none. */
type Rudeness = (client: RawClient, body: Buffer, arrival: Arrival) => Promise<number>
/** Resolves when the program has written something, where the server passes a body on as it comes. */
type Arrival = () => Promise<void>

const program = resolve(import.meta.dirname, '../build/upload.cgi')
const idleSeconds = 3

const servers: readonly [name: string, skip: string | false, start: Start][] = [
  ['Apache, mod_cgid', missing('apache2'), apacheCgid],
  ['Apache, mod_cgi', missing('apache2'), apacheCgi],
  ['lighttpd', missing('lighttpd'), lighttpd],
  ['nginx, fcgiwrap', missing('nginx', 'fcgiwrap'), nginx],
]

const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 31) % 256))
const small = Buffer.from('small')

/** 201 is expected from the patient; from the others whatever is true. */
const patient: readonly [name: string, bytes: Buffer, act: Rudeness][] = [
  [
    'one byte a second, then one every 20 ms',
    small,
    async (client, body) => {
      client.head({ 'Content-Length': body.length })
      for (let at = 0; at < body.length; at++) {
        client.send(body.subarray(at, at + 1))
        await delay(at < 3 ? 1000 : 20)
      }
      return client.status()
    },
  ],
  [
    'a pause in the middle',
    content,
    async (client, body) => {
      client.head({ 'Content-Length': body.length })
      client.send(body.subarray(0, 200_000))
      await delay((idleSeconds * 1000) / 2)
      client.send(body.subarray(200_000))
      return client.status()
    },
  ],
  [
    'more bytes than declared',
    content,
    async (client, body) => {
      client.head({ 'Content-Length': body.length })
      client.send(Buffer.concat([body, Buffer.from(`surplus${body.toString('latin1')}`)]))
      return client.status()
    },
  ],
  [
    'an end of sending right behind the body',
    content,
    async (client, body) => {
      client.head({ 'Content-Length': body.length })
      client.send(body)
      return client.status()
    },
  ],
  [
    'chunks of one byte',
    small,
    async (client, body) => {
      client.head({ 'Transfer-Encoding': 'chunked' })
      for (const byte of body) client.send(chunk(Buffer.of(byte)))
      client.send(lastChunk)
      return client.status()
    },
  ],
]

const rude: readonly [name: string, bytes: Buffer, act: Rudeness][] = [
  [
    'silence until the server has enough',
    content,
    async (client, body) => {
      client.head({ 'Content-Length': body.length })
      client.send(body.subarray(0, 200_000))
      return client.status()
    },
  ],
  [
    'a close half-way',
    content,
    async (client, body, arrival) => {
      client.head({ 'Content-Length': body.length })
      client.send(body.subarray(0, 200_000))
      await arrival()
      client.close()
      return 0
    },
  ],
  [
    'an end of sending half-way, still listening',
    content,
    async (client, body, arrival) => {
      client.head({ 'Content-Length': body.length })
      client.send(body.subarray(0, 200_000))
      await arrival()
      client.end()
      return client.status()
    },
  ],
  [
    'a reset half-way',
    content,
    async (client, body, arrival) => {
      client.head({ 'Content-Length': body.length })
      client.send(body.subarray(0, 200_000))
      await arrival()
      client.reset()
      return 0
    },
  ],
  [
    'a whole body, but one byte less than declared',
    content,
    async (client, body, arrival) => {
      client.head({ 'Content-Length': body.length + 1 })
      client.send(body)
      await arrival()
      client.end()
      return client.status()
    },
  ],
  [
    'a broken chunk behind a whole body',
    content,
    async (client, body, arrival) => {
      client.head({ 'Transfer-Encoding': 'chunked' })
      client.send(chunk(body))
      await arrival()
      client.end(Buffer.from('zz\r\nbroken\r\n'))
      return client.status()
    },
  ],
  [
    'chunks that end half-way',
    content,
    async (client, body, arrival) => {
      client.head({ 'Transfer-Encoding': 'chunked' })
      client.send(chunk(body.subarray(0, 200_000)))
      await arrival()
      client.end()
      return client.status()
    },
  ],
  [
    'a whole body in chunks, but not the last chunk',
    content,
    async (client, body, arrival) => {
      client.head({ 'Transfer-Encoding': 'chunked' })
      client.send(chunk(body))
      await arrival()
      client.end()
      return client.status()
    },
  ],
  [
    'a whole body in chunks, then silence, then a reset',
    content,
    async (client, body, arrival) => {
      client.head({ 'Transfer-Encoding': 'chunked' })
      client.send(chunk(body))
      await arrival()
      client.reset()
      return 0
    },
  ],
  [
    'Expect: 100-continue, and then nothing',
    content,
    async (client, body) => {
      client.head({ 'Content-Length': body.length, Expect: '100-continue' })
      return client.status()
    },
  ],
  [
    'a length and chunks at once',
    small,
    async (client, body) => {
      client.head({ 'Content-Length': 20, 'Transfer-Encoding': 'chunked' })
      client.end(Buffer.concat([chunk(body), lastChunk]))
      return client.status()
    },
  ],
  [
    'two lengths',
    small,
    async (client, body) => {
      client.head({ 'Content-Length': `${body.length}\r\nContent-Length: 20` })
      client.end(body)
      return client.status()
    },
  ],
]

for (const [name, skip, start] of servers) {
  test(`${name}: slow clients get their files stored`, { skip }, async (t) => {
    const site = await running(t, start)
    await Promise.all(
      patient.map(async ([what, bytes, act], i) => {
        const stored = `patient-${i}.bin`
        assert.equal(await actOn(site, stored, bytes, act), 201, what)
        assert.ok(readFileSync(join(site.directory, stored)).equals(bytes), what)
      }),
    )
    await programsGone(site)
    assert.deepEqual(readdirSync(join(site.directory, '.incoming')), [])
  })

  test(`${name}: rude clients get what they were told, and leave nothing`, { skip }, async (t) => {
    const site = await running(t, start)
    for (const [i, [what, bytes, act]] of rude.entries()) {
      const stored = `rude-${i}.bin`
      const status = await actOn(site, stored, bytes, act)
      await programsGone(site)
      const path = join(site.directory, stored)
      const isThere = existsSync(path)
      const left = incoming(site)
      t.diagnostic(
        `${what}: ${status || 'no reply'}, ${isThere ? 'stored' : 'not stored'}, ${left.length} in .incoming`,
      )
      assert.equal(isThere, status === 201, `${what}: ${status}`)
      if (isThere) assert.ok(readFileSync(path).equals(bytes), what)
      await sweep(site, left, `after-${i}.bin`)
    }
  })

  test(`${name}: a refusal does not spoil the connection`, { skip }, async (t) => {
    const site = await running(t, start)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    t.after(() => agent.destroy())
    const send = (file: string) =>
      post(site.server.url, contentType(), bodyFor(file, content), agent)
    assert.equal((await send('first.php')).status, 415)
    const second = await send('second.bin')
    assert.equal(second.status, 201)
    assert.ok(readFileSync(join(site.directory, 'second.bin')).equals(content))
    t.diagnostic(second.isReused ? 'on the same connection' : 'on a new connection')
  })
}

async function actOn(site: Site, file: string, bytes: Buffer, act: Rudeness): Promise<number> {
  const client = await RawClient.connect(site.server.url, contentType())
  try {
    return await act(client, bodyFor(file, bytes), () => arrival(site, bytes.length / 2))
  } finally {
    client.close()
  }
}

async function arrival(site: Site, bytes: number): Promise<void> {
  if (!site.isStreaming) return
  const path = join(site.directory, '.incoming')
  const deadline = Date.now() + 10_000
  for (;;) {
    const sizes = incoming(site).map((name) => statSync(join(path, name)).size)
    if (sizes.some((size) => size > bytes)) return
    assert.ok(Date.now() < deadline, 'the program received nothing')
    await delay(20)
  }
}

/** What lies there becomes older than `partial_lifetime`, and the next upload removes it. */
async function sweep(site: Site, left: readonly string[], file: string): Promise<void> {
  const longAgo = Date.now() / 1000 - 2 * 86_400
  for (const name of left) {
    assert.match(name, /^[0-9a-f]{32}\.part$/)
    utimesSync(join(site.directory, '.incoming', name), longAgo, longAgo)
  }
  const reply = await post(site.server.url, contentType(), bodyFor(file, small))
  assert.equal(reply.status, 201, reply.text)
  await programsGone(site)
  assert.deepEqual(incoming(site), [])
}

/** Waits until no program of this site runs. Others of the same file are other tests'. */
async function programsGone(site: Site): Promise<void> {
  const deadline = Date.now() + 15_000
  for (;;) {
    const pids = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && isProgramOf(site, pid))
    if (pids.length === 0) return
    assert.ok(Date.now() < deadline, `still running: ${pids.join(' ')}`)
    await delay(30)
  }
}

function isProgramOf({ directory }: Site, pid: string): boolean {
  try {
    if (readlinkSync(`/proc/${pid}/exe`) !== program) return false
    return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(directory)
  } catch {
    return false
  }
}

function incoming({ directory }: Site): string[] {
  const path = join(directory, '.incoming')
  return existsSync(path) ? readdirSync(path) : []
}

function bodyFor(filename: string, bytes: Buffer): Buffer {
  return multipartBody([{ name: 'file', filename, content: bytes }])
}

function chunk(bytes: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`${bytes.length.toString(16)}\r\n`),
    bytes,
    Buffer.from('\r\n'),
  ])
}

const lastChunk = Buffer.from('0\r\n\r\n')

async function running(t: TestContext, start: Start): Promise<Site> {
  const directory = mkdtempSync(join(tmpdir(), 'upload-cgi-test-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const server = await start({ UPLOAD_CGI_DIRECTORY: directory })
  t.after(() => server.stop())
  return { server, directory, isStreaming: start === apacheCgid || start === apacheCgi }
}

function apacheCgid(env: Record<string, string>) {
  return startApache({ program, module: 'cgid', env, extra: `Timeout ${idleSeconds}` })
}

function apacheCgi(env: Record<string, string>) {
  return startApache({ program, module: 'cgi', env, extra: `Timeout ${idleSeconds}` })
}

function lighttpd(env: Record<string, string>) {
  return startLighttpd({ program, env, extra: `server.max-read-idle = ${idleSeconds}` })
}

function nginx(env: Record<string, string>) {
  return startNginx({ program, env, extra: `client_body_timeout ${idleSeconds}s;` })
}
