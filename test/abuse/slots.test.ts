// Senders who would keep others out: with uploads that they begin and do not finish, from one
// address or from many, and with sizes that they announce and do not send.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type CgiReply, runCgi } from '../host/cgi.ts'
import { assertFault, file, post } from '../host/form.ts'
import { incomingPath, kindOf } from '../host/incoming.ts'
import { missing } from '../host/installed.ts'
import { cannotMount, mountTmpfs } from '../host/mounts.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import { freshDirectory } from '../host/program.ts'

const MB = 1_000_000
/** How often the flood comes: `UPLOAD_CGI_TEST_FLOOD=10000` is all of it. */
const floods = Number(process.env['UPLOAD_CGI_TEST_FLOOD'] || 60)
/** A sender has four of them. */
const eight = { UPLOAD_CGI_MAX_PARTIAL_UPLOADS: '8', UPLOAD_CGI_PARALLEL_UPLOADS: '3' }
const stranger = (number: number) => ({ REMOTE_ADDR: `192.0.2.${number}` })

type Env = Readonly<Record<string, string>>

/** A tus upload without a byte: 120 bytes on the wire. */
function announce(directory: string, env: Env, size = 5 * MB, limit?: string): Promise<CgiReply> {
  return runCgi({
    directory,
    ...(limit === undefined ? {} : { limit }),
    method: 'POST',
    env: {
      PATH_INFO: '/tus',
      CONTENT_LENGTH: '0',
      HTTP_TUS_RESUMABLE: '1.0.0',
      HTTP_UPLOAD_LENGTH: String(size),
      HTTP_ACCEPT: 'application/json',
      ...env,
    },
  })
}

/** The id of number N. */
const idOf = (number: number) => number.toString(16).padStart(32, '0')

type Start = {
  number: number
  size: number
  bytes: number
  body?: (all: Buffer) => AsyncIterable<Buffer>
  limit?: string
}

/** The first piece of a file, as the page sends it. */
function begin(directory: string, env: Env, { number, size, bytes, body, limit }: Start) {
  const texts = { _upload: idOf(number), _offset: '0', _size: String(size), _filename: 'a.bin' }
  const fields = Object.entries(texts).map(([name, content]) => ({ name, content }))
  const all = multipartBody([...fields, file('a.bin', Buffer.alloc(bytes, 'x'))])
  const length = { CONTENT_LENGTH: String(all.length), HTTP_ACCEPT: 'application/json' }
  return runCgi({
    directory,
    ...(limit === undefined ? {} : { limit }),
    method: 'POST',
    contentType: contentType(),
    timeoutSeconds: 120,
    body: body?.(all) ?? all,
    env: { ...length, ...env },
  })
}

async function isThere(directory: string, number: number): Promise<boolean> {
  const { status } = await runCgi({
    directory,
    env: { QUERY_STRING: `upload=${idOf(number)}`, HTTP_ACCEPT: 'application/json' },
  })
  assert.ok(status === 200 || status === 404, `${status}`)
  return status === 200
}

/** As if so much time had passed. */
function setBack(directory: string, minutes: number): void {
  const time = Date.now() / 1000 - minutes * 60
  for (const name of readdirSync(incomingPath(directory))) {
    if (['data', 'journal'].includes(kindOf(name))) {
      utimesSync(join(incomingPath(directory), name), time, time)
    }
  }
}

test('a flood from one address leaves the form, pieces and tus to all others', async (t) => {
  const directory = freshDirectory(t)
  const codes: Record<string, number> = {}
  for (let i = 0; i < floods; i++) {
    // However slow the machine is, none of them is idle for a minute.
    if (i > 0) setBack(directory, 0)
    const reply = await announce(directory, stranger(1), 1)
    const code = reply.status === 201 ? 'CREATED' : reply.json().code
    codes[code] = (codes[code] ?? 0) + 1
    // Not a line in the error log, or the flood would fill that.
    assert.equal(reply.stderr, '')
  }
  // A quarter of a hundred.
  assert.deepEqual(codes, { CREATED: 25, TOO_MANY_UPLOADS: floods - 25 })
  assert.ok(readdirSync(incomingPath(directory)).length <= 50)
  // To the flooding sender itself, too, as long as a file comes whole.
  for (const env of [stranger(1), stranger(2)]) {
    assert.equal((await post(directory, [file('form.txt')], env)).status, 201)
    const number = env === stranger(1) ? 100 : Number(env.REMOTE_ADDR.at(-1))
    assert.equal((await begin(directory, env, { number, size: 5, bytes: 5 })).status, 201)
  }
  assert.equal((await begin(directory, stranger(2), { number: 3, size: 9, bytes: 5 })).status, 202)
  assert.equal((await announce(directory, stranger(2))).status, 201)
})

test('a flood from many addresses ends after a minute: the least advanced gives way', async (t) => {
  const directory = freshDirectory(t)
  for (let number = 1; number <= 8; number++) {
    const bytes = number === 4 ? 1_000_001 : 10 + number
    const start = { number, size: 3 * MB, bytes }
    assert.equal((await begin(directory, { ...eight, ...stranger(number) }, start)).status, 202)
  }
  const guest = { ...eight, ...stranger(99) }
  const next = (number: number) => begin(directory, guest, { number, size: 3 * MB, bytes: 100 })
  setBack(directory, 0)
  assertFault(await next(20), 'TOO_MANY_UPLOADS')
  // What comes whole needs no slot: neither by the form, nor by the page, nor by tus.
  assert.equal((await post(directory, [file('form.txt')], guest)).status, 201)
  assert.equal((await begin(directory, guest, { number: 21, size: 9, bytes: 9 })).status, 201)
  assert.equal((await announce(directory, guest, 0)).status, 201)
  setBack(directory, 2)
  assert.equal((await next(22)).status, 202)
  assert.equal(await isThere(directory, 1), false)
  assert.equal(await isThere(directory, 2), true)
  // From here on the sender displaces others up to its own share of four.
  for (const number of [23, 24, 25]) assert.equal((await next(number)).status, 202)
  setBack(directory, 0)
  assertFault(await next(26), 'TOO_MANY_UPLOADS')
  const there = await Promise.all([2, 3, 4, 5, 6, 7, 8].map((one) => isThere(directory, one)))
  assert.deepEqual(there, [false, false, true, false, true, true, true])
})

