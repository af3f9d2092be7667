// A machine, the metadata server or the only storage daemon of a real CephFS is killed while
// uploads run. What was answered with 201 is there, whole, and what was not answered so is not. The
// waits are those of CephFS, which docs/cluster.md names, so this is in `npm run test:long` alone.

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { CephFs, type CephOptions, cannotCeph } from '../host/cephfs.ts'
import { file, incoming } from '../host/form.ts'
import { missing } from '../host/installed.ts'
import { type Both, cephHost, contentsOf, contentsOn, machines, until } from './machines.ts'

const skip =
  process.env['UPLOAD_CGI_LONG'] === undefined
    ? 'by design: it takes minutes; npm run test:long'
    : cannotCeph() || missing('gcc')

test('a machine dies in the middle of an upload, and the other goes on', { skip }, async (t) => {
  const ceph = new CephFs(t)
  const hosts = [cephHost(t, ceph), cephHost(t, ceph)] as const
  const [one, other] = machines(hosts, 'dead')
  assert.equal((await one.post([file('before.txt')])).status, 201)
  const isPart = (name: string) => name.endsWith('.part')
  const held = await one.stalled([file('held.txt', 'x'.repeat(300_000))], isPart)
  ceph.kill(hosts[0].path)
  const after = await other.post([file('after.txt')])
  assert.equal(after.status, 201, after.text + after.stderr)
  assert.notEqual((await held.finish()).status, 201)
  const wanted = ['after.txt', 'before.txt']
  assert.deepEqual(Object.keys(contentsOf(other.directory)).sort(), wanted)
  assert.ok(incoming(other.directory).some(isPart), 'what the sweep removes one day')
})

test('the metadata server is killed, and is there again', { skip }, async (t) => {
  await underLoad(t, {}, async (ceph) => {
    ceph.kill('mds.a')
    await delay(2000)
    ceph.up('mds.a')
  })
})

test('the only storage daemon is killed, and is there again', { skip }, async (t) => {
  await underLoad(t, { store: 'bluestore' }, async (ceph) => {
    ceph.kill('osd.0')
    await delay(2000)
    ceph.up('osd.0')
  })
})

/** Both machines store until after `accident`. */
async function underLoad(
  t: TestContext,
  options: CephOptions,
  accident: (ceph: CephFs) => Promise<void>,
): Promise<void> {
  const ceph = new CephFs(t, options)
  const both: Both = machines([cephHost(t, ceph), cephHost(t, ceph)], 'load')
  const stored: Record<string, string> = {}
  let isOver = false
  let count = 0
  const senders = both.map(async (machine) => {
    do {
      const name = `${++count}.txt`
      const content = name.repeat(20_000)
      const { status } = await machine.post([file(name, content)])
      if (status === 201) stored[name] = content
      else assert.ok(status >= 500, `${name}: ${status}`)
    } while (!isOver)
  })
  await until(() => Object.keys(stored).length > 2)
  await accident(ceph)
  const before = Object.keys(stored).length
  await until(() => Object.keys(stored).length > before + 4)
  isOver = true
  await Promise.all(senders)
  assert.deepEqual(contentsOn(both), stored)
}
