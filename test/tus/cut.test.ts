// Senders by tus whose body breaks off, which only a real connection shows, or which stall so long
// that another sender resumes the upload.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { incoming } from '../host/form.ts'
import { incomingFile } from '../host/incoming.ts'
import { missing } from '../host/installed.ts'
import { freshDirectory } from '../host/program.ts'
import { startStalledSender } from '../host/stalled-sender.ts'
import { byItself, overHttp, startTusApache, type TusServer } from '../host/tus.ts'
import {
  content,
  create,
  type Headers,
  patch,
  pieceType,
  type Sender,
  sum,
} from '../host/tus-requests.ts'

test('a sender that was overtaken while it was silent leaves what the other sent', async (t) => {
  const server = await byItself(t)
  const path = await create(server, { length: content.length, name: 'a.txt' })
  const stalled = await stalledPatch(server, path, content.length, content.subarray(0, 9))
  assert.equal((await patch(server, path, 0, content.subarray(0, 20))).status, 204)
  assert.equal((await stalled.resume()).status, 400)
  assert.equal((await patch(server, path, 20, content.subarray(20))).status, 204)
  assert.deepEqual(server.stored(), { 'a.txt': content.toString() })
})

test('what a sender had not written when another stored the file is never written', async (t) => {
  const server = await byItself(t, {})
  const whole = randomBytes(100_000)
  const path = await create(server, { length: whole.length, name: 'a.bin' })
  const other = Buffer.alloc(30_000, 'another file')
  const stalled = await stalledPatch(server, path, whole.length, other)
  assert.equal((await patch(server, path, 0, whole)).status, 204)
  assert.equal((await stalled.resume()).status, 400)
  assert.ok(readFileSync(join(server.directory, 'a.bin')).equals(whole))
})

for (const module of ['cgid', 'cgi'] as const) {
  describe(`a sender whose line breaks, Apache with mod_${module}`, {
    skip: missing('apache2'),
  }, () => {
    const size = 3_000_000
    const bytes = Buffer.alloc(size, 'some bytes of a large file ')

    test('what arrived of a PATCH is kept, with a length and chunked', async (t) => {
      for (const isChunked of [false, true]) {
        const url = await startTusApache(t, freshDirectory(t), {}, module)
        const server = { send: (asked: Parameters<typeof overHttp>[1]) => overHttp(url, asked) }
        const path = await create(server, { length: size, name: 'a.bin' })
        await cutPatch(`${url}${path}`, bytes.subarray(0, 1_000_000), isChunked ? 0 : size)
        const offset = Number(await settledOffset(server, path))
        assert.ok(offset > 900_000 && offset <= 1_000_000, `${offset}`)
        const reply = await patch(server, path, offset, bytes.subarray(offset))
        assert.equal(reply.status, 204, reply.text)
        assert.equal(reply.header('Content-Location'), 'a.bin')
      }
    })

    test('of a PATCH with a checksum nothing is kept', async (t) => {
      const url = await startTusApache(
        t,
        freshDirectory(t),
        { UPLOAD_CGI_CHUNK_SIZE: '256KB' },
        module,
      )
      const server = { send: (asked: Parameters<typeof overHttp>[1]) => overHttp(url, asked) }
      const path = await create(server, { length: size })
      const headers = { 'Upload-Checksum': sum('sha1', bytes) }
      await cutPatch(`${url}${path}`, bytes.subarray(0, 1_000_000), size, headers)
      assert.equal(await settledOffset(server, path), '0')
    })

    test('of a creation with upload nothing is left', async (t) => {
      const directory = freshDirectory(t)
      const url = await startTusApache(t, directory, { UPLOAD_CGI_CHUNK_SIZE: '256KB' }, module)
      const headers = { 'Upload-Length': String(size) }
      const sent = openPatch(`${url}/tus`, size, headers, 'POST')
      sent.write(bytes.subarray(0, 1_000_000))
      await waitUntil(() => incoming(directory).length > 0)
      sent.destroy()
      await waitUntil(() => incoming(directory).length === 0)
    })

    test('two senders at once: one goes on, the other gets 423', async (t) => {
      const directory = freshDirectory(t)
      const url = await startTusApache(t, directory, {}, module)
      const server = { send: (asked: Parameters<typeof overHttp>[1]) => overHttp(url, asked) }
      const path = await create(server, { length: size, name: 'a.bin' })
      const first = openPatch(`${url}${path}`, size)
      first.write(bytes.subarray(0, 1_000_000))
      const claim = incomingFile(directory, path.slice('/tus/'.length), 'claim-1')
      await waitUntil(() => existsSync(claim))
      const second = await patch(server, path, 0, bytes)
      assert.equal(second.status, 423, second.text)
      assert.equal(JSON.parse(second.text).code, 'UPLOAD_BUSY')
      assert.equal(second.header('Retry-After'), '5')
      assert.equal((await server.send({ method: 'DELETE', path })).status, 423)
      // An offset told now would not hold.
      const head = await server.send({ method: 'HEAD', path })
      assert.deepEqual([head.status, head.header('Upload-Offset')], [423, undefined])
      const status = new Promise((resolved) =>
        first.on('response', (reply) => resolved(reply.statusCode)),
      )
      first.end(bytes.subarray(1_000_000))
      assert.equal(await status, 204)
      assert.deepEqual(readFileSync(join(directory, 'a.bin')), bytes)
    })
  })
}

/** It stalls after `sent`, and then it ends, though it announced `length` bytes. */
function stalledPatch(server: TusServer, path: string, length: number, sent: Buffer) {
  const env = {
    PATH_INFO: path,
    HTTP_TUS_RESUMABLE: '1.0.0',
    HTTP_UPLOAD_OFFSET: '0',
    CONTENT_TYPE: pieceType,
    CONTENT_LENGTH: String(length),
  }
  const { directory } = server
  const claim = () => incomingFile(directory, path.slice('/tus/'.length), 'claim-1')
  return startStalledSender({ directory, method: 'PATCH', env }, claim, sent)
}

/** `length`: announced; 0 for a chunked body. */
function openPatch(url: string, length: number, headers: Headers = {}, method = 'PATCH') {
  const framing = length === 0 ? {} : { 'Content-Length': String(length) }
  const sent = request(url, {
    method,
    agent: false,
    headers: {
      'Tus-Resumable': '1.0.0',
      'Content-Type': pieceType,
      'Upload-Offset': '0',
      ...framing,
      ...headers,
    } as Record<string, string>,
  })
  // This client breaks the connection itself.
  sent.on('error', () => undefined)
  return sent
}

async function cutPatch(
  url: string,
  bytes: Buffer,
  length: number,
  headers: Headers = {},
  method = 'PATCH',
): Promise<void> {
  const sent = openPatch(url, length, headers, method)
  await new Promise((written) => sent.write(bytes, written))
  // Until the server has passed it on.
  await delay(300)
  sent.destroy()
}

async function waitUntil(isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo(); tries++) {
    assert.ok(tries < 600, `never came true: ${isSo}`)
    await delay(50)
  }
}

/** Once nobody appends any more. */
async function settledOffset(server: Sender, path: string): Promise<string | undefined> {
  for (let tries = 0; tries < 1200; tries++) {
    const probe = await patch(server, path, 999_999_999, Buffer.alloc(0))
    if (probe.status === 409) return probe.header('Upload-Offset')
    await delay(50)
  }
  throw new Error('busy for ever')
}
