// Uploads in pieces by POST, through the built executable as a server would start it: what is told after each
// piece, that the file arrives equal, and that nothing but the right piece is ever appended.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type CgiReply, runCgi } from '../host/cgi.ts'
import { missing } from '../host/installed.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import { freshDirectory, program } from '../host/program.ts'
import { startStalledSender } from '../host/stalled-sender.ts'
import { asOneself } from '../host/user.ts'

const content = randomBytes(300_000)

type Piece = {
  id?: string
  offset?: number | string
  size?: number | string
  name?: string
  bytes?: Buffer
  fields?: Readonly<Record<string, string>>
  accept?: string
  env?: Readonly<Record<string, string>>
  program?: string
}

class Uploads {
  readonly directory = freshDirectory({ after })
  readonly id = randomBytes(16).toString('hex')

  piece(piece: Piece): Promise<CgiReply> {
    const { id = this.id, offset = 0, size = content.length, name = 'video.mp4' } = piece
    const fields = { _upload: id, _offset: String(offset), _size: String(size), _filename: name }
    return this.post({ ...fields, ...piece.fields }, piece)
  }

  post(fields: Readonly<Record<string, string>>, { bytes, accept, env, ...more }: Piece = {}) {
    const texts = Object.entries(fields).map(([name, value]) => ({ name, content: value }))
    const file = { name: 'file', filename: 'file', content: bytes ?? Buffer.alloc(0) }
    return runCgi({
      program: more.program ?? program,
      directory: this.directory,
      method: 'POST',
      contentType: contentType(),
      body: multipartBody(bytes === undefined ? texts : [...texts, file]),
      env: { HTTP_ACCEPT: accept ?? 'application/json', ...env },
    })
  }

  look(id = this.id, env: Readonly<Record<string, string>> = {}): Promise<CgiReply> {
    const query = { QUERY_STRING: `upload=${id}`, HTTP_ACCEPT: 'application/json', ...env }
    return runCgi({ directory: this.directory, env: query })
  }

  /** Sends all that is missing, in pieces of so many bytes; gives the last reply. */
  async send(bytes = 100_000, from = 0): Promise<CgiReply> {
    for (let offset = from; ; offset += bytes) {
      const reply = await this.piece({ offset, bytes: content.subarray(offset, offset + bytes) })
      if (reply.status !== 202) return reply
    }
  }

  stored(): string[] {
    return readdirSync(this.directory).filter((name) => name !== '.incoming')
  }

  incoming(): string[] {
    const path = join(this.directory, '.incoming')
    return existsSync(path) ? readdirSync(path).sort() : []
  }

  inIncoming(kind: string): string {
    return join(this.directory, '.incoming', `${this.id}.${kind}`)
  }
}

function assertRefused(reply: CgiReply, status: number, code: string): void {
  assert.equal(reply.status, status, reply.text)
  assert.equal(reply.json().code, code, reply.text)
}

test('a file in three pieces arrives equal, and each piece is told', async () => {
  const uploads = new Uploads()
  const first = await uploads.piece({ bytes: content.subarray(0, 100_000) })
  assert.equal(first.status, 202, first.text)
  assert.equal(first.headers.get('content-type'), 'application/json')
  assert.equal(first.headers.get('upload-offset'), '100000')
  assert.deepEqual(first.json(), { upload: uploads.id, offset: 100_000, size: 300_000 })
  assert.deepEqual(uploads.stored(), [])
  const second = await uploads.piece({ offset: 100_000, bytes: content.subarray(100_000, 250_000) })
  assert.deepEqual(second.json(), { upload: uploads.id, offset: 250_000, size: 300_000 })
  const bytes = content.subarray(250_000)
  const last = await uploads.piece({ offset: 250_000, bytes, fields: { note: 'for Ann' } })
  assert.equal(last.status, 201, last.text)
  const { id, time, ...receipt } = last.json()
  assert.ok(id.length > 0 && !Number.isNaN(Date.parse(time)))
  const sha256 = createHash('sha256').update(content).digest('hex')
  const file = { field: 'file', name: 'video.mp4', stored: 'video.mp4', size: 300_000 }
  assert.deepEqual(receipt, {
    upload: uploads.id,
    files: [{ ...file, type: 'application/octet-stream', sha256 }],
    fields: [{ name: 'note', value: 'for Ann' }],
  })
  assert.deepEqual(readFileSync(join(uploads.directory, 'video.mp4')), content)
  assert.equal(statSync(join(uploads.directory, 'video.mp4')).mode & 0o777, 0o640)
  assert.deepEqual(uploads.incoming(), [`${uploads.id}.journal`])
})

