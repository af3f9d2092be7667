// Uploads that survive, through real servers: huge files whose sender, server and program are killed on the way,
// limits and firewalls in front, two senders of one upload, a disk that fills and empties.
// What is sent again after a cut is at most one piece.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { cannotMount, mountTmpfs } from './mounts.ts'
import { PieceSender, sumOf } from './piece-sender.ts'
import { giveToServer, missing, type RunningServer, startApache, startNginx } from './servers.ts'

const program = resolve(import.meta.dirname, '../build/upload.cgi')
const GiB = 2 ** 30
const settings = { UPLOAD_CGI_MAX_FILE_SIZE: '0', UPLOAD_CGI_DURABLE: 'false' }
const newId = () => randomBytes(16).toString('hex')

/** In memory where there is room, for these are huge. */
function roomyDirectory(t: TestContext): string {
  const home = mkdtempSync(
    join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'upload-cgi-resume-'),
  )
  t.after(() => rmSync(home, { recursive: true, force: true }))
  const directory = join(home, 'uploads')
  mkdirSync(directory)
  spawnSync('chmod', ['711', home])
  giveToServer(directory)
  return directory
}

async function sumOfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk)
  return hash.digest('hex')
}

const visible = (directory: string) => readdirSync(directory).filter((name) => name !== '.incoming')

function incoming(directory: string): string[] {
  const path = join(directory, '.incoming')
  return existsSync(path) ? readdirSync(path) : []
}

/** The process that appends to the upload now, as its claim says; 0 when there is none. */
function holder(directory: string, id: string): number {
  const claims = incoming(directory).filter((name) => name.startsWith(`${id}.claim-`))
  const texts = claims.map((name) => {
    try {
      return readFileSync(join(directory, '.incoming', name), 'utf8')
    } catch {
      return ''
    }
  })
  return Number(texts.sort().at(-1)?.trim().split(' ')[2] ?? 0)
}

/** Kills whoever appends to the upload, as soon as somebody does. True when it was still there. */
async function killHolder(directory: string, id: string, pauseMs = 0): Promise<boolean> {
  for (let tries = 0; tries < 2000; tries++) {
    const pid = holder(directory, id)
    if (pid > 0) {
      if (pauseMs > 0) await delay(pauseMs)
      try {
        process.kill(pid, 'SIGKILL')
        return true
      } catch {
        return false
      }
    }
    await delay(2)
  }
  return false
}

async function assertArrived(t: TestContext, directory: string, sender: PieceSender, text: string) {
  const [file] = JSON.parse(text).files
  const expected = sumOf(sender.size)
  assert.equal(file.size, sender.size)
  assert.equal(file.sha256, expected)
  assert.equal(statSync(join(directory, file.stored)).size, sender.size)
  assert.equal(await sumOfFile(join(directory, file.stored)), expected)
  assert.deepEqual(visible(directory), [file.stored], 'stored once')
  const left = incoming(directory).filter((name) => !name.endsWith('.journal'))
  t.diagnostic(
    `${sender.size} bytes in ${sender.pieces} pieces, sent again: ${sender.sentBytes - sender.size}`,
  )
  return left
}

test('4.1 GiB through Apache: the sender cut 20 times, the server restarted, the program killed', {
  skip: missing('apache2'),
  timeout: 900_000,
}, async (t) => {
  const directory = roomyDirectory(t)
  const env = { ...settings, UPLOAD_CGI_MAX_REQUEST_SIZE: '64MB', UPLOAD_CGI_DIRECTORY: directory }
  const start = () =>
    startApache({ program, module: 'cgid', env, define: { UPLOAD_CGI_MAX_BODY: '0' } })
  let server: RunningServer = await start()
  t.after(() => server.stop())
  const pieceBytes = 32_000_000
  const sender = new PieceSender(() => server.url, newId(), Math.floor(4.1 * GiB), pieceBytes)
  let cuts = 0
  let kills = 0
  let restarts = 0
  let piece = 0
  const reply = await sender.send(async () => {
    piece++
    if (piece % 5 === 0 && cuts < 20) {
      cuts++
      return Math.floor(Math.random() * pieceBytes)
    }
    if (piece % 17 === 0 && kills < 6) {
      kills++
      killHolder(directory, sender.id, Math.floor(Math.random() * 60))
    }
    if (piece === 58) {
      restarts++
      setTimeout(async () => {
        await server.stop()
        server = await start()
      }, 30)
    }
    return Infinity
  })
  assert.equal(cuts, 20)
  const disturbances = cuts + kills + restarts * 5
  const again = sender.sentBytes - sender.size
  assert.ok(again <= disturbances * pieceBytes, `${again} bytes again`)
  t.diagnostic(`${cuts} cuts, ${kills} kills, ${restarts} restart`)
  await assertArrived(t, directory, sender, reply.text)
})

