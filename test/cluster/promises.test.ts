// The promises of the program between two machines that share `directory`: on a real CephFS, each
// machine a client of its own, and on a local directory. docs/cluster.md has the table.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CephFs, cannotCeph } from '../host/cephfs.ts'
import { assertFault, file, storedNames } from '../host/form.ts'
import { content, Uploads } from '../host/piece-upload.ts'
import {
  assertNothingLeft,
  common,
  contentsOn,
  localDirectory,
  machines,
  type Shared,
} from './machines.ts'

test('two machines on a local directory', (t) => promises(localDirectory(t)))

test('two machines on CephFS', { skip: cannotCeph() }, (t) => {
  const ceph = new CephFs(t)
  return promises([ceph.mount(), ceph.mount()])
})

async function promises(shared: Shared): Promise<void> {
  await namesAreTakenOnce(shared)
  await allOrNothing(shared)
  await piecesAlternate(shared)
}

const senders = 16

/** All at once, half of them on each machine. */
async function namesAreTakenOnce(shared: Shared): Promise<void> {
  for (const mode of ['rename', 'reject']) {
    const both = machines(shared, `names-${mode}`)
    const replies = await Promise.all(
      Array.from({ length: senders }, (_, i) =>
        both[i % 2]?.post([file('same.txt', `content ${i}`)], { UPLOAD_CGI_ON_CONFLICT: mode }),
      ),
    )
    const stored = new Map<string, string>()
    for (const [i, reply] of replies.entries()) {
      assert.ok(reply !== undefined)
      if (reply.status === 201) stored.set(storedNames(reply)[0] ?? '', `content ${i}`)
      else assertFault(reply, 'NAME_TAKEN')
    }
    assert.equal(stored.size, mode === 'rename' ? senders : 1)
    assert.deepEqual(contentsOn(both), Object.fromEntries([...stored].sort()))
    assertNothingLeft(both)
  }
}

/** Three files a request from both machines, in both orders: the loser leaves none. */
async function allOrNothing(shared: Shared): Promise<void> {
  const both = machines(shared, 'all-or-nothing')
  const names = ['a.txt', 'b.txt', 'c.txt']
  const reject = { UPLOAD_CGI_ON_CONFLICT: 'reject' }
  for (let round = 0; round < 2; round++) {
    const replies = await Promise.all(
      both.map((machine, i) => {
        const order = i === 0 ? names : names.toReversed()
        return machine.post(
          order.map((name) => file(`${round}${name}`, `${name} of ${i}`)),
          reject,
        )
      }),
    )
    const winners = replies.flatMap(({ status }, i) => (status === 201 ? [i] : []))
    const found = Object.entries(contentsOn(both)).filter(([name]) => name.startsWith(`${round}`))
    assert.ok(winners.length <= 1, 'both have stored all')
    const wanted = winners.flatMap((i) => names.map((name) => [round + name, `${name} of ${i}`]))
    assert.deepEqual(found, wanted)
    for (const reply of replies) if (reply.status !== 201) assertFault(reply, 'NAME_TAKEN')
  }
  assertNothingLeft(both)
}

async function piecesAlternate(shared: Shared): Promise<void> {
  const both = machines(shared, 'pieces')
  const [one, other] = both.map(({ directory }) => new Uploads(directory))
  assert.ok(one !== undefined && other !== undefined)
  const { id } = one
  for (let offset = 0; offset < content.length; offset += 60_000) {
    const sender = offset % 120_000 === 0 ? one : other
    const bytes = content.subarray(offset, offset + 60_000)
    const reply = await sender.piece({ id, offset, bytes, env: common })
    assert.equal(reply.status, offset + 60_000 < content.length ? 202 : 201, reply.text)
    // The other machine knows at once what is safe.
    const looked = await (sender === one ? other : one).look(id, common)
    assert.equal(looked.headers.get('upload-offset'), String(offset + bytes.length))
  }
  assert.deepEqual(contentsOn(both), { 'video.mp4': content.toString('latin1') })
  assertNothingLeft(both)
}