test('where an upload stands can be asked, before, while and after', async () => {
  const uploads = new Uploads()
  assertRefused(await uploads.look(), 404, 'NO_SUCH_UPLOAD')
  assertRefused(await uploads.look('not an id'), 404, 'NO_SUCH_UPLOAD')
  assertRefused(await uploads.look(`../${uploads.id}`), 404, 'NO_SUCH_UPLOAD')
  await uploads.piece({ bytes: content.subarray(0, 100_000) })
  const half = await uploads.look(uploads.id.toUpperCase())
  assert.equal(half.status, 200)
  assert.equal(half.headers.get('upload-offset'), '100000')
  assert.deepEqual(half.json(), { upload: uploads.id, offset: 100_000, size: 300_000 })
  const receipt = (await uploads.send(200_000, 100_000)).json()
  const whole = await uploads.look()
  assert.deepEqual(whole.json(), { ...receipt, offset: 300_000, size: 300_000 })
})

test('a last piece sent again, because its reply was lost, stores nothing twice', async () => {
  const uploads = new Uploads()
  await uploads.piece({ bytes: content.subarray(0, 200_000) })
  const last = { offset: 200_000, bytes: content.subarray(200_000), fields: { note: 'x' } }
  const first = await uploads.piece(last)
  assert.equal(first.status, 201)
  const again = await uploads.piece(last)
  assert.equal(again.status, 201)
  assert.deepEqual(again.json(), first.json())
  assert.deepEqual(uploads.stored(), ['video.mp4'])
  assertRefused(await uploads.piece({ ...last, size: 7 }), 400, 'BAD_UPLOAD')
})

test('a whole file in one piece is stored at once, and only once', async () => {
  const uploads = new Uploads()
  const first = await uploads.piece({ bytes: content })
  assert.equal(first.status, 201)
  assert.deepEqual((await uploads.piece({ bytes: content })).json(), first.json())
  assert.deepEqual(uploads.stored(), ['video.mp4'])
  const empty = new Uploads()
  assert.equal((await empty.piece({ size: 0, bytes: Buffer.alloc(0) })).status, 201)
  assert.equal(statSync(join(empty.directory, 'video.mp4')).size, 0)
})

test('a piece anywhere but where the upload stands is told where it stands', async () => {
  const uploads = new Uploads()
  const piece = (offset: number, to: number) =>
    uploads.piece({ offset, bytes: content.subarray(offset, to) })
  assertRefused(await piece(100_000, 200_000), 404, 'NO_SUCH_UPLOAD')
  assert.equal((await piece(0, 100_000)).status, 202)
  for (const [from, to] of [
    [0, 100_000],
    [50_000, 150_000],
    [200_000, 300_000],
  ] as const) {
    const reply = await piece(from, to)
    assertRefused(reply, 409, 'OFFSET_MISMATCH')
    assert.equal(reply.json().offset, 100_000)
    assert.equal(reply.headers.get('upload-offset'), '100000')
    assert.equal(reply.headers.get('content-type'), 'application/problem+json')
  }
  assert.equal((await uploads.send(100_000, 100_000)).status, 201)
  assert.deepEqual(readFileSync(join(uploads.directory, 'video.mp4')), content)
})

