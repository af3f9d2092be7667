// Uploads that survive, through Apache: several senders of one upload, a program that is killed in
// the middle of the commit, a disk that fills and empties.

import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { startApache } from '../host/apache.ts'
import { visible } from '../host/form.ts'
import { missing } from '../host/installed.ts'
import {
  apacheWith,
  assertArrived,
  holder,
  killHolder,
  newId,
  roomyDirectory,
  settings,
} from '../host/large-upload.ts'
import { cannotMount, mountTmpfs } from '../host/mounts.ts'
import { PieceSender } from '../host/piece-sender.ts'
import { giveToServer } from '../host/user.ts'

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

test('of two senders of one upload one waits; one that is killed is forgotten at once', {
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

test('the program is killed in mid-commit again and again; the file is stored once', {
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
