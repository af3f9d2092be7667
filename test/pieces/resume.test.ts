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
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { startApache } from '../host/apache.ts'
import { missing } from '../host/installed.ts'
import { cannotMount, mountTmpfs } from '../host/mounts.ts'
import { startNginx } from '../host/nginx.ts'
import { PieceSender, type Reply, sumOf } from '../host/piece-sender.ts'
import { freshDirectory, inMemory, program } from '../host/program.ts'
import type { RunningServer } from '../host/server.ts'
import { giveToServer } from '../host/user.ts'

const GiB = 2 ** 30
const settings = { UPLOAD_CGI_MAX_FILE_SIZE: '0', UPLOAD_CGI_DURABLE: 'false' }
const newId = () => randomBytes(16).toString('hex')

/** In memory where there is room, for these are huge. */
function roomyDirectory(t: TestContext): string {
  const home = freshDirectory(t, inMemory())
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

/** The process that appends to the upload now, as its claim says; 0 when there is none that lives. */
function holder(directory: string, id: string): number {
  const claims = incoming(directory).filter((name) => name.startsWith(`${id}.claim-`))
  const pids = claims.map((name) => {
    const text = attempt(() => readFileSync(join(directory, '.incoming', name), 'utf8'))
    return text?.trim().split(' ')[2] ?? '0'
  })
  // Nobody else, should the number have been given again.
  const pid = pids.find((pid) => attempt(() => readlinkSync(`/proc/${pid}/exe`)) === program)
  return Number(pid ?? 0)
}

function attempt<Result>(action: () => Result): Result | undefined {
  try {
    return action()
  } catch {
    return undefined
  }
}

/** Kills whoever appends to the upload, as soon as somebody does. True when it was still there. */
async function killHolder(directory: string, id: string, pauseMs = 0): Promise<boolean> {
  for (let tries = 0; tries < 1000; tries++) {
    const pid = holder(directory, id)
    if (pid > 0) {
      await delay(pauseMs)
      return holder(directory, id) === pid && attempt(() => process.kill(pid, 'SIGKILL')) === true
    }
    await delay(1)
  }
  return false
}

async function assertArrived(directory: string, size: number, text: string) {
  const [file] = JSON.parse(text).files
  const expected = sumOf(size)
  assert.equal(file.size, size)
  assert.equal(file.sha256, expected)
  assert.equal(statSync(join(directory, file.stored)).size, size)
  assert.equal(await sumOfFile(join(directory, file.stored)), expected)
  assert.deepEqual(visible(directory), [file.stored], 'stored once')
}

/** What was sent again, in bytes: of every piece that was lost at most all. */
function assertLittleAgain(t: TestContext, sender: PieceSender, pieceBytes: number): void {
  const { size, pieces, lost, sentBytes, mostSentAgain } = sender
  t.diagnostic(
    `${size} bytes in ${pieces} pieces, ${lost} lost; sent again: ${sentBytes - size}, ` +
      `at most ${mostSentAgain} after a loss`,
  )
  assert.ok(mostSentAgain <= pieceBytes)
  assert.ok(sentBytes - size <= lost * pieceBytes)
}

test('4.1 GiB through Apache: the sender cut 20 times, the server restarted, the program killed', {
  skip: missing('apache2'),
  timeout: 900_000,
}, async (t) => {
  const directory = roomyDirectory(t)
  const env = { ...settings, UPLOAD_CGI_MAX_REQUEST_SIZE: '64MB', UPLOAD_CGI_DIRECTORY: directory }
  const start = () => startApache({ env, define: { UPLOAD_CGI_MAX_BODY: '0' } })
  let server: RunningServer = await start()
  t.after(() => server.stop())
  const pieceBytes = 32_000_000
  const sender = new PieceSender(() => server.url, newId(), Math.floor(4.1 * GiB), pieceBytes)
  let cuts = 0
  let restarts = 0
  let piece = 0
  const kills: Promise<boolean>[] = []
  const reply = await sender.send(async () => {
    piece++
    if (piece % 5 === 0 && cuts < 20) {
      cuts++
      return Math.floor(Math.random() * pieceBytes)
    }
    if (piece % 7 === 3 && kills.length < 20) {
      kills.push(killHolder(directory, sender.id, Math.floor(Math.random() * 120)))
    }
    if (piece % 50 === 8 && restarts < 3) {
      restarts++
      setTimeout(async () => {
        await server.stop()
        server = await start()
      }, 30)
    }
    return Infinity
  })
  const killed = (await Promise.all(kills)).filter((isKilled) => isKilled).length
  t.diagnostic(`${cuts} cuts, ${restarts} restarts, ${killed} of ${kills.length} programs killed`)
  assert.deepEqual([cuts, restarts], [20, 3])
  assert.ok(killed >= 5, `${killed} kills`)
  assertLittleAgain(t, sender, pieceBytes)
  await assertArrived(directory, sender.size, reply.text)
})

test('2.1 GiB through Apache, ModSecurity and the core rule set, blocking', {
  skip: missing('apache2', 'libapache2-mod-security2', 'modsecurity-crs'),
  timeout: 900_000,
}, async (t) => {
  const directory = roomyDirectory(t)
  const server = await startApache({
    env: { ...settings, UPLOAD_CGI_DIRECTORY: directory },
    extra: firewall,
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
  const reply = await sender.send(() => {
    if (++piece % 30 === 0) killHolder(directory, sender.id)
    return piece % 40 === 0 ? 1_000_000 : Infinity
  })
  assertLittleAgain(t, sender, 8_000_000)
  await assertArrived(directory, sender.size, reply.text)
  assert.equal(JSON.parse(reply.text).files[0].name, name)
})

test('behind nginx with its limit of 1 MB the pieces become small enough', {
  skip: missing('apache2', 'nginx', 'fcgiwrap'),
  timeout: 900_000,
}, async (t) => {
  const directory = roomyDirectory(t)
  const url = await behindNginx(t, { ...settings, UPLOAD_CGI_DIRECTORY: directory })
  // All of it with UPLOAD_CGI_TEST_HUGE: 2.1 GiB are some 2300 requests here.
  const size = process.env['UPLOAD_CGI_TEST_HUGE'] ? Math.floor(2.1 * GiB) : 200_000_000
  const sender = new PieceSender(() => url, newId(), size, 8_000_000)
  let piece = 0
  const reply = await sender.send(() => {
    if (++piece % 40 === 0) killHolder(directory, sender.id)
    return piece % 50 === 0 ? 300_000 : Infinity
  })
  assert.equal(sender.pieceBytes, 1_000_000)
  // Three of them are refused, of 8, 4 and 2 MB.
  assertLittleAgain(t, sender, 8_000_000)
  await assertArrived(directory, sender.size, reply.text)
})

type Open = (t: TestContext, env: Record<string, string>) => Promise<string>

const fronts: readonly [name: string, skip: string | false, open: Open][] = [
  ['Apache', missing('apache2'), (t, env) => apacheWith(t, env)],
  ['nginx before Apache', missing('apache2', 'nginx', 'fcgiwrap'), behindNginx],
  [
    'ModSecurity',
    missing('apache2', 'libapache2-mod-security2', 'modsecurity-crs'),
    (t, env) => apacheWith(t, env, firewall),
  ],
]

for (const [name, skip, open] of fronts) {
  test(`${name}: pieces out of order, repeated, overlapping, wrong; too many; cancelled; a day later`, {
    skip,
  }, async (t) => {
    const directory = roomyDirectory(t)
    const limit = { UPLOAD_CGI_MAX_PARTIAL_UPLOADS: '2' }
    const url = await open(t, { ...settings, ...limit, UPLOAD_CGI_DIRECTORY: directory })
    const begin = (size = 600_000, id = newId()) => new PieceSender(() => url, id, size, 200_000)
    const isRefused = (reply: Reply, status: number, code: string) => {
      assert.equal(reply.status, status, reply.text)
      assert.equal(JSON.parse(reply.text).code, code)
    }
    const sender = begin()
    isRefused(await sender.look(), 404, 'NO_SUCH_UPLOAD')
    isRefused(await sender.piece(200_000), 404, 'NO_SUCH_UPLOAD')
    isRefused(await sender.cancel(), 404, 'NO_SUCH_UPLOAD')
    const first = await sender.piece(0)
    assert.deepEqual([first.status, first.offset], [202, 200_000])
    for (const offset of [0, 100_000, 300_000, 599_999, 600_000]) {
      const reply = await sender.piece(offset)
      isRefused(reply, 409, 'OFFSET_MISMATCH')
      assert.equal(reply.offset, 200_000)
      assert.equal(JSON.parse(reply.text).offset, 200_000)
    }
    isRefused(await begin(600_001, sender.id).piece(200_000), 400, 'BAD_UPLOAD')
    const longer = begin(900_000, sender.id)
    isRefused(await longer.piece(200_000, 700_000), 400, 'BAD_UPLOAD')
    assert.equal((await sender.look()).offset, 200_000)

    const second = begin()
    const third = begin()
    assert.equal((await second.piece(0)).status, 202)
    isRefused(await third.piece(0), 503, 'TOO_MANY_UPLOADS')
    assert.equal((await second.cancel()).status, 204)
    isRefused(await second.look(), 404, 'NO_SUCH_UPLOAD')
    assert.equal((await third.piece(0)).status, 202)

    // A sender on another host, silent for half a minute, and for a whole one.
    const claim = join(directory, '.incoming', `${sender.id}.claim-1`)
    writeFileSync(claim, '11111111-2222-3333-4444-555555555555 pid:[1] 1\n')
    giveToServer(claim)
    setBack(claim, 30)
    const busy = await sender.piece(200_000)
    isRefused(busy, 423, 'UPLOAD_BUSY')
    assert.match(busy.retryAfter ?? '', /^\d+$/)
    setBack(claim, 60)
    assert.equal((await sender.piece(200_000)).offset, 400_000)

    for (const kind of ['data', 'journal']) {
      setBack(join(directory, '.incoming', `${third.id}.${kind}`), 25 * 3600)
    }
    // Whoever begins next sweeps; there is room for one again.
    const fourth = begin()
    assert.equal((await fourth.piece(0)).status, 202)
    isRefused(await third.look(), 404, 'NO_SUCH_UPLOAD')
    isRefused(await third.piece(200_000), 404, 'NO_SUCH_UPLOAD')
    assert.equal((await fourth.cancel()).status, 204)

    const last = await sender.piece(400_000)
    assert.equal(last.status, 201, last.text)
    assert.equal((await sender.piece(400_000)).text, last.text, 'the same receipt again')
    assert.equal((await sender.send()).text, last.text)
    await assertArrived(directory, sender.size, last.text)
    // Begun again, and the same bytes under another id: another file.
    const again = await third.send()
    assert.equal(JSON.parse(again.text).files[0].stored, 'film-2.mp4')
    assert.deepEqual(visible(directory).sort(), ['film-2.mp4', 'film.mp4'])
  })
}

test('two senders race with one upload from the start; both hear that it is stored, once', {
  skip: missing('apache2'),
}, async (t) => {
  const directory = roomyDirectory(t)
  const url = await apacheWith(t, { ...settings, UPLOAD_CGI_DIRECTORY: directory })
  const id = newId()
  const senders = [1, 2, 3].map(() => new PieceSender(() => url, id, 30_000_000, 1_000_000))
  const replies = await Promise.all(senders.map((sender) => sender.send()))
  t.diagnostic(
    `${senders.map(({ pieces, lost }) => `${pieces} pieces, ${lost} in vain`).join('; ')}`,
  )
  for (const { text } of replies) assert.equal(text, replies[0]?.text)
  await assertArrived(directory, 30_000_000, replies[0]?.text ?? '')
})

test('two senders of one upload: one goes on, the other waits; who is killed is forgotten at once', {
  skip: missing('apache2'),
}, async (t) => {
  const directory = roomyDirectory(t)
  const env = { ...settings, UPLOAD_CGI_DIRECTORY: directory }
  const server = await startApache({ env })
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
  await assertArrived(directory, sender.size, last.text)
  assert.equal((await sender.piece(4_000_000)).text, last.text, 'the same receipt again')
  const other = new PieceSender(() => server.url, newId(), 6_000_000, 6_000_000)
  assert.equal(JSON.parse((await other.piece(0)).text).files[0].stored, 'film-2.mp4')
})

test('the program is killed in the middle of the commit, again and again; the file is stored once', {
  skip: missing('apache2'),
  timeout: 300_000,
}, async (t) => {
  const directory = roomyDirectory(t)
  const env = { ...settings, UPLOAD_CGI_DURABLE: 'true', UPLOAD_CGI_DIRECTORY: directory }
  const server = await startApache({ env })
  t.after(() => server.stop())
  // Long to sum up, so that there is a middle.
  const sender = new PieceSender(() => server.url, newId(), 300_000_000, 100_000_000)
  for (const at of [0, 100_000_000]) await sender.piece(at)
  // All bytes are sent, but for the last ones: from then on it is the commit alone.
  sender.pieceBytes = 99_999_999
  await sender.piece(200_000_000)
  let kills = 0
  // Ever later, until it is too late.
  for (let pause = 4; pause < 20_000; pause *= 1.12) {
    const [reply, isKilled] = await Promise.all([
      sender.piece(299_999_999),
      killHolder(directory, sender.id, pause),
    ])
    if (reply.status === 201) break
    assert.ok(isKilled, reply.text)
    kills++
    const { offset } = await sender.look()
    // Between the name and the last line of the journal: it is stored, and the next reply says so.
    if (visible(directory).length > 0) assert.equal(offset, 300_000_000)
    else assert.equal(offset, 299_999_999)
  }
  t.diagnostic(`${kills} kills`)
  assert.ok(kills >= 5)
  const reply = await sender.send()
  await assertArrived(directory, sender.size, reply.text)
})

test('a disk that is full says so, and once it has room again the upload goes on', {
  skip: missing('apache2') || cannotMount(),
}, async (t) => {
  const mounted = mountTmpfs(t, 'size=24m,mode=0711')
  const directory = join(mounted, 'uploads')
  mkdirSync(directory)
  giveToServer(directory)
  const env = { ...settings, UPLOAD_CGI_MIN_FREE_SPACE: '0', UPLOAD_CGI_DIRECTORY: directory }
  const server = await startApache({ env })
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
  await assertArrived(directory, sender.size, reply.text)
})

async function apacheWith(t: TestContext, env: Record<string, string>, extra = '') {
  const apache = await startApache({ env, extra })
  t.after(() => apache.stop())
  return apache.url
}

/** As a proxy, with the limit that it has of itself. */
async function behindNginx(t: TestContext, env: Record<string, string>): Promise<string> {
  const { origin } = new URL(await apacheWith(t, env))
  const nginx = await startNginx({
    extra: `location /upload { client_max_body_size 1m; proxy_pass ${origin}; proxy_set_header Host $http_host; }`,
  })
  t.after(() => nginx.stop())
  return new URL('/upload', nginx.url).href
}

function setBack(path: string, seconds: number): void {
  const time = Date.now() / 1000 - seconds
  utimesSync(path, time, time)
}

/** ModSecurity with Debian's core rule set, blocking. */
const firewall = [
  'LoadModule unique_id_module /usr/lib/apache2/modules/mod_unique_id.so',
  'LoadModule security2_module /usr/lib/apache2/modules/mod_security2.so',
  'Include /etc/modsecurity/modsecurity.conf-recommended',
  'SecRuleEngine On',
  'SecAuditEngine Off',
  'SecDataDir /tmp',
  'Include /usr/share/modsecurity-crs/owasp-crs.load',
].join('\n')

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
