// HTTP/2: Apache with mod_http2 and nginx, over TLS. A body may come without a length, a stream may
// be reset in the middle of a file, and a refusal must be heard while the body is still being sent.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { startApache } from '../host/apache.ts'
import { incoming, visible } from '../host/form.ts'
import { http2Client, makeCertificate, replyOf, reset } from '../host/http2.ts'
import { missing } from '../host/installed.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import { startNginx } from '../host/nginx.ts'
import { freshDirectory } from '../host/program.ts'
import type { RunningServer, ServerOptions } from '../host/server.ts'

type Start = (options: ServerOptions) => Promise<RunningServer>

const servers: readonly [string, string | false, Start][] = [
  ['Apache, mod_http2', missing('apache2', 'openssl', 'curl'), startApache],
  ['nginx', missing('nginx', 'fcgiwrap', 'openssl', 'curl'), startNginx],
]

const bytes = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 31 + (i >> 8)) % 256))
const timeout = 300_000
const form = { 'content-type': contentType() }

for (const [name, skip, start] of servers) {
  test(`${name}: a file is stored whole, with a length and without`, {
    skip,
    timeout,
  }, async (t) => {
    const { server, directory, client, path } = await serving(t, start)
    const page = await client.send('GET', path)
    assert.equal(page.status, 200)
    const body = multipartBody([{ name: 'file', filename: 'Größe.bin', content: bytes }])
    const length = { 'content-length': String(body.length) }
    for (const [more, stored] of [
      [length, 'Größe.bin'],
      [{}, 'Größe-2.bin'],
    ] as const) {
      const reply = await client.send('POST', path, { ...form, ...more }, body)
      assert.equal(reply.status, 201, reply.text)
      assert.equal(JSON.parse(reply.text).files[0].stored, stored)
      assert.deepEqual(readFileSync(join(directory, stored)), bytes)
    }
    const source = join(freshDirectory(t), 'curl.bin')
    writeFileSync(source, bytes)
    for (const [options, stored] of [
      [[], 'curl.bin'],
      [['-H', 'Transfer-Encoding: chunked'], 'curl-2.bin'],
    ] as const) {
      const fixed = ['-sS', '--http2', '--insecure', '-H', 'Accept: text/plain']
      const told = ['-w', '%{http_version} %{http_code}']
      const sent = [...fixed, ...told, ...options, '-F', `file=@${source}`, server.url]
      const { stdout } = await promisify(execFile)('curl', sent)
      assert.match(stdout, new RegExp(`^${stored}\\t3000000\\t[^]*\\n2 201$`))
      assert.deepEqual(readFileSync(join(directory, stored)), bytes)
    }
  })

  test(`${name}: a refusal is heard while the body is still being sent`, {
    skip,
    timeout,
  }, async (t) => {
    const { directory, client, path } = await serving(t, start)
    const body = multipartBody([{ name: 'file', filename: 'x.php', content: bytes }])
    const refused = await client.send('POST', path, form, body)
    assert.equal(refused.status, 415, refused.text)
    assert.equal(JSON.parse(refused.text).code, 'EXTENSION_REFUSED')
    assert.deepEqual(visible(directory), [])
    // The connection goes on.
    const next = multipartBody([{ name: 'file', filename: 'a.txt', content: 'next' }])
    assert.equal((await client.send('POST', path, form, next)).status, 201)
    assert.deepEqual(visible(directory), ['a.txt'])
  })

  test(`${name}: of a stream that is reset nothing is stored, and others go on`, {
    skip,
    timeout,
  }, async (t) => {
    const { directory, client, path } = await serving(t, start)
    const body = multipartBody([{ name: 'file', filename: 'half.bin', content: bytes }])
    const half = body.subarray(0, 1_500_000)
    for (const more of [{ 'content-length': String(body.length) }, {}]) {
      const other = await client.begin(path, { ...form, ...more }, half)
      await reset(await client.begin(path, { ...form, ...more }, half))
      const reply = replyOf(other)
      other.end(body.subarray(half.length))
      assert.equal((await reply).status, 201)
    }
    await programsEnd(directory)
    assert.deepEqual(visible(directory), ['half-2.bin', 'half.bin'])
    assert.deepEqual(incoming(directory), [])
  })

  test(`${name}: a piece whose stream is reset is resumed`, { skip, timeout }, async (t) => {
    const { server, directory, client, path } = await serving(t, start)
    const id = 'a1'.repeat(16)
    const pieceFrom = (offset: number) =>
      multipartBody([
        { name: '_upload', content: id },
        { name: '_offset', content: String(offset) },
        { name: '_size', content: String(bytes.length) },
        { name: '_filename', content: 'resumed.bin' },
        { name: 'file', filename: 'resumed.bin', content: bytes.subarray(offset) },
      ])
    const first = pieceFrom(0)
    await reset(await client.begin(path, form, first.subarray(0, 1_500_000)))
    await programsEnd(directory)
    assert.deepEqual(visible(directory), [])
    const again = await http2Client(t, server.url)
    const status = await again.send('GET', `${path}?upload=${id}`)
    const offset = Number(status.headers['upload-offset'] ?? 0)
    assert.ok(offset >= 0 && offset < bytes.length)
    const last = await again.send('POST', path, form, pieceFrom(offset))
    assert.equal(last.status, 201, last.text)
    assert.deepEqual(visible(directory), ['resumed.bin'])
    assert.deepEqual(readFileSync(join(directory, 'resumed.bin')), bytes)
  })
}

async function serving(t: TestContext, start: Start) {
  const directory = freshDirectory(t)
  const env = { UPLOAD_CGI_DIRECTORY: directory, UPLOAD_CGI_DURABLE: 'false' }
  const server = await start({ env, tls: makeCertificate(t) })
  t.after(() => server.stop())
  const client = await http2Client(t, server.url)
  return { server, directory, client, path: new URL(server.url).pathname }
}

/** Waits until no program runs that stores in this directory. */
async function programsEnd(directory: string): Promise<void> {
  const variable = `UPLOAD_CGI_DIRECTORY=${directory}\0`
  const runs = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(variable)
    } catch {
      return false
    }
  }
  const deadline = Date.now() + 60_000
  while (readdirSync('/proc').some((name) => /^\d+$/.test(name) && runs(name))) {
    assert.ok(Date.now() < deadline, 'a program still runs')
    await delay(20)
  }
}
