// The rules of uploads in pieces through real servers: Apache alone, nginx in front of it,
// ModSecurity.

import assert from 'node:assert/strict'
import { utimesSync, writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { visible } from '../host/form.ts'
import { incomingFile } from '../host/incoming.ts'
import { missing } from '../host/installed.ts'
import {
  apacheWith,
  assertArrived,
  behindNginx,
  firewall,
  newId,
  roomyDirectory,
  settings,
} from '../host/large-upload.ts'
import { PieceSender, type Reply } from '../host/piece-sender.ts'
import { giveToServer } from '../host/user.ts'

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
  test(`${name}: pieces out of order, repeated, overlapping, wrong, too many, cancelled, late`, {
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
    const claim = incomingFile(directory, sender.id, 'claim-1')
    writeFileSync(claim, '11111111-2222-3333-4444-555555555555 pid:[1] 1\n')
    giveToServer(claim)
    setBack(claim, 30)
    const busy = await sender.piece(200_000)
    isRefused(busy, 423, 'UPLOAD_BUSY')
    assert.match(busy.retryAfter ?? '', /^\d+$/)
    setBack(claim, 60)
    assert.equal((await sender.piece(200_000)).offset, 400_000)

    for (const kind of ['data', 'journal']) {
      setBack(incomingFile(directory, third.id, kind), 25 * 3600)
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

function setBack(path: string, seconds: number): void {
  const time = Date.now() / 1000 - seconds
  utimesSync(path, time, time)
}
