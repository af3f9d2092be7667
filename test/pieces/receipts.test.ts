// Receipts of finished uploads: found by the id alone, bounded, swept by the day, and never listed.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { missing } from '../host/installed.ts'
import { lackingLibrary } from '../host/lacking.ts'
import { content, Uploads } from '../host/piece-upload.ts'
import { freshDirectory, program } from '../host/program.ts'

const today = () => new Date().toISOString().slice(0, 10)
const receipts = ({ directory }: Uploads, day = '') =>
  join(directory, '.upload-cgi/notes/receipt', day)

test('a finished upload leaves one small note, however long its name is', async () => {
  const uploads = new Uploads()
  const name = '\x01'.repeat(60_000)
  const whole = { name, bytes: content, fields: { _size: `${content.length}` } }
  const first = await uploads.piece(whole)
  assert.equal(first.status, 201, first.text)
  assert.deepEqual(uploads.incoming(), [])
  const days = readdirSync(receipts(uploads))
  assert.equal(days.length, 1)
  const [note = '', ...more] = readdirSync(receipts(uploads, days[0]))
  assert.match(note, /^\.ht[0-9a-f]{32}$/)
  assert.deepEqual(more, [])
  assert.ok(statSync(join(receipts(uploads, days[0]), note)).size < 8192)
  const again = await uploads.piece(whole)
  assert.equal(again.status, 201)
  assert.equal(again.json().id, first.json().id)
  assert.deepEqual(uploads.stored().length, 1)
})

test('receipts of other days are swept, those that may be needed stay', async () => {
  const uploads = new Uploads()
  const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10)
  for (const day of ['2020-01-01', '2999-01-01', yesterday]) fill(receipts(uploads, day), 12)
  for (let sent = 0; sent < 3; sent++) {
    const id = randomBytes(16).toString('hex')
    assert.equal((await uploads.piece({ id, bytes: content })).status, 201)
  }
  const left = readdirSync(receipts(uploads)).filter((day) => day < today())
  assert.deepEqual(left, [yesterday])
  assert.equal(readdirSync(receipts(uploads)).includes('2999-01-01'), false)
  assert.equal(readdirSync(receipts(uploads, yesterday)).length, 12)
})

test('an upload makes the same calls with 3000 receipts as with none', {
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
  fill(receipts(uploads, today()), 3000)
  assert.equal(await calls(), before)
})

test('without hard links a receipt is a folder, and is found as well', async (t) => {
  const lacking = lackingLibrary(t)
  if ('skip' in lacking) return t.skip(lacking.skip)
  const uploads = new Uploads()
  const env = lacking({ link: 'EPERM' })
  assert.equal((await uploads.piece({ bytes: content.subarray(0, 1000), env })).status, 202)
  const last = await uploads.piece({ offset: 1000, bytes: content.subarray(1000), env })
  assert.equal(last.status, 201, last.text + last.stderr)
  const [day = ''] = readdirSync(receipts(uploads))
  const [note = ''] = readdirSync(receipts(uploads, day))
  assert.ok(statSync(join(receipts(uploads, day), note)).isDirectory())
  assert.deepEqual(uploads.incoming(), [])
  assert.equal((await uploads.look()).json().id, last.json().id)
})

function fill(folder: string, count: number): void {
  mkdirSync(folder, { recursive: true })
  for (let i = 0; i < count; i++) {
    writeFileSync(join(folder, `.ht${randomBytes(16).toString('hex')}`), 'a receipt')
  }
}