test('what does not fit together is refused, and what has arrived stays as it was', async () => {
  const uploads = new Uploads()
  const bytes = content.subarray(100_000, 200_000)
  await uploads.piece({ bytes: content.subarray(0, 100_000) })
  const before = uploads.incoming()
  const next = { offset: 100_000, bytes }
  const wrong: readonly Piece[] = [
    { ...next, size: 300_001 },
    { ...next, bytes: Buffer.alloc(200_001) },
    { ...next, size: '3e5' },
    { ...next, size: '-1' },
    { ...next, offset: '0100000' },
    { ...next, offset: '99999999999999999999' },
    { ...next, id: '' },
    { ...next, id: `${uploads.id}0` },
    { ...next, id: '../../../../etc/passwd' },
    { ...next, fields: { _cancel: '1' } },
  ]
  for (const piece of wrong) assertRefused(await uploads.piece(piece), 400, 'BAD_UPLOAD')
  assertRefused(await uploads.post({ _upload: uploads.id }, next), 400, 'BAD_UPLOAD')
  assertRefused(await uploads.post({ _offset: '100000' }, next), 400, 'BAD_UPLOAD')
  assertRefused(await uploads.post({ _upload: uploads.id }), 400, 'NOTHING_UPLOADED')
  assert.deepEqual(uploads.incoming(), before)
  assert.equal((await uploads.look()).json().offset, 100_000)
  assert.equal((await uploads.send(100_000, 100_000)).status, 201)
  assert.deepEqual(readFileSync(join(uploads.directory, 'video.mp4')), content)
})

test('two files in a piece, and fields behind the file, are refused', async () => {
  const uploads = new Uploads()
  const fields = [
    { name: '_upload', content: uploads.id },
    { name: '_offset', content: '0' },
    { name: '_size', content: '8' },
  ]
  const file = { name: 'file', filename: 'a', content: 'data' }
  for (const parts of [
    [...fields, file, file],
    [...fields.slice(0, 2), file, ...fields.slice(2)],
    [...fields, ...fields, file],
    [file, ...fields],
  ]) {
    const reply = await runCgi({
      directory: uploads.directory,
      contentType: contentType(),
      body: multipartBody(parts),
      env: { HTTP_ACCEPT: 'application/json' },
    })
    assertRefused(reply, 400, 'BAD_UPLOAD')
    assert.deepEqual([uploads.stored(), uploads.incoming()], [[], []])
  }
})

test('a piece that breaks off or is malformed adds nothing', async () => {
  const uploads = new Uploads()
  await uploads.piece({ bytes: content.subarray(0, 100_000) })
  const whole = multipartBody([
    { name: '_upload', content: uploads.id },
    { name: '_offset', content: '100000' },
    { name: '_size', content: '300000' },
    { name: 'file', filename: 'file', content: content.subarray(100_000, 200_000) },
  ])
  const headers = { program, directory: uploads.directory, contentType: contentType() }
  const accept = { HTTP_ACCEPT: 'application/json' }
  const cut = whole.subarray(0, -20)
  const broken = await runCgi({
    ...headers,
    body: cut,
    env: { ...accept, CONTENT_LENGTH: String(whole.length) },
  })
  assertRefused(broken, 400, 'INCOMPLETE_BODY')
  assertRefused(await runCgi({ ...headers, body: cut, env: accept }), 400, 'BAD_MULTIPART')
  assert.equal((await uploads.look()).json().offset, 100_000)
  assert.equal(statSync(uploads.inIncoming('data')).size, 100_000)
  assert.deepEqual(uploads.incoming(), [`${uploads.id}.data`, `${uploads.id}.journal`])
  assert.equal((await uploads.send(100_000, 100_000)).status, 201)
})

