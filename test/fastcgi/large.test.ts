// Large bodies by FastCGI: what arrives is read into one buffer, so a process takes no more memory
// however much is sent, and by how many.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  beginRecord,
  bodyRecords,
  Client,
  encodeParams,
  params,
  startFastCgi,
  streamRecords,
} from '../host/fastcgi.ts'
import { residentBytes } from '../host/process-state.ts'
import { freshDirectory, inMemory } from '../host/program.ts'

const block = Buffer.alloc(2 ** 20, 'upload')

test('large bodies that come side by side leave memory as a small one does', async (t) => {
  const directory = freshDirectory(t, inMemory(2 ** 29))
  const { socket, child } = await startFastCgi(t, {
    UPLOAD_CGI_DIRECTORY: directory,
    UPLOAD_CGI_DURABLE: 'false',
    UPLOAD_CGI_MAX_REQUEST_SIZE: '1GB',
    UPLOAD_CGI_MAX_FILE_SIZE: '1GB',
  })
  const send = async (megabytes: number, name: string) => {
    const [head, tail] = [headOf(name), Buffer.from('\r\n--b--\r\n')]
    const length = head.length + megabytes * block.length + tail.length
    const client = new Client(socket)
    client.send(beginRecord(1, false))
    client.send(streamRecords(params, 1, encodeParams(post(length)), 65_535))
    client.send(bodyRecords(1, head, 65_535))
    // As nginx cuts a body.
    const records = bodyRecords(1, block, 8192)
    for (let left = megabytes; left > 0; left--) {
      if (client.socket.write(records)) continue
      await Promise.race([once(client.socket, 'drain'), once(client.socket, 'close')])
    }
    client.send(bodyRecords(1, tail, 65_535))
    assert.equal((await client.reply()).status, 201)
    client.close()
  }
  await Promise.all(['a', 'b', 'c'].map((name) => send(1, name)))
  const before = residentBytes(child.pid ?? 0)
  await Promise.all(['d', 'e', 'f'].map((name) => send(100, name)))
  const grown = residentBytes(child.pid ?? 0) - before
  assert.ok(grown < 4e6, `${grown} bytes more than the ${before} before`)
  const names = readdirSync(directory).filter((name) => !name.startsWith('.'))
  const bytes = names.reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)
  assert.equal(bytes, 303 * block.length)
})

function headOf(name: string): Buffer {
  const disposition = `Content-Disposition: form-data; name="file"; filename="${name}"`
  return Buffer.from(`--b\r\n${disposition}\r\n\r\n`)
}

function post(length: number) {
  return {
    GATEWAY_INTERFACE: 'CGI/1.1',
    SERVER_PROTOCOL: 'HTTP/1.1',
    REQUEST_METHOD: 'POST',
    CONTENT_TYPE: 'multipart/form-data; boundary=b',
    CONTENT_LENGTH: String(length),
    HTTP_ACCEPT: 'application/json',
  }
}
