// No room on a real CephFS: a quota of the upload directory, in bytes or in files, and a pool of
// which the only storage daemon is full. Each is DISK_FULL on both machines and leaves nothing,
// what was stored stays, and with room again uploads go on. CephFS looks at both only now and then,
// so what is held is what happens once it has.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { CephFs, cannotCeph } from '../host/cephfs.ts'
import { assertFault, file } from '../host/form.ts'
import { missing } from '../host/installed.ts'
import { content, Uploads } from '../host/piece-upload.ts'
import {
  assertNothingLeft,
  type Both,
  cephHost,
  contentsOf,
  contentsOn,
  findingsOf,
  machines,
  until,
} from './machines.ts'

const skipLong =
  process.env['UPLOAD_CGI_LONG'] === undefined
    ? 'by design: a pool is full after half a minute; npm run test:long'
    : cannotCeph()

test('a quota of the directory', { skip: cannotCeph() || missing('setfattr') }, async (t) => {
  const ceph = new CephFs(t)
  const hosts = [cephHost(t, ceph), cephHost(t, ceph)] as const
  const [bytes, files] = [machines(hosts, 'bytes'), machines(hosts, 'files')]
  // Side by side, since each waits until CephFS has counted.
  await Promise.all([quotaIsKept(bytes, 'bytes', 300_000), quotaIsKept(files, 'files', 3)])
})

test('a pool that is full', { skip: skipLong }, async (t) => {
  const ceph = new CephFs(t, { storeBytes: 1 << 30 })
  // Far below what the daemon can hold, since it tells how full it is every few seconds.
  for (const [name, ratio] of [
    ['nearfull', '0.05'],
    ['backfillfull', '0.07'],
    ['full', '0.1'],
  ] as const) {
    ceph.ceph('osd', `set-${name}-ratio`, ratio)
  }
  await poolIsFull(t, machines([cephHost(t, ceph), cephHost(t, ceph)], 'full'))
})

/** What `check` says. */
const isTold = {
  bytes: /^a quota of CephFS: [\d.]+ [KM]B of 300 KB are used in \/.*bytes$/,
  files: /^a quota of CephFS: \d+ files and folders of 2 files and folders are used in \/.*files$/,
}

/** `least`: what is there for certain. */
async function quotaIsKept(both: Both, kind: 'bytes' | 'files', least: number): Promise<void> {
  const [one, other] = both
  assert.equal((await one.post([file('before.txt', 'x'.repeat(300_000))])).status, 201)
  const uploads = new Uploads(other.directory)
  const { env, limit } = other
  const send = (from: number, to = content.length) =>
    uploads.piece({ offset: from, bytes: content.subarray(from, to), env, limit })
  assert.equal((await send(0, 100_000)).status, 202)
  const before = contentsOn(both)
  setQuota(one.directory, kind, least - 1)
  for (const { directory } of both) {
    const told = kind === 'bytes' ? 'ceph.dir.rbytes' : 'ceph.dir.rentries'
    const isSeen = () =>
      attribute(directory, `ceph.quota.max_${kind}`) === least - 1 &&
      attribute(directory, told) >= least
    await until(isSeen)
  }
  const checked = both.map((machine) => findingsOf(machine))
  for (const findings of checked) assert.match(findings['QUOTA'] ?? '', isTold[kind])
  for (const machine of both) {
    assertFault(await machine.post([file('a.txt', 'A'), file('b.txt', 'B')]), 'DISK_FULL')
    assert.deepEqual(contentsOn(both), before)
  }
  assertFault(await send(100_000), 'DISK_FULL')
  setQuota(one.directory, kind, 10_000_000)
  await until(() => attribute(other.directory, `ceph.quota.max_${kind}`) === 10_000_000)
  assert.equal((await send(100_000)).status, 201)
  for (const machine of both) assert.equal((await machine.post([file('a.txt')])).status, 201)
  const wanted = ['a-2.txt', 'a.txt', 'before.txt', 'video.mp4']
  assert.deepEqual(Object.keys(contentsOn(both)), wanted)
  assertNothingLeft(both)
}

/** Both store until there is no room, and again when the owner has made some. */
async function poolIsFull(t: TestContext, both: Both): Promise<void> {
  const stored: Record<string, string> = {}
  let refused = 0
  const senders = both.map(async (machine, i) => {
    for (let n = 0, isFull = false; n < 400 && !isFull; n++) {
      const name = `${i}-${n}.txt`
      const text = name.repeat(100_000)
      const reply = await machine.post([file(name, text), file(`small-${name}`, name)])
      isFull = reply.status !== 201
      if (isFull) assertFault(reply, 'DISK_FULL')
      else Object.assign(stored, { [name]: text, [`small-${name}`]: name })
      refused += isFull ? 1 : 0
      await delay(100)
    }
  })
  await Promise.all(senders)
  assert.equal(refused, 2)
  for (const machine of both) assertFault(await machine.post([file('c.txt', 'C')]), 'DISK_FULL')
  t.diagnostic(`${Object.keys(stored).length} files were stored`)
  assert.deepEqual(contentsOn(both), stored)
  assertNothingLeft(both)
  const [one, other] = both
  // It is over the limit by what came until the daemon told of it.
  for (const name of Object.keys(stored).slice(20)) unlinkSync(join(one.directory, name))
  await until(async () => (await other.post([file('after.txt')])).status === 201)
  assert.equal(contentsOf(one.directory)['after.txt'], 'content of after.txt')
}

/** CephFS knows them as extended attributes. */
function setQuota(directory: string, kind: string, value: number): void {
  const args = ['-n', `ceph.quota.max_${kind}`, '-v', String(value), directory]
  execFileSync('setfattr', args)
}

function attribute(directory: string, name: string): number {
  const args = ['--absolute-names', '--only-values', '-n', name, '--', directory]
  return Number(execFileSync('getfattr', args, { encoding: 'utf8' }))
}