test('2.1 GiB through Apache, ModSecurity and the core rule set, blocking', {
  skip: missing('apache2', 'libapache2-mod-security2', 'modsecurity-crs'),
  timeout: 900_000,
}, async (t) => {
  const directory = roomyDirectory(t)
  const server = await startApache({
    program,
    module: 'cgid',
    env: { ...settings, UPLOAD_CGI_DIRECTORY: directory },
    extra: [
      'LoadModule unique_id_module /usr/lib/apache2/modules/mod_unique_id.so',
      'LoadModule security2_module /usr/lib/apache2/modules/mod_security2.so',
      'Include /etc/modsecurity/modsecurity.conf-recommended',
      'SecRuleEngine On',
      'SecAuditEngine Off',
      'SecDataDir /tmp',
      'Include /usr/share/modsecurity-crs/owasp-crs.load',
    ].join('\n'),
  })
  t.after(() => server.stop())
  // That it is at work: a body over its limit of 12.5 MiB, and a name that it takes for an attack.
  const large = new PieceSender(() => server.url, newId(), 20_000_000, 20_000_000)
  const refused = await large.piece(0)
  // Debian 12's ModSecurity says 500 to a multipart body that it stopped reading at its limit.
  assert.ok([413, 500].includes(refused.status), `${refused.status} ${server.errorLog()}`)
  const attack = await fetch(`${server.url}?a=<script>alert(1)</script>`)
  assert.equal(attack.status, 403)
  const name = `l'été "d'Anne"; drop.mp4`
  const sender = new PieceSender(() => server.url, newId(), Math.floor(2.1 * GiB), 8_000_000, name)
  let piece = 0
  const reply = await sender.send(() => (++piece % 40 === 0 ? 1_000_000 : Infinity))
  await assertArrived(t, directory, sender, reply.text)
  assert.equal(JSON.parse(reply.text).files[0].name, name)
})

test('behind nginx with its limit of 1 MB the pieces become small enough', {
  skip: missing('apache2', 'nginx', 'fcgiwrap'),
  timeout: 900_000,
}, async (t) => {
  const directory = roomyDirectory(t)
  const apache = await startApache({
    program,
    module: 'cgid',
    env: { ...settings, UPLOAD_CGI_DIRECTORY: directory },
  })
  t.after(() => apache.stop())
  const { origin } = new URL(apache.url)
  const nginx = await startNginx({
    program,
    extra: `location /upload { client_max_body_size 1m; proxy_pass ${origin}; proxy_set_header Host $http_host; }`,
  })
  t.after(() => nginx.stop())
  const url = new URL('/upload', nginx.url).href
  // All of it with UPLOAD_CGI_TEST_HUGE: 2.1 GiB are some 2300 requests here.
  const size = process.env['UPLOAD_CGI_TEST_HUGE'] ? Math.floor(2.1 * GiB) : 200_000_000
  const sender = new PieceSender(() => url, newId(), size, 8_000_000)
  let piece = 0
  const reply = await sender.send(() => (++piece % 50 === 0 ? 300_000 : Infinity))
  assert.equal(sender.pieceBytes, 1_000_000)
  await assertArrived(t, directory, sender, reply.text)
})

