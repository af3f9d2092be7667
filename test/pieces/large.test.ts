// Huge files through real servers, whose sender, server and program are killed on the way. What is
// sent again after a cut is at most one piece.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApache } from '../host/apache.ts'
import { missing } from '../host/installed.ts'
import {
  assertArrived,
  assertLittleAgain,
  behindNginx,
  firewall,
  GiB,
  killHolder,
  newId,
  roomyDirectory,
  settings,
} from '../host/large-upload.ts'
import { PieceSender } from '../host/piece-sender.ts'
import type { RunningServer } from '../host/server.ts'

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
  const somewhere = () => Math.floor(Math.random() * pieceBytes)
  const kill = () => {
    const isKilled = killHolder(directory, sender.id)
    kills.push(isKilled)
    return isKilled
  }
  const reply = await sender.send(() => {
    piece++
    if (piece % 5 === 0 && cuts < 20) {
      cuts++
      return { at: somewhere(), kind: 'cut' }
    }
    // The rest waits, however fast the machine is, so that there is a program to be killed.
    if (piece % 7 === 3 && kills.length < 20) {
      return { at: Math.max(1_000_000, somewhere()), kind: 'pause', meanwhile: kill }
    }
    if (piece % 50 === 8 && restarts < 3) {
      restarts++
      setTimeout(async () => {
        await server.stop()
        server = await start()
      }, 30)
    }
    return undefined
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
    return piece % 40 === 0 ? { at: 1_000_000, kind: 'cut' } : undefined
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
    return piece % 50 === 0 ? { at: 300_000, kind: 'cut' } : undefined
  })
  assert.equal(sender.pieceBytes, 1_000_000)
  // Three of them are refused, of 8, 4 and 2 MB.
  assertLittleAgain(t, sender, 8_000_000)
  await assertArrived(directory, sender.size, reply.text)
})
