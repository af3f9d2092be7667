// Unfinished uploads: cancelled, swept when they are old, told by `check`, removed by `clean`.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, utimesSync } from 'node:fs'
import { test } from 'node:test'
import { assertRefused, content, Uploads } from '../host/piece-upload.ts'
import { program } from '../host/program.ts'
import { asOneself } from '../host/user.ts'

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

test('an upload older than partial_lifetime is swept by the next, a younger one not', async () => {
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
  assert.match(stdout, /ERROR .*\[CHUNK_TOO_LARGE\]\n +→ max_request_size = "9MB"/)
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
