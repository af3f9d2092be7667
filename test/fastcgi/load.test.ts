// Processes that are ended, and settings that change, while visitors come without a pause. Every
// request is answered, and what is stored is what was answered with 201, whole.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  beginRecord,
  bodyRecords,
  Client,
  encodeParams,
  type FastCgiReply,
  params as paramsType,
  request,
  startFastCgi,
  streamRecords,
  until,
} from '../host/fastcgi.ts'
import { supervised } from '../host/fastcgi-supervisor.ts'
import { file, finished, incoming } from '../host/form.ts'
import { incomingBytes } from '../host/incoming.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import { catchesSigterm } from '../host/process-state.ts'
import { freshDirectory, inMemory, writeSettings } from '../host/program.ts'

type Upload = { readonly name: string; readonly content: Buffer }
type Begun = Upload & { readonly client: Client; readonly rest: Buffer }

const get = { GATEWAY_INTERFACE: 'CGI/1.1', SERVER_PROTOCOL: 'HTTP/1.1', REQUEST_METHOD: 'GET' }
const page = { params: { ...get, HTTP_ACCEPT: 'text/html' } }

test('processes on a socket end one after the other, and every request is answered', async (t) => {
  const directory = freshDirectory(t, inMemory(100e6))
  const { port, processes, statuses } = await supervised(t, directory)
  const load = new Load(port)
  for (let round = 0; round < 4; round++) {
    const ended = processes()[round % 2] ?? 0
    await until(
      () => catchesSigterm(ended),
      () => `${ended} does not start`,
    )
    const begun = await begin(port, directory, `round${round}`)
    process.kill(ended, 'SIGTERM')
    await load.goesOn(30)
    await load.finish(begun)
    const isReplaced = () => processes().length === 2 && !processes().includes(ended)
    await until(isReplaced, () => `${processes()} run, not instead of ${ended}`)
  }
  await load.stop()
  assert.deepEqual(new Set(statuses()), new Set(['0']))
  assert.deepEqual(load.failed, [])
  assertStored(directory, load.stored)
})

test('a process without another answers what was begun and ends', async (t) => {
  const directory = freshDirectory(t, inMemory(100e6))
  const { socket, child } = await startFastCgi(t, { UPLOAD_CGI_DIRECTORY: directory })
  const ended = once(child, 'exit')
  const load = new Load(socket)
  await load.goesOn(30)
  const begun = await begin(socket, directory, 'begun')
  child.kill('SIGTERM')
  await load.finish(begun)
  assert.deepEqual(await ended, [0, null])
  await load.stop()
  assert.deepEqual(
    load.failed.filter((reply) => reply !== ''),
    [],
  )
  assertStored(directory, load.stored)
})

test('settings change under load: each request is answered, by the new ones at once', async (t) => {
  const directory = freshDirectory(t, inMemory(100e6))
  const settings = (title: string) => `directory = "${directory}"\ntitle = "${title}"\n`
  const path = writeSettings(freshDirectory(t), settings('First'))
  const { socket } = await startFastCgi(t, { UPLOAD_CGI_CONFIG: path })
  const title = async () => /<title>(\w+)/.exec((await request(socket, page)).text)?.[1]
  const load = new Load(socket)
  for (let i = 0; i < 20; i++) {
    writeFileSync(`${path}.new`, settings(`Renamed${i}`))
    renameSync(`${path}.new`, path)
    assert.equal(await title(), `Renamed${i}`)
  }
  await load.stop()
  assert.deepEqual(load.failed, [])
  assertStored(directory, load.stored)
})

test('a text of the same length, written at once after another, counts', async (t) => {
  const settings = (title: string) => `directory = "${directory}"\ntitle = "${title}"\n`
  const directory = freshDirectory(t)
  const path = writeSettings(freshDirectory(t), settings('100'))
  const { socket } = await startFastCgi(t, { UPLOAD_CGI_CONFIG: path })
  const client = new Client(socket)
  t.after(() => client.close())
  for (let i = 101; i < 200; i++) {
    // The file keeps its inode, and the clock of file systems moves every few milliseconds only.
    writeFileSync(path, settings(`${i}`))
    const { text } = await client.request({ ...page, keepsConnection: true })
    assert.equal(/<title>(\w+)/.exec(text)?.[1], `${i}`)
  }
})

test('wrong settings for a moment are an error of the owner, and nothing else', async (t) => {
  const directory = freshDirectory(t, inMemory(100e6))
  const right = `directory = "${directory}"\n`
  const path = writeSettings(freshDirectory(t), right)
  const { socket } = await startFastCgi(t, { UPLOAD_CGI_CONFIG: path })
  const load = new Load(socket, [503])
  await load.goesOn(10)
  const begun = await begin(socket, directory, 'begun')
  writeFileSync(path, `${right}titel = "wrong"\n`)
  const refused = await request(socket, page)
  assert.equal(refused.status, 503)
  assert.match(refused.stderr, /titel/)
  // What began with the right ones ends with them.
  await load.finish(begun)
  await load.goesOn(30)
  writeFileSync(path, right)
  assert.equal((await request(socket, page)).status, 200)
  await load.stop()
  assert.deepEqual(load.failed, [])
  assertStored(directory, load.stored)
})

