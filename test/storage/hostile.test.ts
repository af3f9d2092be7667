// What somebody may have put in place of a file of an unfinished upload, or a crash may have left:
// the program answers with a clear code, never with an internal error, and never waits.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCgi } from '../host/cgi.ts'
import { contents, file, post } from '../host/form.ts'
import { assertRefused, content, Uploads } from '../host/piece-upload.ts'

const replacements: Readonly<Record<string, (path: string) => void>> = {
  'a FIFO': (path) => execFileSync('mkfifo', [path]),
  'a directory': (path) => mkdirSync(path),
  'a symlink': (path) => symlinkSync('/dev/zero', path),
  'an empty file': (path) => writeFileSync(path, ''),
}

for (const [what, put] of Object.entries(replacements)) {
  for (const kind of ['journal', 'data', 'claim-1', 'data.name']) {
    test(`${what} in place of ${kind} is answered`, async () => {
      const uploads = new Uploads()
      assert.equal((await uploads.piece({ bytes: content.subarray(0, 1000) })).status, 202)
      const path = uploads.inIncoming(kind)
      rmSync(path, { force: true })
      put(path)
      const piece = { offset: 1000, bytes: content.subarray(1000, 2000) }
      const replies = [
        await uploads.look(),
        await tus(uploads, 'HEAD'),
        await uploads.piece(piece),
        await uploads.piece({ bytes: content }),
        await tus(uploads, 'DELETE'),
      ]
      for (const reply of replies) {
        assert.ok(
          [200, 201, 202, 204, 400, 404, 409, 410, 423, 503].includes(reply.status),
          reply.text,
        )
        assert.doesNotMatch(reply.text + reply.stderr, /INTERNAL/)
      }
      assert.equal((await post(uploads.directory, [file('a.txt')])).status, 201)
    })
  }
}

const good = {
  format: 1,
  size: 9,
  name: 'a',
  place: 'a',
  folder: '',
  type: '',
  field: '',
  metadata: '',
  inode: 1,
  startedAt: 1,
  sender: '',
  isWhole: false,
}
const headers: readonly unknown[] = [
  { size: 5 },
  [],
  null,
  'text',
  7,
  { ...good, size: -1 },
  { ...good, size: 1e300 },
  { ...good, name: 5 },
  { ...good, place: 5 },
  { ...good, place: '../a' },
  { ...good, place: '/a' },
  { ...good, place: '.upload-cgi/a' },
  { ...good, name: { toString: 1 } },
  { ...good, type: null },
  { ...good, metadata: [] },
  { ...good, inode: 'x' },
  { ...good, startedAt: null },
  { ...good, format: 0 },
  { ...good, format: '1' },
]

test('a journal of any other shape is no upload, and can be begun anew', async () => {
  const uploads = new Uploads()
  for (const header of headers) {
    await uploads.piece({ bytes: content.subarray(0, 1000) })
    const journal = uploads.inIncoming('journal')
    writeFileSync(journal, `${JSON.stringify(header)}\n`)
    const told = JSON.stringify(header)
    assert.equal((await uploads.look()).status, 404, told)
    assert.equal((await tus(uploads, 'HEAD')).status, 404, told)
  }
  assert.equal((await uploads.send()).status, 201)
})

test('lines of another shape in a journal are ignored', async () => {
  const uploads = new Uploads()
  await uploads.piece({ bytes: content.subarray(0, 1000) })
  const lines = [[-1, 1], [1e9, 2], ['2', 2], [1.5, 2], [2], {}, null, { moving: 1 }, { stored: 5 }]
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('')
  writeFileSync(uploads.inIncoming('journal'), text, { flag: 'a' })
  assert.equal((await uploads.look()).json().offset, 1000)
  assert.equal((await uploads.send(100_000, 1000)).status, 201)
})

test('a journal of a newer version is refused and is not swept', async () => {
  const uploads = new Uploads()
  await uploads.piece({ bytes: content.subarray(0, 1000) })
  const journal = uploads.inIncoming('journal')
  const newer = readFileSync(journal, 'utf8').replace('"format":1', '"format":2')
  writeFileSync(journal, newer)
  const reply = await uploads.look()
  assertRefused(reply, 503, 'DIRECTORY_UNUSABLE')
  assert.match(reply.stderr, /written by a newer version/)
  for (const kind of ['journal', 'data']) utimesSync(uploads.inIncoming(kind), 1000, 1000)
  await post(uploads.directory, [file('a.txt')])
  assert.equal(readFileSync(journal, 'utf8'), newer)
  assert.ok(existsSync(uploads.inIncoming('data')))
})

test('a claim from the future, or one without those before it, is forgotten in time', async () => {
  const uploads = new Uploads()
  await uploads.piece({ bytes: content.subarray(0, 1000) })
  const later = Date.now() / 1000 + 86_400
  writeFileSync(uploads.inIncoming('claim-1'), '? ? 1\n')
  utimesSync(uploads.inIncoming('claim-1'), later, later)
  assert.equal(
    (await uploads.piece({ offset: 1000, bytes: content.subarray(1000, 2000) })).status,
    202,
  )
  const earlier = Date.now() / 1000 - 100
  writeFileSync(uploads.inIncoming('claim-2'), '? ? 1\n')
  utimesSync(uploads.inIncoming('claim-2'), earlier, earlier)
  assert.equal(
    (await uploads.piece({ offset: 2000, bytes: content.subarray(2000, 3000) })).status,
    202,
  )
  assert.deepEqual(uploads.kinds(), ['data', 'journal'])
  writeFileSync(uploads.inIncoming('claim-2'), '? ? 1\n')
  assertRefused(
    await uploads.piece({ offset: 3000, bytes: content.subarray(3000) }),
    423,
    'UPLOAD_BUSY',
  )
  assert.deepEqual(uploads.kinds(), ['claim-2', 'data', 'journal'])
})

test('a sweep leaves what a request may hold, however short partial_lifetime is', async () => {
  const uploads = new Uploads()
  const env = { UPLOAD_CGI_PARTIAL_LIFETIME: '60s' }
  const tenMinutesAgo = Date.now() / 1000 - 600
  assert.equal((await post(uploads.directory, [file('a.txt')], env)).status, 201)
  const part = join(uploads.directory, '.upload-cgi/incoming', `.ht${'a'.repeat(32)}.part`)
  writeFileSync(part, 'received a while ago')
  utimesSync(part, tenMinutesAgo, tenMinutesAgo)
  await post(uploads.directory, [file('b.txt')], env)
  assert.ok(existsSync(part))
  utimesSync(part, tenMinutesAgo - 7200, tenMinutesAgo - 7200)
  await post(uploads.directory, [file('c.txt')], env)
  assert.deepEqual(Object.keys(contents(uploads.directory)), ['a.txt', 'b.txt', 'c.txt'])
})

function tus({ directory, id }: Uploads, method: string) {
  const env = { HTTP_TUS_RESUMABLE: '1.0.0', PATH_INFO: `/tus/${id}` }
  return runCgi({ directory, method, env })
}
