// What no web server sends: garbage, halves of records, parameters that never end, requests of
// which nobody reads the replies. The process bounds its memory and its time, and answers others
// meanwhile.

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import {
  beginRecord,
  Client,
  encodeParams,
  type FastCgiProcess,
  params as paramsType,
  record,
  request,
  startFastCgi,
  stdin,
  streamRecords,
  until,
} from '../host/fastcgi.ts'
import { childrenOf, descriptors, residentBytes } from '../host/process-state.ts'
import { freshDirectory } from '../host/program.ts'

const get = { GATEWAY_INTERFACE: 'CGI/1.1', SERVER_PROTOCOL: 'HTTP/1.1', REQUEST_METHOD: 'GET' }
const page = { params: { ...get, HTTP_ACCEPT: 'text/html' } }
const post = {
  ...get,
  REQUEST_METHOD: 'POST',
  CONTENT_LENGTH: '1000000',
  CONTENT_TYPE: 'multipart/form-data; boundary=b',
}
const isLong = Boolean(process.env['UPLOAD_CGI_LONG'])

test('garbage ends its own connection', async (t) => {
  const watched = await watch(t)
  const random = numbers(11)
  for (let round = 0; round < 100; round++) {
    const bytes = Buffer.from(Array.from({ length: 1 + random(8000) }, () => random(256)))
    // Each second one begins as a request does.
    if (round % 2 === 1) beginRecord(1, true).copy(bytes)
    await closes(watched, bytes, round)
  }
  await watched.isAsBefore()
})

test('a request with wrong bytes is refused or answered, and nothing else happens', async (t) => {
  const watched = await watch(t)
  const random = numbers(12)
  const body = Buffer.from('--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--b--\r\n')
  const params = { ...post, CONTENT_LENGTH: String(body.length) }
  const right = Buffer.concat([
    beginRecord(1, false),
    streamRecords(paramsType, 1, encodeParams(params), 100),
    streamRecords(stdin, 1, body, 9),
  ])
  for (let round = 0; round < 100; round++) {
    const bytes = Buffer.from(right)
    for (let wrong = random(4); wrong >= 0; wrong--) bytes[random(bytes.length)] = random(256)
    await closes(watched, bytes, round)
  }
  await watched.isAsBefore()
})

test('200 connections that send nothing, or halves, take little, and nobody waits', async (t) => {
  const watched = await watch(t)
  const halves = [
    Buffer.alloc(0),
    beginRecord(1, true).subarray(0, 5),
    beginRecord(1, true),
    Buffer.concat([beginRecord(1, true), record(paramsType, 1, encodeParams(post))]),
    Buffer.concat([beginRecord(1, true), record(paramsType, 1, Buffer.alloc(500)).subarray(0, 99)]),
    Buffer.concat([
      beginRecord(1, true),
      streamRecords(paramsType, 1, encodeParams(post), 65_535),
      record(stdin, 1, Buffer.from('--b\r\nContent-Disp')),
    ]),
  ]
  const clients = Array.from({ length: 200 }, (_, i) => {
    const client = watched.client()
    client.send(halves[i % halves.length] ?? Buffer.alloc(0))
    return client
  })
  const areThere = () => watched.descriptors() >= watched.before + clients.length
  await until(areThere, () => `${watched.descriptors()} descriptors`)
  for (let i = 0; i < 5; i++) assert.equal((await request(watched.socket, page)).status, 200)
  for (const client of clients) client.close()
  await watched.isAsBefore()
})

test('parameters without an end are bounded, however small their parts are', async (t) => {
  const watched = await watch(t)
  const bytes = Buffer.concat(Array.from({ length: 1000 }, () => record(paramsType, 1, one)))
  const clients = Array.from({ length: 10 }, () => watched.client())
  for (const client of clients) {
    client.send(beginRecord(1, true))
    for (let i = 0; i < 60; i++) client.send(bytes)
  }
  assert.equal((await request(watched.socket, page)).status, 200)
  for (const client of clients) for (let i = 0; i < 10; i++) client.send(bytes)
  for (const client of clients) {
    await until(
      () => client.isClosed,
      () => 'parameters without an end stay',
    )
  }
  await watched.isAsBefore()
})

