// What is noted of finished uploads: found by the id alone, bounded, swept by the day, and never
// listed.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { until } from '../host/fastcgi.ts'
import { missing } from '../host/installed.ts'
import { lackingLibrary } from '../host/lacking.ts'
import { content, Uploads } from '../host/piece-upload.ts'
import { freshDirectory, program } from '../host/program.ts'

const today = () => new Date().toISOString().slice(0, 10)
const noted = ({ directory }: Uploads, day = '', kind = 'batch') =>
  join(directory, '.upload-cgi/notes', kind, day)

test('a finished upload leaves one small note, however long its name is', async () => {
  const uploads = new Uploads()
  const name = '\x01'.repeat(60_000)
  const whole = { name, bytes: content, fields: { _size: `${content.length}` } }
  const first = await uploads.piece(whole)
  assert.equal(first.status, 201, first.text)
  assert.deepEqual(uploads.incoming(), [])
  const days = readdirSync(noted(uploads))
  assert.equal(days.length, 1)
  const [note = '', ...more] = readdirSync(noted(uploads, days[0]))
  assert.match(note, /^\.ht[0-9a-f]{32}-1$/)
  assert.deepEqual(more, [])
  assert.ok(statSync(join(noted(uploads, days[0]), note)).size < 8192)
  const again = await uploads.piece(whole)
  assert.equal(again.status, 201)
  assert.equal(again.json().id, first.json().id)
  assert.deepEqual(uploads.stored().length, 1)
})

test('the first request of a day sweeps what is old, and what may be needed stays', async () => {
  const uploads = new Uploads()
  const before = (days: number) =>
    new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10)
  for (const day of [before(4), before(1)]) fill(noted(uploads, day, 'verdict'), 12)
  for (const day of [before(100), before(80)]) fill(noted(uploads, day), 12)
  assert.equal((await uploads.piece({ bytes: content })).status, 201)
  const days = (kind: string) => readdirSync(noted(uploads, '', kind)).sort()
  // A process that stays sweeps after the reply.
  await until(
    () => days('verdict').length === 1 && days('batch').length === 2,
    () => `${days('verdict')} ${days('batch')}`,
  )
  assert.deepEqual(days('verdict'), [before(1)])
  assert.deepEqual(days('batch'), [before(80), today()])
  assert.equal(readdirSync(noted(uploads, before(80))).length, 12)
})

test('an upload makes the same calls with 3000 notes as with none', {
  skip: missing('strace'),
}, async () => {
  const uploads = new Uploads()
  const home = freshDirectory({ after })
  const [trace, traced] = [join(home, 'trace'), join(home, 'traced.sh')]
  const command = `exec strace -f -y -o ${trace} ${program}`
  writeFileSync(traced, `#!/bin/sh\n${command}\n`, { mode: 0o755 })
  const calls = async () => {
    const id = randomBytes(16).toString('hex')
    const reply = await uploads.piece({ id, bytes: content, program: traced })
    assert.equal(reply.status, 201, reply.text + reply.stderr)
    const lines = readFileSync(trace, 'utf8').split('\n')
    return lines.filter((line) => line.includes('.upload-cgi/')).length
  }
  // The first makes the folders.
  await calls()
  const before = await calls()
  fill(noted(uploads, today()), 3000)
  assert.equal(await calls(), before)
})

test('without hard links a note is a folder, and is found as well', async (t) => {
  const lacking = lackingLibrary(t)
  if ('skip' in lacking) return t.skip(lacking.skip)
  const uploads = new Uploads()
  const env = lacking({ link: 'EPERM' })
  assert.equal((await uploads.piece({ bytes: content.subarray(0, 1000), env })).status, 202)
  const last = await uploads.piece({ offset: 1000, bytes: content.subarray(1000), env })
  assert.equal(last.status, 201, last.text + last.stderr)
  const [day = ''] = readdirSync(noted(uploads))
  const [note = ''] = readdirSync(noted(uploads, day))
  assert.ok(statSync(join(noted(uploads, day), note)).isDirectory())
  assert.deepEqual(uploads.incoming(), [])
  assert.equal((await uploads.look()).json().id, last.json().id)
})

function fill(folder: string, count: number): void {
  mkdirSync(folder, { recursive: true })
  for (let i = 0; i < count; i++) {
    writeFileSync(join(folder, `.ht${randomBytes(16).toString('hex')}-1`), 'a note')
  }
}
