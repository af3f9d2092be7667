// SIGTERM ends the program but while a body is being stored, and an error log that nobody reads
// holds up nothing. Each test waits until the program is seen where it should be: in the call to
// the system that waits.

import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { runCgi } from '../host/cgi.ts'
import { file, finished, incoming } from '../host/form.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import { freshDirectory, program } from '../host/program.ts'

/** A program that does not end must not hold up the others. */
const timeout = 120_000

test('it ends the program that waits for the first bytes', { timeout }, async (t) => {
  const child = start(t, { CONTENT_LENGTH: '100000' }, freshDirectory(t))
  await waits(child, 'read')
  child.kill('SIGTERM')
  assert.deepEqual(await once(child, 'exit'), [null, 'SIGTERM'])
})

test('it does not end the program that stores a body, and all of it is stored', {
  timeout,
}, async (t) => {
  const directory = freshDirectory(t)
  const body = multipartBody([file('a.bin', Buffer.alloc(300_000, 'x'))])
  const child = start(t, { CONTENT_LENGTH: String(body.length) }, directory)
  const output: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => output.push(chunk))
  child.stdin?.write(body.subarray(0, 200_000))
  await until(() => incoming(directory).length > 0, 'no file in its place')
  await waits(child, 'read')
  child.kill('SIGTERM')
  await waits(child, 'read')
  child.stdin?.end(body.subarray(200_000))
  assert.deepEqual(await once(child, 'close'), [0, null])
  assert.match(Buffer.concat(output).toString(), /^Status: 201 /)
  assert.deepEqual(finished(directory), ['a.bin'])
})

test('it ends the program whose reply nobody reads, and the file stays', { timeout }, async (t) => {
  const directory = freshDirectory(t)
  const letters = Array.from({ length: 8 }, (_, i) => ({ name: `l${i}`, label: 'Letter' }))
  const fields = letters.map(({ name }) => ({ name, content: Buffer.alloc(60_000, 1) }))
  const body = multipartBody([...fields, file('a.txt')])
  const env = {
    CONTENT_LENGTH: String(body.length),
    UPLOAD_CGI_EXTRA_FIELDS: JSON.stringify(letters),
  }
  const child = start(t, env, directory)
  child.stdin?.end(body)
  await waits(child, 'write')
  assert.deepEqual(finished(directory), ['a.txt'])
  child.kill('SIGTERM')
  assert.deepEqual(await once(child, 'exit'), [null, 'SIGTERM'])
})

test('an error log that nobody reads holds up nothing', async (t) => {
  const pipe = join(freshDirectory(t), 'log')
  execFileSync('mkfifo', [pipe])
  const { O_RDWR, O_NONBLOCK } = constants
  const full = openSync(pipe, O_RDWR | O_NONBLOCK)
  t.after(() => closeSync(full))
  try {
    for (;;) writeSync(full, Buffer.alloc(4096))
  } catch {}
  const limit = `exec 2>${pipe};`
  const reply = await runCgi({ limit, env: { UPLOAD_CGI_MAX_FILES: 'many' } })
  assert.equal(reply.status, 503, reply.text)
  assert.equal(reply.exitCode, 0)
})

function start(t: TestContext, more: Record<string, string>, directory: string): ChildProcess {
  const child = spawn(program, [], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      GATEWAY_INTERFACE: 'CGI/1.1',
      REQUEST_METHOD: 'POST',
      SCRIPT_FILENAME: program,
      REMOTE_ADDR: '127.0.0.1',
      HTTP_ACCEPT: 'application/json',
      CONTENT_TYPE: contentType(),
      UPLOAD_CGI_DIRECTORY: directory,
      ...more,
    },
  })
  t.after(() => void child.kill('SIGKILL'))
  // The program may end while we still write.
  child.stdin?.on('error', () => undefined)
  return child
}

/** Waits until it waits for its server: to be sent a body, or to have its reply read. */
async function waits(child: ChildProcess, call: 'read' | 'write'): Promise<void> {
  const place = { read: /^(0|63) 0x0 /, write: /^(1|64) 0x1 / }[call]
  const isThere = () => place.test(readFileSync(`/proc/${child.pid}/syscall`, 'utf8'))
  await until(isThere, `it never waits to ${call}`)
}

async function until(isSo: () => boolean, otherwise: string): Promise<void> {
  for (const end = Date.now() + 60_000; !isSo(); ) {
    assert.ok(Date.now() < end, otherwise)
    await delay(20)
  }
}
