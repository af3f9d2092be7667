// What stays free, whoever sends how much: `min_free_space`, and inodes.

import assert from 'node:assert/strict'
import { readdirSync, statfsSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { assertFault, file, incoming, post, visible } from '../host/form.ts'
import { missing } from '../host/installed.ts'
import { cannotMount, mountExt4, mountTmpfs } from '../host/mounts.ts'
import { multipartBody } from '../host/multipart-body.ts'

const MB = 1_000_000
const bufferBytes = 64 * 1024

/** The bytes, and a pause after the first of them until `isReady`. */
async function* paused(body: Buffer, isReady: () => boolean): AsyncGenerator<Buffer> {
  yield body.subarray(0, bufferBytes)
  for (let tries = 0; !isReady() && tries < 12_000; tries++) await delay(5)
  for (let at = bufferBytes; at < body.length; at += bufferBytes) {
    yield body.subarray(at, at + bufferBytes)
  }
}

test('min_free_space holds to within one buffer each, with 12 senders at a time', async (t) => {
  const reason = cannotMount()
  if (reason) return t.skip(reason)
  const directory = mountTmpfs(t, 'size=200m')
  const body = multipartBody([file('large.bin', Buffer.alloc(30 * MB, 'x'))])
  const env = { CONTENT_LENGTH: String(body.length), UPLOAD_CGI_MIN_FREE_SPACE: '64MB' }
  const senders = 12
  // All are let in while the disk is empty, and only then does the mass of bytes come.
  let haveAllBegun = false
  const isReady = () => (haveAllBegun ||= partsIn(directory) === senders)
  let leastFree = Infinity
  const look = () => {
    leastFree = Math.min(leastFree, freeBytes(directory))
  }
  const watch = setInterval(look, 1)
  const sent = Array.from({ length: senders }, () =>
    post(directory, [], env, { body: paused(body, isReady) }),
  )
  const replies = await Promise.all(sent).finally(() => clearInterval(watch))
  look()
  const stored = replies.filter(({ status }) => status === 201)
  for (const reply of replies) if (reply.status !== 201) assertFault(reply, 'DISK_FULL')
  t.diagnostic(`${stored.length} stored, at least ${leastFree} bytes were free`)
  assert.ok(leastFree >= 64 * MB - senders * bufferBytes, `${leastFree} bytes were free`)
  assert.equal(visible(directory).length, stored.length)
  assert.deepEqual(incoming(directory), [])
})

test('empty files take no inode that others need', async (t) => {
  const reason = cannotMount() || missing('mkfs.ext4')
  if (reason) return t.skip(reason)
  for (const directory of [mountTmpfs(t, 'size=200m,nr_inodes=400'), mountExt4(t, 200, 400)]) {
    const env = { UPLOAD_CGI_MIN_FREE_SPACE: '1MB' }
    const { files } = statfsSync(directory)
    const names = Array.from({ length: 20 }, (_, i) => file(`${i}.txt`, ''))
    const before = readdirSync(directory).length
    for (let i = 0; i < 40; i++) {
      const reply = await post(directory, names, env)
      if (reply.status === 201) continue
      assertFault(reply, 'DISK_FULL')
      assert.match(reply.stderr, /inodes are left/)
      break
    }
    const { ffree } = statfsSync(directory)
    // Where the owner leaves the limit to the file system, there is still room.
    assert.ok(ffree >= Math.floor(files / 20), `${ffree} of ${files}`)
    assert.ok(visible(directory).length > before + 100)
    const reply = await post(directory, [file('last.txt')], { UPLOAD_CGI_MIN_FREE_SPACE: '0' })
    assert.equal(reply.status, 201)
  }
})

function partsIn(directory: string): number {
  return incoming(directory).filter((name) => name.endsWith('.part')).length
}

function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory)
  return bavail * bsize
}
