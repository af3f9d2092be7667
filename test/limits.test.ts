// docs/limits.md is true: with what it calls enough every kind of request works, with what it calls too little
// each ends at once with an answer, a line for the error log or a signal, and nothing below hangs but what it
// names. The least amounts are measured and told as diagnostics, so that the table can be kept near them.

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { runCgi } from '../src/testing/cgi-host.ts'
import { contentType } from '../src/testing/multipart-body.ts'
import {
  type Circumstances,
  documented,
  executable,
  isClean,
  isFine,
  kinds,
  request,
  running,
  waitingProgram,
} from './limits.ts'
import { missing, startApache, startLighttpd, startNginx } from './servers.ts'

const table = documented()
const needsRoot =
  process.getuid?.() === 0 ? false : 'needs root, to be a user without other processes'
let nextUid = 41_000 + 20 * (process.pid % 500)

function prepare(t: TestContext): Circumstances {
  const home = mkdtempSync(join(tmpdir(), 'upload-cgi-limits-'))
  t.after(() => rmSync(home, { recursive: true, force: true }))
  const directory = join(home, 'uploads')
  mkdirSync(directory)
  chmodSync(home, 0o755)
  chmodSync(directory, 0o777)
  return { directory }
}

/** Another one each time: what a killed program left behind counts for its user. */
function otherUser(): number {
  nextUid += 1
  return nextUid
}

const measured = [
  { name: 'address', limit: 'as', step: 1e6, unit: 'MB' },
  { name: 'data', limit: 'data', step: 1e6, unit: 'MB' },
  { name: 'stack', limit: 'stack', step: 4096, unit: 'KB' },
  { name: 'open', limit: 'nofile', step: 1, unit: '' },
  { name: 'processes', limit: 'nproc', step: 1, unit: '' },
] as const

for (const { name, limit, step, unit } of measured) {
  const skip = limit === 'nproc' ? needsRoot : false
  test(`${name}: enough is enough, and too little ends it at once with words`, {
    skip,
  }, async (t) => {
    const place = prepare(t)
    const { enough, tooLittle } = table.get(name) ?? { enough: 0, tooLittle: 0 }
    assert.ok(tooLittle > 0 && enough > tooLittle, `docs/limits.md has no row ${name}`)
    for (const kind of kinds) {
      const under = (value: number) => {
        const user = limit === 'nproc' ? { uid: otherUser() } : {}
        rmSync(join(place.directory, '.incoming'), { recursive: true, force: true })
        return request(kind, { ...place, ...user, limits: { [limit]: value } })
      }
      const well = await under(enough)
      assert.ok(isFine(kind, well), `${kind}: ${well.status} ${well.text} ${well.stderr}`)
      const short = await under(tooLittle)
      assert.ok(!isFine(kind, short) && isClean(short), `${kind}: ${short.status} ${short.stderr}`)
      // Between two processes and three lies what waits.
      let [low, high] = [limit === 'nproc' ? 2 : tooLittle, enough]
      while (high - low > step) {
        const middle = Math.floor((low + high) / 2)
        if (isFine(kind, await under(middle))) high = middle
        else low = middle
      }
      const divisor = { MB: 1e6, KB: 1e3, '': 1 }[unit]
      t.diagnostic(`least ${name} for the ${kind}: ${Math.ceil(high / divisor)} ${unit}`)
    }
  })
}

test('far below that it ends, too, with words or by a signal', async (t) => {
  const place = prepare(t)
  const far: readonly [string, readonly number[]][] = [
    ['as', [20e6, 60e6, 100e6, 150e6, 200e6, 300e6, 400e6, 500e6]],
    ['data', [1e6, 4e6, 8e6, 22e6]],
    ['stack', [4096, 16_384, 32_768]],
    ['nofile', [3, 4, 6, 8, 10, 12, 14, 16, 18, 19]],
  ]
  for (const [limit, values] of far) {
    for (const value of values) {
      const reply = await request('upload', { ...place, limits: { [limit]: value } })
      const told = `${limit} ${value}: ${reply.status} ${reply.stderr} ${reply.signal}`
      assert.ok(reply.status !== 201 && isClean(reply), told)
    }
  }
})

test('three processes are enough on a machine with 64 processors', {
  skip: needsRoot || missing('gcc'),
}, async (t) => {
  const place = prepare(t)
  const library = join(place.directory, '..', 'processors.so')
  const source = `#define _GNU_SOURCE
#include <sched.h>
#include <string.h>
int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set) {
  memset(set, 0, size);
  for (int i = 0; i < 64; i++) CPU_SET_S(i, size, set);
  return 0;
}`
  writeFileSync(`${library}.c`, source)
  execFileSync('gcc', ['-shared', '-fPIC', '-o', library, `${library}.c`])
  const uid = otherUser()
  for (const limits of [{ nproc: 3 }, { as: table.get('address')?.enough ?? 0 }]) {
    const reply = await request('upload', {
      ...place,
      limits,
      uid,
      env: { LD_PRELOAD: library },
    })
    assert.equal(reply.status, 201, reply.stderr)
  }
})

test('the memory that it really uses stays below what the table says', async (t) => {
  const place = prepare(t)
  for (const kind of kinds) {
    const reply = await request(kind, { ...place, bytes: 8_000_000 })
    assert.ok(isFine(kind, reply), reply.stderr)
    assert.ok(
      reply.peakResidentBytes < (table.get('memory')?.enough ?? 0),
      String(reply.peakResidentBytes),
    )
    t.diagnostic(`memory for the ${kind}: ${Math.ceil(reply.peakResidentBytes / 1e6)} MB`)
  }
})