test('a first piece that is refused leaves nothing behind', async () => {
  const uploads = new Uploads()
  const bytes = content.subarray(0, 100)
  const limit = { UPLOAD_CGI_MAX_FILE_SIZE: '200kB' }
  assertRefused(await uploads.piece({ bytes, env: limit }), 413, 'FILE_TOO_LARGE')
  assertRefused(await uploads.piece({ bytes, name: 'a.php' }), 415, 'EXTENSION_REFUSED')
  assertRefused(await uploads.piece({ bytes, size: 9e15 }), 413, 'FILE_TOO_LARGE')
  const endless = { UPLOAD_CGI_MAX_FILE_SIZE: '0' }
  assertRefused(await uploads.piece({ bytes, size: 9e15, env: endless }), 507, 'DISK_FULL')
  writeFileSync(join(uploads.directory, 'video.mp4'), 'first')
  const reject = { UPLOAD_CGI_ON_CONFLICT: 'reject' }
  assertRefused(await uploads.piece({ bytes, env: reject }), 409, 'NAME_TAKEN')
  assertRefused(await uploads.piece({ bytes: content.subarray(0, 9), size: 8 }), 400, 'BAD_UPLOAD')
  assert.deepEqual(uploads.incoming(), [])
})

test('the name is kept from the first piece, and a taken one gets a number', async () => {
  const uploads = new Uploads()
  writeFileSync(join(uploads.directory, "l'été.mp4"), 'first')
  const name = encodeURIComponent("l'été.mp4")
  await uploads.piece({ bytes: content.subarray(0, 100_000), name })
  const bytes = content.subarray(100_000)
  const reply = await uploads.piece({ offset: 100_000, bytes, name: 'other.txt' })
  assert.equal(reply.json().files[0].stored, "l'été-2.mp4")
  assert.equal(reply.json().files[0].name, "l'été.mp4")
})

test('an upload that is cancelled is gone; one that is stored stays', async () => {
  const uploads = new Uploads()
  const cancel = { _upload: uploads.id, _cancel: '1' }
  assertRefused(await uploads.post(cancel), 404, 'NO_SUCH_UPLOAD')
  await uploads.piece({ bytes: content.subarray(0, 100_000) })
  const reply = await uploads.post(cancel)
  assert.equal(reply.status, 204)
  assert.equal(reply.text, '')
  assert.deepEqual(uploads.incoming(), [])
  assertRefused(await uploads.look(), 404, 'NO_SUCH_UPLOAD')
  assert.equal((await uploads.send()).status, 201)
  assertRefused(await uploads.post(cancel), 404, 'NO_SUCH_UPLOAD')
  assert.deepEqual(uploads.stored(), ['video.mp4'])
})

test('no more uploads may be unfinished than the owner says; finished ones do not count', async () => {
  const uploads = new Uploads()
  const env = { UPLOAD_CGI_MAX_PARTIAL_UPLOADS: '2' }
  const begin = (id: string) => uploads.piece({ id, bytes: content.subarray(0, 10), env })
  const ids = ['a', 'b', 'c'].map((digit) => digit.repeat(32)) as [string, string, string]
  assert.equal((await begin(ids[0])).status, 202)
  assert.equal((await begin(ids[1])).status, 202)
  assertRefused(await begin(ids[2]), 503, 'TOO_MANY_UPLOADS')
  const bytes = content.subarray(10)
  assert.equal((await uploads.piece({ id: ids[0], offset: 10, bytes, env })).status, 201)
  assert.equal((await begin(ids[2])).status, 202)
})

test('a second sender is told to wait while the first is at work, and may go on when it died', async () => {
  const uploads = new Uploads()
  await uploads.piece({ bytes: content.subarray(0, 100_000) })
  const next = { offset: 100_000, bytes: content.subarray(100_000, 200_000) }
  const claim = uploads.inIncoming('claim-1')
  // Of another host: whether its process lives, nobody here can know.
  writeFileSync(claim, '11111111-2222-3333-4444-555555555555 pid:[1] 1\n')
  const busy = await uploads.piece(next)
  assertRefused(busy, 423, 'UPLOAD_BUSY')
  assert.match(busy.headers.get('retry-after') ?? '', /^\d+$/)
  assertRefused(await uploads.post({ _upload: uploads.id, _cancel: '1' }), 423, 'UPLOAD_BUSY')
  assert.equal((await uploads.look()).json().offset, 100_000)
  const before = (seconds: number) => Date.now() / 1000 - seconds
  utimesSync(claim, before(30), before(30))
  assertRefused(await uploads.piece(next), 423, 'UPLOAD_BUSY')
  utimesSync(claim, before(59), before(59))
  assert.equal((await uploads.piece(next)).status, 202)
  assert.deepEqual(uploads.incoming(), [`${uploads.id}.data`, `${uploads.id}.journal`])
  // Of this host, and no such process: no wait at all.
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  const { pid } = spawnSync('true')
  const namespace = readlinkSync('/proc/self/ns/pid')
  writeFileSync(claim, `${boot} ${namespace} ${pid}\n`)
  assert.equal((await uploads.send(100_000, 200_000)).status, 201)
  assert.deepEqual(readFileSync(join(uploads.directory, 'video.mp4')), content)
})

