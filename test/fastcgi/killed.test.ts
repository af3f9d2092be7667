// Two processes on one socket, as a supervisor starts them: one is killed in the middle of an
// upload. What it received is never visible, the other process answers meanwhile, and the one that
// takes its place finds nothing in its way.

import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  beginRecord,
  bodyRecords,
  Client,
  encodeParams,
  params as paramsType,
  request,
  streamRecords,
  until,
} from '../host/fastcgi.ts'
import { supervised } from '../host/fastcgi-supervisor.ts'
import { incoming, visible } from '../host/form.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import { freshDirectory } from '../host/program.ts'

const get = { GATEWAY_INTERFACE: 'CGI/1.1', SERVER_PROTOCOL: 'HTTP/1.1', REQUEST_METHOD: 'GET' }
const content = Buffer.alloc(400_000, 'half of it')

function post(body: Buffer) {
  const length = { CONTENT_LENGTH: String(body.length), CONTENT_TYPE: contentType() }
  return { ...get, REQUEST_METHOD: 'POST', ...length }
}

test('of two processes on a socket one is killed in the middle: the other goes on', async (t) => {
  const directory = freshDirectory(t)
  const { port, processes } = await supervised(t, directory)
  const uploads = Array.from({ length: 8 }, (_, i) => {
    const name = `${i}.bin`
    const body = multipartBody([{ name: 'file', filename: name, content }])
    const client = new Client(port)
    client.send(beginRecord(1, false))
    client.send(streamRecords(paramsType, 1, encodeParams(post(body)), 65_535))
    client.send(bodyRecords(1, body.subarray(0, 200_000), 65_535))
    return { client, body, name }
  })
  const begun = () => incoming(directory).length
  await until(
    () => begun() === uploads.length,
    () => `${begun()} have begun`,
  )
  const [killed = 0] = processes().sort((a, b) => socketsOf(b) - socketsOf(a))
  process.kill(killed, 'SIGKILL')
  const isReplaced = () => {
    const now = processes()
    return now.length === 2 && !now.includes(killed)
  }
  await until(isReplaced, () => `${processes()} run`)
  assert.deepEqual(visible(directory), [])
  for (let i = 0; i < 5; i++) assert.equal((await request(port, { params: get })).status, 200)
  const names: string[] = []
  for (const { client, body, name } of uploads) {
    client.send(bodyRecords(1, body.subarray(200_000), 65_535))
    const { status } = await client.reply()
    assert.ok(status === 201 || (status === 0 && client.isClosed), `status ${status}`)
    if (status === 201) names.push(name)
  }
  assert.ok(names.length < uploads.length, 'the killed process had none of them')
  assert.deepEqual(visible(directory), names)
  const body = multipartBody([{ name: 'file', filename: 'again.bin', content }])
  assert.equal((await request(port, { params: post(body), body })).status, 201)
})

function socketsOf(pid: number): number {
  const place = `/proc/${pid}/fd`
  return readdirSync(place).filter((fd) => isSocket(join(place, fd))).length
}

function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith('socket:')
  } catch {
    return false
  }
}