/** Visitors that send one request after the other until they are stopped. */
class Load {
  /** What was answered with 201. */
  readonly stored: Upload[] = []
  /** What came of each request that was not answered as it should. */
  readonly failed: string[] = []
  readonly #address: string | number
  readonly #allowed: readonly number[]
  readonly #visitors: Promise<void>[]
  #answered = 0
  #isStopped = false

  /** `allowed`: statuses that are no failure. */
  constructor(address: string | number, allowed: readonly number[] = []) {
    this.#address = address
    this.#allowed = allowed
    this.#visitors = [0, 1, 2, 3].map((i) => (i < 2 ? this.#visit(i) : this.#stay(i)))
  }

  /** Resolves when so many more have been answered. */
  goesOn(count: number): Promise<void> {
    const enough = this.#answered + count
    return until(
      () => this.#answered >= enough,
      () => `${this.#answered} answered; failed: ${this.failed}`,
    )
  }

  /** The rest of these is sent, and each of them must be stored. */
  async finish(uploads: readonly Begun[]): Promise<void> {
    for (const { client, rest } of uploads) client.send(rest)
    for (const { client, name, content } of uploads) {
      const { status, text } = await client.reply()
      assert.equal(status, 201, `${name}: ${text}`)
      this.stored.push({ name, content })
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#visitors)
  }

  /** A connection for each request. */
  async #visit(visitor: number): Promise<void> {
    for (let i = 0; !this.#isStopped; i++) {
      const wanted = requestOf(visitor, i)
      this.#judge(wanted, await request(this.#address, wanted))
    }
  }

  /** Keeps its connection, and opens another where the process has closed it between requests. */
  async #stay(visitor: number): Promise<void> {
    let client = new Client(this.#address)
    for (let i = 0; !this.#isStopped; i++) {
      const wanted = requestOf(visitor, i)
      const reply = await client.request({ ...wanted, keepsConnection: true })
      const isClosed = reply.protocolStatus === undefined && reply.stdout.length === 0
      if (!isClosed || i === 0) this.#judge(wanted, reply)
      if (isClosed) client = new Client(this.#address)
    }
    client.close()
  }

  #judge({ upload }: ReturnType<typeof requestOf>, { status, protocolStatus, text }: FastCgiReply) {
    const isRight = status === (upload === undefined ? 200 : 201)
    const isWhole = protocolStatus === 0 && (isRight || this.#allowed.includes(status))
    if (!isWhole) this.failed.push(text)
    else if (isRight && upload !== undefined) this.stored.push(upload)
    if (isWhole) this.#answered++
  }
}

function requestOf(visitor: number, i: number) {
  if (i % 2 === 0) return { ...page, upload: undefined }
  const upload = { name: `${visitor}-${i}.txt`, content: Buffer.alloc(20_000, `${visitor} ${i} `) }
  const body = multipartBody([file(upload.name, upload.content)])
  return { params: paramsOf(body), body, upload }
}

/** Begins uploads, and waits until the process has received about half of each. */
async function begin(address: string | number, directory: string, name: string): Promise<Begun[]> {
  const begun = [0, 1, 2, 3].map((i) => {
    const upload = { name: `${name}-${i}.bin`, content: Buffer.alloc(400_000, `${name} ${i} `) }
    const body = multipartBody([file(upload.name, upload.content)])
    const client = new Client(address)
    client.send(beginRecord(1, false))
    client.send(streamRecords(paramsType, 1, encodeParams(paramsOf(body)), 65_535))
    client.send(bodyRecords(1, body.subarray(0, 200_000), 65_535))
    return { ...upload, client, rest: bodyRecords(1, body.subarray(200_000), 65_535) }
  })
  const received = () =>
    incoming(directory).filter((name) => incomingBytes(directory, name) > 100_000)
  await until(
    () => received().length === begun.length,
    () => `${received().length} have begun`,
  )
  return begun
}

function paramsOf(body: Buffer) {
  const length = { CONTENT_LENGTH: String(body.length), CONTENT_TYPE: contentType() }
  return { ...get, REQUEST_METHOD: 'POST', HTTP_ACCEPT: 'application/json', ...length }
}

/** These and nothing else, each of them whole. */
function assertStored(directory: string, uploads: readonly Upload[]): void {
  assert.deepEqual(finished(directory), uploads.map(({ name }) => name).sort())
  for (const { name, content } of uploads) {
    assert.ok(readFileSync(join(directory, name)).equals(content), name)
  }
}
