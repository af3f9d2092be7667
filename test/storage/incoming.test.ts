// What others do inside the upload directory between two requests: the hidden
// folder replaced, the
// directory itself replaced by a symlink, leftovers of killed programs among foreign files. Nothing
// is ever written through a symlinked folder, and only what is stale and the program's own is
// swept.

import assert from 'node:assert/strict'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertFault, contents, file, post, storedNames } from '../host/form.ts'
import { incomingPath } from '../host/incoming.ts'
import { freshDirectory } from '../host/program.ts'

for (const name of ['.upload-cgi', '.upload-cgi/incoming']) {
  test(`nothing is written through a ${name} that became a symlink`, async (t) => {
    const directory = freshDirectory(t)
    const elsewhere = freshDirectory(t)
    const folder = join(directory, name)
    assert.equal((await post(directory, [file('a.txt')])).status, 201)
    rmSync(folder, { recursive: true })
    const stale = join(elsewhere, partName(1))
    writeAged(stale, 90_000)
    for (const target of [elsewhere, directory, join(elsewhere, 'missing')]) {
      symlinkSync(target, folder)
      assertFault(await post(directory, [file('b.txt')]), 'DIRECTORY_UNUSABLE')
      unlinkSync(folder)
      assert.deepEqual(readdirSync(elsewhere), [partName(1)])
      assert.deepEqual(Object.keys(contents(directory)), ['a.txt'])
    }
    assert.equal((await post(directory, [file('b.txt')])).status, 201)
  })
}

test('a hidden folder that became a file is told and stays as it is', async (t) => {
  const directory = freshDirectory(t)
  writeFileSync(join(directory, '.upload-cgi'), 'mine')
  const reply = await post(directory, [file('a.txt')])
  assertFault(reply, 'DIRECTORY_UNUSABLE')
  assert.match(reply.stderr, /\.upload-cgi is not a directory: mv /)
  assert.deepEqual(readdirSync(directory), ['.upload-cgi'])
  assert.equal(lstatSync(join(directory, '.upload-cgi')).size, 4)
})

test('a directory that becomes a symlink: each request goes where it leads then', async (t) => {
  const home = freshDirectory(t)
  const [configured, first, second] = ['uploads', 'first', 'second'].map((name) => join(home, name))
  assert.ok(configured && first && second)
  mkdirSync(configured)
  mkdirSync(second)
  assert.equal((await post(configured, [file('a.txt', 'A')])).status, 201)
  renameSync(configured, first)
  symlinkSync(second, configured)
  assert.equal((await post(configured, [file('b.txt', 'B')])).status, 201)
  assert.deepEqual(contents(first), { 'a.txt': 'A' })
  assert.deepEqual(contents(second), { 'b.txt': 'B' })
})

test('a directory that changes while a body arrives diverts nothing of it', async (t) => {
  const home = freshDirectory(t)
  const [configured, first, second] = ['uploads', 'first', 'second'].map((name) => join(home, name))
  assert.ok(configured && first && second)
  mkdirSync(first)
  mkdirSync(second)
  symlinkSync(first, configured)
  const head = Buffer.from(
    '--XboundaryX\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhead',
  )
  const tail = Buffer.from('tail\r\n--XboundaryX--\r\n')
  const isArriving = () =>
    existsSync(incomingPath(first)) && readdirSync(incomingPath(first)).length > 0
  async function* body() {
    yield head
    await until(isArriving)
    unlinkSync(configured as string)
    symlinkSync(second as string, configured as string)
    yield tail
  }
  const env = {
    CONTENT_LENGTH: String(head.length + tail.length),
    HTTP_ACCEPT: 'application/json',
  }
  const reply = await post(configured, [], {}, { body: body(), env })
  assert.deepEqual(storedNames(reply), ['a.txt'])
  assert.deepEqual(contents(first), { 'a.txt': 'headtail' })
  assert.deepEqual(readdirSync(second), [])
})

test('two requests at once sweep what is stale and ours, and nothing else', async (t) => {
  const directory = freshDirectory(t)
  const incoming = incomingPath(directory)
  mkdirSync(incoming, { mode: 0o700, recursive: true })
  const outside = join(freshDirectory(t), 'outside')
  writeAged(outside, 90_000)
  const stays = [
    'notes.part',
    partName(5).slice(3),
    `.ht${'A'.repeat(32)}.part`,
    `${partName(1)}x`,
    partName(2),
    partName(3),
  ]
  for (const name of stays.slice(0, 4)) writeAged(join(incoming, name), 90_000)
  symlinkSync(outside, join(incoming, partName(2)))
  writeAged(join(incoming, partName(3)), 80_000)
  mkdirSync(join(incoming, partName(4)))
  stays.push(partName(4))
  for (let i = 0; i < 300; i++) writeAged(join(incoming, partName(1000 + i)), 90_000)
  // A replaced file that is kept for the moment may be as old as it likes: it came here just now.
  writeAged(join(incoming, keptName(1)), 90_000)
  stays.push(keptName(1))

  const replies = await Promise.all(['a.txt', 'b.txt'].map((name) => post(directory, [file(name)])))
  assert.deepEqual(replies.flatMap(storedNames).sort(), ['a.txt', 'b.txt'])
  assert.deepEqual(readdirSync(incoming).sort(), stays.sort())
  assert.ok(existsSync(outside))
})

test('any number of leftovers is swept in time, whatever lies among them', async (t) => {
  const directory = freshDirectory(t)
  const incoming = incomingPath(directory)
  mkdirSync(incoming, { mode: 0o700, recursive: true })
  for (let i = 0; i < 2500; i++) writeAged(join(incoming, `!foreign-${i}`), 90_000)
  for (let i = 0; i < 2500; i++) writeAged(join(incoming, partName(i)), 90_000)
  const isLeft = () => readdirSync(incoming).filter((name) => name.endsWith('.part')).length
  // A bounded number at a time, so that no request pays for all of them.
  for (let posts = 0; isLeft() > 0; posts++) {
    assert.ok(posts < 5, `${isLeft()} are left after ${posts} posts`)
    assert.equal((await post(directory, [file('a.txt')])).status, 201)
  }
  assert.equal(readdirSync(incoming).length, 2500)
})

function partName(number: number): string {
  return `.ht${number.toString(16).padStart(32, '0')}.part`
}

function keptName(number: number): string {
  return partName(number).replace('.part', '.kept')
}

/** A day, the default of partial_lifetime, has 86,400 seconds. */
function writeAged(path: string, seconds: number): void {
  writeFileSync(path, 'left')
  const time = Date.now() / 1000 - seconds
  utimesSync(path, time, time)
}

async function until(isSo: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 120_000; !isSo(); ) {
    if (Date.now() > deadline) throw new Error('it did not happen within two minutes')
    await new Promise((resolved) => setTimeout(resolved, 10))
  }
}