test('a file of the size that a file may have is stored, and a larger one refused', async (t) => {
  const place = { ...prepare(t), limits: { fsize: 100_000 } }
  for (const kind of ['upload', 'upload with checksum', 'piece'] as const) {
    assert.ok(isFine(kind, await request(kind, { ...place, bytes: 100_000 })))
    const reply = await request(kind, { ...place, bytes: 100_001 })
    assert.equal(reply.status, 507, reply.stderr)
    assert.match(reply.stderr, /DISK_FULL/)
  }
  const names = readdirSync(place.directory).sort()
  assert.deepEqual(names, ['.incoming', 'whole-2.bin', 'whole.bin'])
})

test('a limit of processor time ends an upload, of which nothing is stored', async (t) => {
  const place = { ...prepare(t), limits: { cpu: 1 } }
  assert.ok(isFine('upload', await request('upload', { ...place, bytes: 8_000_000 })))
  // Lines that only begin like a delimiter are the hardest to read.
  const line = Buffer.from('\r\n--XboundaryX-'.repeat(20_000))
  const head = 'Content-Disposition: form-data; name="file"; filename="endless.bin"'
  function* endless() {
    yield Buffer.from(`--XboundaryX\r\n${head}\r\n\r\n`)
    for (;;) yield line
  }
  const reply = await runCgi({
    program: '/usr/bin/prlimit',
    args: ['--cpu=1:1', executable],
    directory: place.directory,
    contentType: contentType(),
    body: endless(),
    env: {
      HTTP_TRANSFER_ENCODING: 'chunked',
      UPLOAD_CGI_MAX_FILE_SIZE: '0',
      UPLOAD_CGI_MAX_REQUEST_SIZE: '0',
      UPLOAD_CGI_DURABLE: 'false',
    },
  })
  assert.match(String(reply.signal), /^SIG(XCPU|KILL)$/, reply.stderr)
  assert.deepEqual(readdirSync(place.directory).sort(), ['.incoming', 'whole.bin'])
})

test('with exactly two processes it waits, and SIGTERM ends it', { skip: needsRoot }, async (t) => {
  const uid = otherUser()
  const { directory } = prepare(t)
  const args = [
    `--reuid=${uid}`,
    `--regid=${uid}`,
    '--clear-groups',
    'prlimit',
    '--nproc=2',
    executable,
  ]
  const env = {
    PATH: '/usr/bin:/bin',
    GATEWAY_INTERFACE: 'CGI/1.1',
    REQUEST_METHOD: 'GET',
    UPLOAD_CGI_DIRECTORY: directory,
  }
  const child = spawn('setpriv', args, { env, stdio: 'ignore' })
  const ended = new Promise((resolved) => child.once('exit', (_code, signal) => resolved(signal)))
  await delay(1500)
  assert.equal(child.exitCode, null, 'it does not wait any more: docs/limits.md can be shorter')
  child.kill('SIGTERM')
  assert.equal(await ended, 'SIGTERM')
})

test('Apache and, if told to, lighttpd end a program that waits, and answer', {
  skip: missing('apache2', 'lighttpd'),
}, async (t) => {
  const place = prepare(t)
  const { waits, program } = await waitingProgram(place)
  const apache = (module: 'cgid' | 'cgi', directive: string) =>
    startApache({
      module,
      program: waits,
      extra: `<Location /upload>\n${directive} 2\n</Location>`,
    })
  const lighttpd = startLighttpd({ program: waits, extra: 'cgi.limits = ( "read-timeout" => 2 )' })
  for (const starting of [
    apache('cgid', 'CGIDScriptTimeout'),
    apache('cgi', 'CGIScriptTimeout'),
    lighttpd,
  ]) {
    const server = await starting
    t.after(() => server.stop())
    const asked = fetch(server.url, { signal: AbortSignal.timeout(30_000) })
    while (running(program) === 0) await delay(20)
    const response = await asked
    assert.match(String(response.status), /^50[0-4]$/, server.errorLog())
    while (running(program) > 0) await delay(50)
  }
})

test('behind nginx the visitor gets 504, but fcgiwrap leaves what waits', {
  skip: missing('nginx', 'fcgiwrap'),
}, async (t) => {
  const place = prepare(t)
  const { waits, program } = await waitingProgram(place)
  const server = await startNginx({ program: waits, extra: 'fastcgi_read_timeout 1;' })
  t.after(() => server.stop())
  const response = await fetch(server.url, { signal: AbortSignal.timeout(30_000) })
  assert.equal(response.status, 504)
  await delay(1000)
  assert.equal(running(program), 1)
})

test('a settings script that begins with timeout works, ends what waits, and has words when short', {
  skip: needsRoot,
}, async (t) => {
  const place = prepare(t)
  const script = join(place.directory, '..', 'form.cgi')
  const first = /^ {4}#!(.*)$/m.exec(readFileSync('docs/limits.md', 'utf8'))?.[1] ?? ''
  const line = first.replace('1h', '3').replace(/\S+upload\.cgi$/, executable)
  writeFileSync(script, `#!${line}\ndirectory = "${place.directory}"\ntitle = "By script"\n`)
  chmodSync(script, 0o755)
  const ask = (nproc: number) => {
    const env = { HTTP_ACCEPT: 'text/html' }
    return request('form', { ...place, program: script, uid: otherUser(), limits: { nproc }, env })
  }
  const page = await ask(4)
  assert.equal(page.status, 200, page.stderr)
  assert.match(page.text, /By script/)
  const waited = await ask(3)
  assert.equal(waited.exitCode, 124, waited.stderr)
  const short = await ask(1)
  assert.equal(short.exitCode, 125)
  assert.match(short.stderr, /fork/)
})
