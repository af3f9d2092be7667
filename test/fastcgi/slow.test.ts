// How fast a body comes through FastCGI: only the time counts in which a body is waited for. The
// connection is real, and its clock is one that the test sets, so that nobody waits.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { FastCgiConnection } from '../../src/driver/fastcgi-connection.ts'
import { openExchange } from '../host/core.ts'
import {
  beginRecord,
  bodyRecords,
  Client,
  encodeParams,
  params as paramsType,
  record,
  stdin,
  streamRecords,
  until,
} from '../host/fastcgi.ts'
import { file, finished, incoming } from '../host/form.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import { freshDirectory } from '../host/program.ts'
import { settingsOf } from '../host/record.ts'

const minute = 60_000

test('a connection that was kept for five minutes takes an upload all the same', async (t) => {
  const served = await serve(t)
  for (const name of ['a.bin', 'b.bin']) {
    const body = multipartBody([file(name, Buffer.alloc(50_000, 'x'))])
    // The beginning of the body comes with that of the request.
    await served.send(Buffer.concat([beginning(body), bodyRecords(1, body.subarray(0, 5000), 900)]))
    await served.send(Buffer.concat([bodyRecords(1, body.subarray(5000), 65_535), end]))
    assert.equal((await served.client.reply()).status, 201)
    served.milliseconds += 5 * minute
  }
  assert.deepEqual(finished(served.directory), ['a.bin', 'b.bin'])
})

test('parameters that come late are not the time of the body', async (t) => {
  const served = await serve(t)
  const body = multipartBody([file('a.bin', Buffer.alloc(50_000, 'x'))])
  const all = beginning(body)
  await served.send(all.subarray(0, 100))
  served.milliseconds += 2 * minute
  await served.send(Buffer.concat([all.subarray(100), bodyRecords(1, body.subarray(0, 10), 10)]))
  await served.send(Buffer.concat([bodyRecords(1, body.subarray(10), 65_535), end]))
  assert.equal((await served.client.reply()).status, 201)
})

test('a body of less than 1 KB a second is refused after a minute, and not stored', async (t) => {
  const served = await serve(t)
  const body = multipartBody([file('a.bin', Buffer.alloc(500_000, 'x'))])
  await served.send(Buffer.concat([beginning(body), bodyRecords(1, body.subarray(0, 900), 900)]))
  for (let from = 900, seconds = 0; seconds < minute / 1000; from += 4500, seconds += 5) {
    assert.equal(incoming(served.directory).length, 1, `after ${seconds} s`)
    served.milliseconds += 5000
    await served.send(bodyRecords(1, body.subarray(from, from + 4500), 9000))
  }
  const reply = await served.client.reply()
  assert.equal(reply.status, 408, reply.text)
  assert.equal(JSON.parse(reply.text).code, 'TOO_SLOW')
  assert.deepEqual([finished(served.directory), incoming(served.directory)], [[], []])
})

type Served = {
  readonly directory: string
  readonly client: Client
  /** What the clock of the connection says. */
  milliseconds: number
  /** Resolves when the connection has these bytes. */
  send(bytes: Buffer): Promise<void>
}

async function serve(t: TestContext): Promise<Served> {
  const directory = freshDirectory(t)
  const settings = settingsOf(directory)
  let received = 0
  let sent = 0
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const connection = new FastCgiConnection(socket, {
      open: (params) => openExchange(params, settings),
      say: () => undefined,
      milliseconds: () => served.milliseconds,
    })
    socket.on('data', (bytes: Buffer) => {
      connection.receive(bytes)
      received += bytes.length
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = new Client((server.address() as AddressInfo).port)
  t.after(() => {
    client.close()
    server.close()
  })
  const served: Served = {
    directory,
    client,
    milliseconds: 0,
    async send(bytes) {
      client.send(bytes)
      sent += bytes.length
      await until(
        () => received === sent,
        () => `${received} of ${sent} bytes arrived`,
      )
    },
  }
  return served
}

/** Of a request whose connection is kept. */
function beginning(body: Buffer): Buffer {
  const params = {
    ...{ GATEWAY_INTERFACE: 'CGI/1.1', SERVER_PROTOCOL: 'HTTP/1.1', REQUEST_METHOD: 'POST' },
    ...{ CONTENT_LENGTH: String(body.length), CONTENT_TYPE: contentType() },
    HTTP_ACCEPT: 'application/json',
  }
  const words = encodeParams(params)
  return Buffer.concat([beginRecord(1, true), streamRecords(paramsType, 1, words, 65_535)])
}

const end = record(stdin, 1, Buffer.alloc(0))