test('nobody is displaced while bytes come', async (t) => {
  const directory = freshDirectory(t)
  let isOver = false
  async function* slowly(all: Buffer): AsyncGenerator<Buffer> {
    yield all.subarray(0, 1000)
    for (let tries = 0; !isOver && tries < 10_000; tries++) await delay(10)
    yield all.subarray(1000)
  }
  const env = { UPLOAD_CGI_MAX_PARTIAL_UPLOADS: '1' }
  const start = { number: 1, size: 3 * MB, bytes: 2000, body: slowly }
  const sent = begin(directory, { ...env, ...stranger(1) }, start)
  const claims = () => {
    try {
      return readdirSync(incomingPath(directory)).filter((name) => name.includes('.claim-')).length
    } catch {
      return 0
    }
  }
  const journals = () =>
    readdirSync(incomingPath(directory)).filter((name) => kindOf(name) === 'journal').length
  while (claims() === 0 || journals() === 0) await delay(10)
  setBack(directory, 2)
  const other = await announce(directory, { ...env, ...stranger(2) })
  isOver = true
  assertFault(other, 'TOO_MANY_UPLOADS')
  assert.equal((await sent).status, 202)
  setBack(directory, 2)
  assert.equal((await announce(directory, { ...env, ...stranger(2) })).status, 201)
  assert.equal(await isThere(directory, 1), false)
})

test('an upload without a byte is gone after ten minutes', async (t) => {
  const directory = freshDirectory(t)
  const kinds = () => readdirSync(incomingPath(directory)).map(kindOf).sort()
  await announce(directory, stranger(1))
  setBack(directory, 9)
  await post(directory, [file('one.txt')])
  assert.deepEqual(kinds(), ['data', 'journal'])
  setBack(directory, 11)
  await post(directory, [file('two.txt')])
  assert.deepEqual(kinds(), [])
})

test('a request that could have brought all of a file, and does not, needs a slot', async (t) => {
  const directory = freshDirectory(t)
  const env = { UPLOAD_CGI_MAX_PARTIAL_UPLOADS: '1', ...stranger(1) }
  assert.equal((await announce(directory, env)).status, 201)
  // The request is longer than the file that it announces.
  assertFault(await begin(directory, env, { number: 1, size: 200, bytes: 10 }), 'TOO_MANY_UPLOADS')
  const chunked = { HTTP_TRANSFER_ENCODING: 'chunked', CONTENT_LENGTH: '' }
  const type = { CONTENT_TYPE: 'application/offset+octet-stream' }
  assertFault(await announce(directory, { ...env, ...type, ...chunked }), 'TOO_MANY_UPLOADS')
  assert.deepEqual(readdirSync(incomingPath(directory)).map(kindOf).sort(), ['data', 'journal'])
})

test('announced sizes count against free space, of one sender for a quarter at most', async (t) => {
  const reason = cannotMount()
  if (reason) return t.skip(reason)
  const settings = { UPLOAD_CGI_MIN_FREE_SPACE: '64MB', UPLOAD_CGI_MAX_FILE_SIZE: '0' }
  const directory = mountTmpfs(t, 'size=300m')
  // 250 MB are left. The first announces 100, which counts as 62, and so does the second.
  const from = (number: number, size: number) =>
    announce(directory, { ...settings, ...stranger(number) }, size)
  for (const number of [1, 2]) assert.equal((await from(number, 100 * MB)).status, 201)
  setBack(directory, 0)
  assertFault(await from(3, 200 * MB), 'DISK_FULL')
  setBack(directory, 0)
  for (let i = 0; i < 3; i++) assert.equal((await from(1, 100 * MB)).status, 201)
  setBack(directory, 0)
  assert.equal((await from(3, 100 * MB)).status, 201)
  setBack(directory, 0)
  assertFault(await from(4, 100 * MB), 'DISK_FULL')
  // What nobody has touched for a minute keeps nobody out.
  setBack(directory, 2)
  assert.equal((await from(4, 200 * MB)).status, 201)
})

test('to begin an upload lists the unfinished ones once, and a whole file reads none of them', {
  skip: missing('strace'),
}, async (t) => {
  const directory = freshDirectory(t)
  for (const number of [1, 2, 3]) await announce(directory, stranger(number))
  const log = `${directory}.trace`
  t.after(() => rmSync(log, { force: true }))
  const limit = `exec strace -f -y -s 0 -e trace=getdents64,openat -o ${log} "$0" "$@";`
  const traced = (pattern: RegExp) => readFileSync(log, 'utf8').match(pattern)?.length ?? 0
  const listings = /getdents64\([^)]*incoming>.* = [1-9]/g
  const journals = /openat\([^)]*\.journal", O_RDONLY/g
  assert.equal((await announce(directory, stranger(4), 5 * MB, limit)).status, 201)
  assert.equal(traced(listings), 1)
  const all = traced(journals)
  assert.ok(all >= 3, `${all}`)
  const start = { number: 5, size: 10, bytes: 10, limit }
  assert.equal((await begin(directory, stranger(5), start)).status, 201)
  assert.equal(traced(listings), 1)
  assert.ok(traced(journals) <= all - 3, `${traced(journals)} and ${all}`)
})
