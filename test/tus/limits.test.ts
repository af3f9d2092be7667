// What the text of tus leaves open: the owner's limits, and a disk that fills up.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { cannotMount, mountTmpfs } from '../host/mounts.ts'
import { byItself, eachWay } from '../host/tus.ts'
import { askToCreate, content, create, offsetOf, patch, pieceType } from '../host/tus-requests.ts'

eachWay((rule, way) => {
  rule(
    'the same names are refused as in forms',
    async (server) => {
      const refused = await askToCreate(server, { length: 5, name: 'x.php.txt' })
      assert.deepEqual([refused.status, JSON.parse(refused.text).code], [415, 'EXTENSION_REFUSED'])
      const escaping = await askToCreate(server, { length: 0, name: '../../evil.txt' })
      assert.equal(escaping.header('Content-Location'), 'evil.txt')
      writeFileSync(join(server.directory, 'a.txt'), 'before')
      const taken = await askToCreate(server, { length: 5, name: 'a.txt' })
      assert.deepEqual([taken.status, JSON.parse(taken.text).code], [409, 'NAME_TAKEN'])
      assert.deepEqual(server.incoming(), [])
    },
    { UPLOAD_CGI_ON_CONFLICT: 'reject' },
  )

  rule(
    'a body over max_request_size is refused, unread or as it comes, and the piece before stays',
    async (server) => {
      const path = await create(server, { length: content.length, name: 'a.txt' })
      const whole = await patch(server, path, 0, content)
      assert.deepEqual([whole.status, JSON.parse(whole.text).code], [413, 'REQUEST_TOO_LARGE'])
      assert.equal(await offsetOf(server, path), '0')
      const headers = { 'Content-Type': pieceType, 'Upload-Offset': '0' }
      const chunked = { method: 'PATCH', path, headers, body: content, isChunked: true }
      assert.equal((await server.send(chunked)).status, 413)
      // Some servers find out the length of a chunked body first.
      const offset = Number(await offsetOf(server, path))
      assert.ok(offset === 20 || (offset === 0 && way !== 'by itself'), `${offset}`)
      for (let at = offset; at < content.length; at += 20) {
        assert.equal((await patch(server, path, at, content.subarray(at, at + 20))).status, 204)
      }
      assert.deepEqual(server.stored(), { 'a.txt': content.toString() })
    },
    { UPLOAD_CGI_MAX_REQUEST_SIZE: '20' },
  )

  rule(
    'unfinished uploads are counted, and room is asked for before anything is sent',
    async (server) => {
      await create(server, { length: 5 })
      const second = await askToCreate(server, { length: 5 })
      assert.deepEqual([second.status, JSON.parse(second.text).code], [503, 'TOO_MANY_UPLOADS'])
      const huge = await askToCreate(server, { length: 2 ** 52 })
      assert.ok(['TOO_MANY_UPLOADS', 'DISK_FULL'].includes(JSON.parse(huge.text).code))
    },
    { UPLOAD_CGI_MAX_PARTIAL_UPLOADS: '1', UPLOAD_CGI_MAX_FILE_SIZE: '0' },
  )
})

test('a disk that fills up in mid-PATCH: what is on it counts, and it resumes there', async (t) => {
  const reason = cannotMount()
  if (reason) return t.skip(reason)
  const directory = mountTmpfs(t, 'size=8m')
  const settings = { UPLOAD_CGI_DIRECTORY: directory, UPLOAD_CGI_MIN_FREE_SPACE: '0' }
  const server = await byItself(t, settings)
  const whole = randomBytes(6_000_000)
  const path = await create(server, { length: whole.length, name: 'whole.bin' })
  const filler = join(directory, 'filler')
  writeFileSync(filler, Buffer.alloc(4_000_000))
  const { bavail, bsize } = statfsSync(directory)
  const full = await patch(server, path, 0, whole)
  assert.deepEqual([full.status, JSON.parse(full.text).code], [507, 'DISK_FULL'])
  const offset = Number(await offsetOf(server, path))
  // All but the block that did not fit, and what the journal took.
  assert.ok(offset > bavail * bsize - 80_000, `${offset} of ${bavail * bsize}`)
  assert.ok(offset < whole.length)
  rmSync(filler)
  const rest = await patch(server, path, offset, whole.subarray(offset))
  assert.equal(rest.status, 204, rest.text)
  assert.ok(readFileSync(join(directory, 'whole.bin')).equals(whole))
  assert.deepEqual(
    readdirSync(join(directory, '.upload-cgi', 'incoming')).filter((name) => /data/.test(name)),
    [],
  )
})