test('a server that reads no replies gets no more of them', async (t) => {
  const watched = await watch(t)
  const whole = [
    beginRecord(1, true),
    streamRecords(paramsType, 1, encodeParams(page.params), 65_535),
    record(stdin, 1, Buffer.alloc(0)),
  ]
  const floods = [Buffer.concat(whole), record(99, 0, one), record(9, 0, encodeParams(asked))]
  for (const flood of floods) {
    const client = watched.client()
    client.socket.pause()
    const bytes = Buffer.concat(Array.from({ length: 200 }, () => flood))
    const isEnded = () => client.socket.destroyed || client.socket.errored !== null
    await until(
      () => {
        if (!isEnded() && client.socket.writableLength === 0) client.send(bytes)
        return isEnded()
      },
      () => 'it takes requests without an end',
    )
  }
  await watched.isAsBefore()
})

test('a request that stops in its parameters, or goes on by bytes, ends after a minute', {
  skip: isLong ? false : 'by design: it takes two minutes; npm run test:long',
}, async (t) => {
  const watched = await watch(t)
  const stopped = watched.client()
  stopped.send(beginRecord(1, true))
  const trickling = watched.client()
  trickling.send(beginRecord(1, true))
  const timer = setInterval(() => trickling.send(record(paramsType, 1, one)), 5000)
  t.after(() => clearInterval(timer))
  const begun = Date.now()
  while (!stopped.isClosed || !trickling.isClosed) {
    assert.ok(Date.now() - begun < 150_000, `${stopped.isClosed} ${trickling.isClosed}`)
    assert.equal((await request(watched.socket, page)).status, 200)
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
  await watched.isAsBefore()
})

type Watched = FastCgiProcess & {
  /** How many descriptors it had. */
  readonly before: number
  descriptors(): number
  client(): Client
  /** It answers, its descriptors came back, it has no children, and its memory is bounded. */
  isAsBefore(): Promise<void>
}

async function watch(t: TestContext): Promise<Watched> {
  const started = await startFastCgi(t, { UPLOAD_CGI_DIRECTORY: freshDirectory(t) })
  const { socket, child } = started
  const { pid = 0 } = child
  const ask = async () => assert.equal((await request(socket, page)).status, 200)
  let before = Infinity
  for (let i = 0; i < 20; i++) {
    await ask()
    // The connection of the last request may not be closed yet.
    before = Math.min(before, descriptors(pid))
  }
  const client = () => {
    const one = new Client(socket)
    t.after(() => one.close())
    return one
  }
  const isAsBefore = async () => {
    await ask()
    await until(
      () => descriptors(pid) <= before,
      () => `${descriptors(pid)} descriptors, before: ${before}`,
    )
    assert.deepEqual([child.exitCode, childrenOf(pid)], [null, []])
    assert.ok(residentBytes(pid) < mostBytes, `${residentBytes(pid)} bytes`)
  }
  return { ...started, before, descriptors: () => descriptors(pid), client, isAsBefore }
}

/** Pseudo-random numbers below the one that is given, always the same ones. */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 1
    return Math.floor((state / 2 ** 31) * below)
  }
}

const one = Buffer.from('x')
const asked = { FCGI_MPXS_CONNS: '' }
const mostBytes = 110e6

/** The process closes the connection after these bytes and the end. */
async function closes(
  watched: Awaited<ReturnType<typeof watch>>,
  bytes: Buffer,
  round: number,
): Promise<void> {
  const client = watched.client()
  client.send(bytes)
  // Garbage may be the beginning of a long record, and then the process waits for the rest.
  client.socket.end()
  await until(
    () => client.isClosed,
    () => `round ${round} stays open`,
  )
}