test('what a crash left behind the offset, and a torn line, do no harm', async () => {
  const uploads = new Uploads()
  await uploads.piece({ bytes: content.subarray(0, 100_000) })
  appendFileSync(uploads.inIncoming('data'), randomBytes(50_000))
  appendFileSync(uploads.inIncoming('journal'), '[1500')
  assert.equal((await uploads.look()).json().offset, 100_000)
  assert.equal((await uploads.send(100_000, 100_000)).status, 201)
  assert.deepEqual(readFileSync(join(uploads.directory, 'video.mp4')), content)
})

test('a journal without its first line is no upload, and is begun anew', async () => {
  const uploads = new Uploads()
  await uploads.piece({ bytes: content.subarray(0, 100_000) })
  truncateSync(uploads.inIncoming('journal'), 20)
  assertRefused(await uploads.look(), 404, 'NO_SUCH_UPLOAD')
  assert.equal((await uploads.send()).status, 201)
  assert.deepEqual(readFileSync(join(uploads.directory, 'video.mp4')), content)
})

test('an upload older than partial_lifetime is swept by the next one, a younger one is not', async () => {
  const uploads = new Uploads()
  await uploads.piece({ bytes: content.subarray(0, 100_000) })
  const age = (seconds: number) => {
    const time = Date.now() / 1000 - seconds
    for (const kind of ['data', 'journal']) utimesSync(uploads.inIncoming(kind), time, time)
  }
  const other = () => uploads.piece({ id: randomBytes(16).toString('hex'), bytes: content })
  age(23 * 3600)
  await other()
  assert.equal((await uploads.look()).status, 200)
  age(25 * 3600)
  await other()
  assertRefused(await uploads.look(), 404, 'NO_SUCH_UPLOAD')
  assert.ok(!existsSync(uploads.inIncoming('data')))
})

test('with durable off and without checksum it arrives as well', async () => {
  const uploads = new Uploads()
  const env = { UPLOAD_CGI_DURABLE: 'false', UPLOAD_CGI_CHECKSUM: 'none' }
  await uploads.piece({ bytes: content.subarray(0, 100_000), env })
  const reply = await uploads.piece({ offset: 100_000, bytes: content.subarray(100_000), env })
  assert.equal(reply.status, 201)
  assert.ok(!('sha256' in reply.json().files[0]))
  assert.deepEqual(readFileSync(join(uploads.directory, 'video.mp4')), content)
})

test('overwrite replaces at the last piece only; reject looks again then, and loses nothing', async () => {
  const uploads = new Uploads()
  const path = join(uploads.directory, 'video.mp4')
  const half = { bytes: content.subarray(0, 100_000) }
  const rest = { offset: 100_000, bytes: content.subarray(100_000) }
  writeFileSync(path, 'old')
  const overwrite = { UPLOAD_CGI_ON_CONFLICT: 'overwrite' }
  await uploads.piece({ ...half, env: overwrite })
  assert.equal(readFileSync(path, 'utf8'), 'old')
  assert.equal((await uploads.piece({ ...rest, env: overwrite })).status, 201)
  assert.deepEqual(readFileSync(path), content)
  rmSync(path)
  const reject = { UPLOAD_CGI_ON_CONFLICT: 'reject' }
  const id = randomBytes(16).toString('hex')
  await uploads.piece({ ...half, id, env: reject })
  writeFileSync(path, 'meanwhile')
  assertRefused(await uploads.piece({ ...rest, id, env: reject }), 409, 'NAME_TAKEN')
  assert.equal((await uploads.look(id)).json().offset, 300_000)
  assert.deepEqual(
    uploads.incoming().filter((name) => name.startsWith(id) || !name.endsWith('.journal')),
    [`${id}.data`, `${id}.journal`],
  )
  rmSync(path)
  const bytes = Buffer.alloc(0)
  assert.equal((await uploads.piece({ id, offset: 300_000, bytes, env: reject })).status, 201)
  assert.deepEqual(readFileSync(path), content)
})

