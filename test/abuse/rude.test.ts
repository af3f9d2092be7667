// Slow and rude clients, by raw sockets, through Apache (mod_cgid, mod_cgi), lighttpd and nginx
// with fcgiwrap. After each of them what the reply said is what is in the directory, no program is
// left running, the server still answers, and an upload sweeps what a killed program left in
// `incoming/`.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync, utimesSync } from 'node:fs'
import { Agent } from 'node:http'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { startApache } from '../host/apache.ts'
import { incoming } from '../host/form.ts'
import { missing } from '../host/installed.ts'
import { startLighttpd } from '../host/lighttpd.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import { startNginx } from '../host/nginx.ts'
import { freshDirectory, program } from '../host/program.ts'
import { post, RawClient } from '../host/raw-client.ts'
import type { RunningServer } from '../host/server.ts'
import {
  act,
  content,
  cutChunks,
  idleSeconds,
  patient,
  type Rude,
  rude,
  small,
} from './rudeness.ts'

type Start = (env: Record<string, string>) => Promise<RunningServer>
type Site = {
  readonly server: RunningServer
  readonly directory: string
  /** The program gets the body while it comes, not after the server has all of it. */
  readonly isStreaming: boolean
}

const servers: readonly [name: string, skip: string | false, start: Start][] = [
  ['Apache, mod_cgid', missing('apache2'), apacheCgid],
  ['Apache, mod_cgi', missing('apache2'), apacheCgi],
  ['lighttpd', missing('lighttpd'), lighttpd],
  ['nginx, fcgiwrap', missing('nginx', 'fcgiwrap'), nginx],
]

for (const [name, skip, start] of servers) {
  test(`${name}: slow clients get their files stored`, { skip }, async (t) => {
    const site = await running(t, start)
    await Promise.all(
      patient.map(async (client, i) => {
        const stored = `patient-${i}.bin`
        assert.equal(await actOn(site, client, stored), 201, client.name)
        assert.ok(readFileSync(join(site.directory, stored)).equals(client.bytes), client.name)
      }),
    )
    await programsGone(site)
    assert.deepEqual(readdirSync(join(site.directory, '.upload-cgi', 'incoming')), [])
  })

  test(`${name}: rude clients get what they were told, and leave nothing`, { skip }, async (t) => {
    const site = await running(t, start)
    for (const [i, client] of rude.entries()) await suffer(t, site, client, `rude-${i}.bin`)
  })

  // Servers close the program's input before they send SIGTERM; what was committed in between would
  // be stored although the client was told 400.
  test(`${name}: chunks without an end are not stored`, { skip }, async (t) => {
    const site = await running(t, start)
    for (const [i, client] of cutChunks.entries()) await suffer(t, site, client, `cut-${i}.bin`)
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

test('chunks: SIGTERM just behind the end of input comes in time', async (t) => {
  const directory = freshDirectory(t)
  const env = {
    GATEWAY_INTERFACE: 'CGI/1.1',
    REQUEST_METHOD: 'POST',
    CONTENT_TYPE: contentType(),
    HTTP_TRANSFER_ENCODING: 'chunked',
    UPLOAD_CGI_DIRECTORY: directory,
  }
  const child = spawn(program, [], { env, stdio: ['pipe', 'ignore', 'inherit'] })
  const ended = once(child, 'exit')
  child.stdin.write(bodyFor('cut.bin', content))
  await received(directory, content.length / 2)
  child.stdin.end()
  await delay(5)
  child.kill('SIGTERM')
  await ended
  assert.deepEqual(readdirSync(directory), ['.upload-cgi'])
})

async function suffer(t: TestContext, site: Site, client: Rude, file: string): Promise<void> {
  const { name: what, bytes } = client
  const status = await actOn(site, client, file)
  await programsGone(site)
  const path = join(site.directory, file)
  const isThere = existsSync(path)
  const left = incoming(site.directory)
  const told = `${what}: ${status || 'no reply'}, ${isThere ? '' : 'not '}stored`
  t.diagnostic(`${told}, ${left.length} in incoming/`)
  assert.equal(isThere, status === 201, told)
  if (isThere) assert.ok(readFileSync(path).equals(bytes), what)
  // A program that knows how long the body should be outlives the server's signal and cleans up.
  if (!what.includes('chunk')) assert.deepEqual(left, [], told)
  await sweep(site, left, `after-${file}`)
}

async function actOn(site: Site, rude: Rude, file: string): Promise<number> {
  const { bytes } = rude
  const client = await RawClient.connect(site.server.url, contentType())
  try {
    const arrival = async () => {
      if (site.isStreaming) await received(site.directory, bytes.length / 2)
    }
    return await act(rude, client, bodyFor(file, bytes), arrival)
  } finally {
    client.close()
  }
}

async function received(directory: string, bytes: number): Promise<void> {
  const path = join(directory, '.upload-cgi', 'incoming')
  const deadline = Date.now() + 120_000
  for (;;) {
    const sizes = incoming(directory).map((name) => statSync(join(path, name)).size)
    if (sizes.some((size) => size > bytes)) return
    assert.ok(Date.now() < deadline, 'the program received nothing')
    await delay(20)
  }
}

/** What is there becomes older than `partial_lifetime`, and the next upload removes it. */
async function sweep(site: Site, left: readonly string[], file: string): Promise<void> {
  const longAgo = Date.now() / 1000 - 2 * 86_400
  for (const name of left) {
    assert.match(name, /^\.ht[0-9a-f]{32}\.part$/)
    utimesSync(join(site.directory, '.upload-cgi', 'incoming', name), longAgo, longAgo)
  }
  const reply = await post(site.server.url, contentType(), bodyFor(file, small))
  assert.equal(reply.status, 201, reply.text)
  await programsGone(site)
  assert.deepEqual(incoming(site.directory), [])
}

/** Waits until no program of this site runs. Others of the same file are other tests'. */
async function programsGone(site: Site): Promise<void> {
  const deadline = Date.now() + 120_000
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

function bodyFor(filename: string, bytes: Buffer): Buffer {
  return multipartBody([{ name: 'file', filename, content: bytes }])
}

async function running(t: TestContext, start: Start): Promise<Site> {
  const directory = freshDirectory(t)
  const server = await start({ UPLOAD_CGI_DIRECTORY: directory })
  t.after(() => server.stop())
  return { server, directory, isStreaming: start === apacheCgid || start === apacheCgi }
}

function apacheCgid(env: Record<string, string>) {
  return startApache({ env, extra: `Timeout ${idleSeconds}` })
}

function apacheCgi(env: Record<string, string>) {
  return startApache({ module: 'cgi', env, extra: `Timeout ${idleSeconds}` })
}

function lighttpd(env: Record<string, string>) {
  return startLighttpd({ env, extra: `server.max-read-idle = ${idleSeconds}` })
}

function nginx(env: Record<string, string>) {
  return startNginx({ env, extra: `client_body_timeout ${idleSeconds}s;` })
}
