// The built executable under real servers: Apache with mod_cgid and mod_cgi, lighttpd, nginx with
// fcgiwrap. The same few promises everywhere; then what only a server can show: chunked bodies, and
// 3 GiB in constant memory. test/abuse/rude.test.ts has clients that are slow or stop half-way.

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startApache } from '../host/apache.ts'
import { missing } from '../host/installed.ts'
import { startLighttpd } from '../host/lighttpd.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import { startNginx } from '../host/nginx.ts'
import { freshDirectory } from '../host/program.ts'
import type { RunningServer } from '../host/server.ts'

type Start = (env: Record<string, string>) => Promise<RunningServer>

const servers: readonly [name: string, skip: string | false, start: Start][] = [
  ['Apache, mod_cgid', missing('apache2'), (env) => apache('cgid', env)],
  ['Apache, mod_cgi', missing('apache2'), (env) => apache('cgi', env)],
  ['lighttpd', missing('lighttpd'), (env) => startLighttpd({ env })],
  ['nginx, fcgiwrap', missing('nginx', 'fcgiwrap'), (env) => startNginx({ env })],
]

for (const [name, skip, start] of servers) {
  test(`${name}: form, upload, conflict, refusals`, { skip }, async (t) => {
    const { server, directory } = await running(t, start)
    const form = await send(server, 'GET')
    assert.equal(form.status, 200)
    assert.match(form.text, /<form method="post"/)
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 31) % 256))
    const body = multipartBody([{ name: 'file', filename: "l'été & co.bin", content: bytes }])
    for (const stored of ["l'été & co.bin", "l'été & co-2.bin"]) {
      const reply = await send(server, 'POST', body)
      assert.equal(reply.status, 201, reply.text)
      assert.equal(JSON.parse(reply.text).files[0].stored, stored)
      assert.deepEqual(readFileSync(join(directory, stored)), bytes)
    }
    const refused = multipartBody([{ name: 'file', filename: 'x.php', content: Buffer.alloc(3e6) }])
    // Refused at its first bytes: the reason must arrive although the body is still being sent.
    const reply = await send(server, 'POST', refused)
    assert.equal(reply.status, 415)
    assert.equal(reply.type, 'application/problem+json')
    assert.equal((await send(server, 'PUT', body)).status, 405)
    assert.equal((await send(server, 'HEAD')).text, '')
    assert.equal((await send(server, 'GET', undefined, '?--help')).status, 200)
    assert.equal(readdirSync(directory).length, 3)
  })

  test(`${name}: a chunked body without length is stored`, { skip }, async (t) => {
    const { server, directory } = await running(t, start)
    const body = multipartBody([{ name: 'file', filename: 'a.txt', content: 'chunked' }])
    const reply = await send(server, 'POST', body, '', { 'transfer-encoding': 'chunked' })
    assert.equal(reply.status, 201, reply.text)
    assert.equal(readFileSync(join(directory, 'a.txt'), 'utf8'), 'chunked')
  })
}

test('Apache: 3 GiB arrive equal, in the memory of a small upload', {
  skip: missing('apache2'),
}, async (t) => {
  const env = { UPLOAD_CGI_MAX_FILE_SIZE: '0', UPLOAD_CGI_MAX_REQUEST_SIZE: '0' }
  const { server, directory } = await running(t, (more) => apache('cgid', { ...env, ...more }, '0'))
  const small = await peakOfUpload(t, server, directory, 1024 ** 2)
  const large = await peakOfUpload(t, server, directory, 3 * 1024 ** 3)
  t.diagnostic(`peak resident: ${small} KB for 1 MiB, ${large} KB for 3 GiB`)
  // On a busy machine reads are short and many, and V8's young generation (16 MiB) fills up.
  assert.ok(large - small < 24_000, `${small} KB for 1 MiB, ${large} KB for 3 GiB`)
})

function apache(module: 'cgi' | 'cgid', env: Record<string, string>, maxBody?: string) {
  const define = maxBody === undefined ? {} : { define: { UPLOAD_CGI_MAX_BODY: maxBody } }
  return startApache({ module, env, ...define })
}

async function running(t: TestContext, start: Start) {
  const directory = freshDirectory(t)
  const server = await start({ UPLOAD_CGI_DIRECTORY: directory })
  t.after(() => server.stop())
  return { server, directory }
}

function send(
  server: RunningServer,
  method: string,
  body?: Buffer,
  query = '',
  headers: Record<string, string> = {},
): Promise<{ status: number; type: string; text: string }> {
  const length: Record<string, string | number> =
    body === undefined || 'transfer-encoding' in headers ? {} : { 'content-length': body.length }
  return new Promise((resolve, reject) => {
    const sent = request(
      `${server.url}${query}`,
      {
        method,
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': contentType() }),
          ...length,
          ...headers,
        },
        timeout: 120_000,
      },
      (reply) => {
        const chunks: Buffer[] = []
        reply.on('data', (chunk: Buffer) => chunks.push(chunk))
        reply.on('error', reject)
        reply.on('end', () =>
          resolve({
            status: reply.statusCode ?? 0,
            type: reply.headers['content-type'] ?? '',
            text: Buffer.concat(chunks).toString(),
          }),
        )
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Sends a sparse file with marks at its ends by curl; gives the program's VmHWM in KB. */
async function peakOfUpload(
  t: TestContext,
  server: RunningServer,
  directory: string,
  bytes: number,
): Promise<number> {
  const home = freshDirectory(t)
  const source = join(home, `${bytes}.bin`)
  writeFileSync(source, 'begin')
  const fd = openSync(source, 'r+')
  ftruncateSync(fd, bytes)
  writeSync(fd, 'end', bytes - 3)
  closeSync(fd)
  const args = ['-sS', '-o', join(home, 'reply'), '-w', '%{http_code}', '-H', 'Expect:']
  // The small one is slowed down, or it would be over before it could be looked at.
  if (bytes < 1e7) args.push('--limit-rate', '2M')
  const curl = spawn('curl', [...args, '-F', `file=@${source}`, server.url])
  let status = ''
  let peak = 0
  curl.stdout.on('data', (chunk) => {
    status += chunk
  })
  const timer = setInterval(() => {
    peak = Math.max(peak, residentPeak())
  }, 40)
  await once(curl, 'close')
  clearInterval(timer)
  assert.equal(status, '201', readFileSync(join(home, 'reply'), 'utf8'))
  execFileSync('cmp', [source, join(directory, `${bytes}.bin`)])
  rmSync(join(directory, `${bytes}.bin`))
  assert.ok(peak > 0, 'the program was never seen running')
  return peak
}

function residentPeak(): number {
  let peak = 0
  for (const pid of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(pid)) continue
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0] ?? ''
      if (!command.endsWith('upload.cgi')) continue
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0))
    } catch {
      // It has just ended.
    }
  }
  return peak
}