test('the log has a line for each piece, and for the last one how many there were', async () => {
  const uploads = new Uploads()
  const log = join(uploads.directory, '..', `${uploads.id}.log`)
  after(() => rmSync(log, { force: true }))
  const env = { UPLOAD_CGI_LOG_FILE: log }
  await uploads.piece({ bytes: content.subarray(0, 100_000), env })
  await uploads.piece({ offset: 100_000, bytes: content.subarray(100_000), env })
  const lines = readFileSync(log, 'utf8').trim().split('\n')
  const [first, last] = lines.map((line) => JSON.parse(line))
  assert.equal(first.status, 202)
  assert.ok(!('files' in first))
  assert.equal(last.status, 201)
  assert.equal(last.pieces, 2)
  assert.ok(last.seconds >= 0 && last.seconds < 600)
  assert.equal(last.files[0].size, 300_000)
  assert.ok(!readFileSync(log, 'utf8').includes(uploads.id), 'the id is a secret')
})

test('a foreign page can neither send a piece nor learn how an upload stands', async () => {
  const uploads = new Uploads()
  await uploads.piece({ bytes: content.subarray(0, 100_000) })
  const env = { HTTP_SEC_FETCH_SITE: 'cross-site' }
  assertRefused(await uploads.piece({ bytes: content, env }), 403, 'FOREIGN_ORIGIN')
  const reply = await uploads.look(uploads.id, { HTTP_ORIGIN: 'https://evil.example' })
  assert.equal(reply.headers.get('access-control-allow-origin'), undefined)
})

function command(uploads: Uploads, args: readonly string[]) {
  const env = { PATH: process.env['PATH'] ?? '', UPLOAD_CGI_DIRECTORY: uploads.directory }
  return spawnSync(program, [...args], { env, encoding: 'utf8' })
}

test('check tells how many uploads are unfinished, and what hinders pieces', async () => {
  const uploads = new Uploads()
  await uploads.piece({ bytes: content.subarray(0, 100_000) })
  const told = command(uploads, ['check', ...asOneself]).stdout
  assert.match(told, /unfinished uploads: 1 of 100, 100 KB, since 20\d\d-.*\[UNFINISHED\]/)
  const env = {
    UPLOAD_CGI_DIRECTORY: uploads.directory,
    UPLOAD_CGI_MAX_REQUEST_SIZE: '8MB',
    UPLOAD_CGI_MAX_PARTIAL_UPLOADS: '1',
  }
  const { stdout, status } = spawnSync(program, ['check', ...asOneself], { env, encoding: 'utf8' })
  assert.equal(status, 78)
  assert.match(stdout, /ERROR .*\[CHUNK_TOO_LARGE\]\n +→ lower chunk_size/)
  assert.match(stdout, /warning unfinished uploads: 1 of 1.*\[UNFINISHED_MANY\]/)
})