test('two senders of one upload: one goes on, the other waits; who is killed is forgotten at once', {
  skip: missing('apache2'),
}, async (t) => {
  const directory = roomyDirectory(t)
  const env = { ...settings, UPLOAD_CGI_DIRECTORY: directory }
  const server = await startApache({ program, module: 'cgid', env })
  t.after(() => server.stop())
  const sender = new PieceSender(() => server.url, newId(), 6_000_000, 2_000_000)
  assert.equal((await sender.piece(0)).status, 202)
  // Half of a piece, and then silence.
  const silent = new PieceSender(() => server.url, sender.id, 6_000_000, 2_000_000)
  const held = hold(silent, 2_000_000)
  while (holder(directory, sender.id) === 0) await delay(10)
  const busy = await sender.piece(2_000_000)
  assert.equal(busy.status, 423)
  assert.equal(JSON.parse(busy.text).code, 'UPLOAD_BUSY')
  assert.equal((await sender.look()).offset, 2_000_000)
  assert.equal(await killHolder(directory, sender.id), true)
  assert.equal((await sender.piece(2_000_000)).status, 202)
  held.destroy()
  const last = await sender.piece(4_000_000)
  await assertArrived(t, directory, sender, last.text)
  assert.equal((await sender.piece(4_000_000)).text, last.text, 'the same receipt again')
  const other = new PieceSender(() => server.url, newId(), 6_000_000, 6_000_000)
  assert.equal(JSON.parse((await other.piece(0)).text).files[0].stored, 'film-2.mp4')
})

test('the program is killed in the middle of the commit, again and again; the file is stored once', {
  skip: missing('apache2'),
  timeout: 300_000,
}, async (t) => {
  const directory = roomyDirectory(t)
  const env = { ...settings, UPLOAD_CGI_DIRECTORY: directory }
  const server = await startApache({ program, module: 'cgid', env })
  t.after(() => server.stop())
  // Long to sum up, so that there is a middle.
  const sender = new PieceSender(() => server.url, newId(), 300_000_000, 50_000_000)
  for (let at = 0; at < 250_000_000; at += 50_000_000) await sender.piece(at)
  let kills = 0
  for (let pause = 5; pause < 300; pause += 12) {
    const [reply, isKilled] = await Promise.all([
      sender.piece((await sender.look()).offset),
      killHolder(directory, sender.id, pause),
    ])
    if (isKilled) kills++
    if (reply.status === 201) break
    assert.deepEqual(visible(directory), [])
  }
  t.diagnostic(`${kills} kills`)
  assert.ok(kills > 0)
  const reply = await sender.send()
  await assertArrived(t, directory, sender, reply.text)
})

test('a disk that is full says so, and once it has room again the upload goes on', {
  skip: missing('apache2') || cannotMount(),
}, async (t) => {
  const mounted = mountTmpfs(t, 'size=24m,mode=0711')
  const directory = join(mounted, 'uploads')
  mkdirSync(directory)
  giveToServer(directory)
  const env = { ...settings, UPLOAD_CGI_MIN_FREE_SPACE: '0', UPLOAD_CGI_DIRECTORY: directory }
  const server = await startApache({ program, module: 'cgid', env })
  t.after(() => server.stop())
  const sender = new PieceSender(() => server.url, newId(), 14_000_000, 4_000_000)
  assert.equal((await sender.piece(0)).status, 202)
  writeFileSync(join(mounted, 'filler'), Buffer.alloc(18_000_000))
  const full = await sender.piece(4_000_000)
  assert.equal(full.status, 507)
  assert.equal(JSON.parse(full.text).code, 'DISK_FULL')
  assert.equal((await sender.look()).offset, 4_000_000)
  rmSync(join(mounted, 'filler'))
  const reply = await sender.send()
  await assertArrived(t, directory, sender, reply.text)
})

/** Sends half of a piece and nothing more. */
function hold(sender: PieceSender, offset: number): { destroy(): void } {
  const { hostname, port, pathname } = new URL(sender.url())
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  const fields = { _upload: sender.id, _offset: String(offset), _size: String(sender.size) }
  const texts = Object.entries(fields).map(
    ([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  )
  socket.write(
    [
      `POST ${pathname} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000600\r\n`,
      'Content-Type: multipart/form-data; boundary=b\r\n\r\n',
      ...texts,
      '--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n',
      'half'.repeat(250_000),
    ].join(''),
  )
  return socket
}
