// A file system whose names are shorter than 255 bytes: a real encfs. A long name is shortened
// there, keeps its extension, and is numbered as everywhere.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contents, file, post, storedNames } from '../host/form.ts'
import { missing } from '../host/installed.ts'
import { cannotMount, mountEncfs } from '../host/mounts.ts'
import { content, Uploads } from '../host/piece-upload.ts'

const skip = cannotMount() || missing('encfs')
const env = { UPLOAD_CGI_MIN_FREE_SPACE: '0' }
const long = `${'日'.repeat(80)}.pdf`
const short = `${'日'.repeat(57)}.pdf`

test('a long name is shortened, and numbered', { skip }, async (t) => {
  const directory = mountEncfs(t)
  const first = await post(directory, [file(long, 'one')], env)
  const second = await post(directory, [file(long, 'two'), file(long, 'three')], env)
  const expected = [short, ...[2, 3].map((number) => `${'日'.repeat(56)}-${number}.pdf`)]
  assert.deepEqual([...storedNames(first), ...storedNames(second)], expected)
  assert.deepEqual(contents(directory), {
    [expected[0] ?? '']: 'one',
    [expected[1] ?? '']: 'two',
    [expected[2] ?? '']: 'three',
  })
})

test('a long name is refused or replaced as on_conflict says', { skip }, async (t) => {
  const directory = mountEncfs(t)
  const send = async (content: string, mode: string) =>
    (await post(directory, [file(long, content)], { ...env, UPLOAD_CGI_ON_CONFLICT: mode })).status
  assert.deepEqual(
    [await send('one', 'reject'), await send('two', 'reject'), await send('three', 'overwrite')],
    [201, 409, 201],
  )
  assert.deepEqual(contents(directory), { [short]: 'three' })
})

test('an upload in pieces is shortened, too', { skip }, async (t) => {
  const uploads = new Uploads(mountEncfs(t))
  const reply = await uploads.piece({ name: long, bytes: content, env })
  assert.deepEqual(storedNames(reply), [short])
  assert.deepEqual(uploads.stored(), [short])
})