test('clean removes what is old, says what, and leaves what is young', async () => {
  const uploads = new Uploads()
  assert.equal(command(uploads, ['clean']).stdout, '0 files removed, 0 bytes\n')
  await uploads.piece({ bytes: content.subarray(0, 100_000) })
  assert.equal(command(uploads, ['clean']).stdout, '0 files removed, 0 bytes\n')
  const hoursAgo = Date.now() / 1000 - 2 * 3600
  for (const kind of ['data', 'journal']) {
    utimesSync(uploads.inIncoming(kind), hoursAgo, hoursAgo)
  }
  const old = ['clean', '--older-than', '1h']
  const tried = command(uploads, [...old, '--dry-run'])
  assert.match(
    tried.stdout,
    /\.journal\t\d+\n.*\.data\t100000\n2 files would be removed, 100\.\d KB\n$/,
  )
  assert.equal(uploads.incoming().length, 2)
  const done = command(uploads, old)
  assert.equal(done.status, 0, done.stderr)
  assert.match(done.stdout, /2 files removed, 100\.\d KB\n$/)
  assert.deepEqual(uploads.incoming(), [])
  assert.equal(command(uploads, ['clean', '--older-than', 'soon']).status, 64)
  assert.equal(spawnSync(program, ['clean'], { env: {} }).status, 78)
})

test('going on reads nothing of what has arrived; the last piece reads it once', {
  skip: missing('strace'),
}, async () => {
  const uploads = new Uploads()
  await uploads.piece({ bytes: content.subarray(0, 100_000) })
  const trace = `${uploads.directory}.trace`
  const traced = `${uploads.directory}.sh`
  after(() => [trace, traced].map((path) => rmSync(path, { force: true })))
  const filter = '-e trace=read,pread64,readv,preadv'
  writeFileSync(traced, `#!/bin/sh\nexec strace -f -y ${filter} -o ${trace} ${program}\n`, {
    mode: 0o755,
  })
  const readBytes = async (offset: number, to: number) => {
    const bytes = content.subarray(offset, to)
    const reply = await uploads.piece({ offset, bytes, program: traced })
    assert.equal(reply.status, to < content.length ? 202 : 201, reply.text)
    const reads = readFileSync(trace, 'utf8').matchAll(/\.data>.*= (\d+)$/gm)
    return [...reads].reduce((sum, [, count]) => sum + Number(count), 0)
  }
  assert.equal(await readBytes(100_000, 200_000), 0)
  assert.equal(await readBytes(200_000, 300_000), content.length)
})

test('a first piece that was silent so long that another sender went on removes nothing', async () => {
  const uploads = new Uploads()
  const stalled = await stalledPiece(uploads, content, 200_000, 'is cut')
  const first = await uploads.piece({ bytes: content.subarray(0, 100_000) })
  assert.equal(first.status, 202, first.text)
  assert.equal((await stalled.resume()).status, 400)
  assert.equal((await uploads.send(100_000, 100_000)).status, 201)
  assert.ok(readFileSync(join(uploads.directory, 'video.mp4')).equals(content))
})

test('a piece that ends when another sender has stored the file changes nothing of it', async () => {
  const uploads = new Uploads()
  const other = Buffer.alloc(30_000, 'another file')
  const stalled = await stalledPiece(uploads, other, -10, 'is whole')
  const stored = await uploads.piece({ bytes: content })
  assert.equal(stored.status, 201, stored.text)
  assert.equal((await stalled.resume()).status, 423)
  assert.ok(readFileSync(join(uploads.directory, 'video.mp4')).equals(content))
})

/** A first piece that stalls after so many bytes of its body; less than 0: so many before the end. */
function stalledPiece(uploads: Uploads, bytes: Buffer, sent: number, end: 'is cut' | 'is whole') {
  const fields = { _upload: uploads.id, _offset: '0', _size: '300000', _filename: 'video.mp4' }
  const texts = Object.entries(fields).map(([name, value]) => ({ name, content: value }))
  const body = multipartBody([...texts, { name: 'file', filename: 'file', content: bytes }])
  const options = {
    program,
    directory: uploads.directory,
    method: 'POST',
    contentType: contentType(),
    env: { CONTENT_LENGTH: String(body.length) },
  }
  const rest = end === 'is whole' ? body.subarray(sent) : undefined
  return startStalledSender(options, uploads.inIncoming('claim-1'), body.subarray(0, sent), rest)
}
