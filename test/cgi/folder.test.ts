// The owner's `folder`, and answers that the owner requires: in forms, in pieces and by tus.

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type CgiReply, runCgi } from '../host/cgi.ts'
import { assertFault, contents, type Env, file, post, storedNames, visible } from '../host/form.ts'
import type { BodyPart } from '../host/multipart-body.ts'
import { content, Uploads } from '../host/piece-upload.ts'
import { freshDirectory } from '../host/program.ts'

const asked = [{ name: 'project', label: 'Your project', required: true }]
const settings = {
  UPLOAD_CGI_FOLDER: 'in/{field:project}/{sender}',
  UPLOAD_CGI_EXTRA_FIELDS: JSON.stringify(asked),
  UPLOAD_CGI_PUBLIC_URL: 'https://x.example/up',
}
const field = (value: string): BodyPart => ({ name: 'project', content: value })
const named = (path: string): BodyPart => ({ name: '_filename', content: encodeURIComponent(path) })
const base64 = (text: string) => Buffer.from(text).toString('base64')

test('files go where the owner says, and the visitor is told the path below that', async (t) => {
  const directory = freshDirectory(t)
  const log = join(freshDirectory(t), 'log')
  const env = { ...settings, REMOTE_USER: 'ann', UPLOAD_CGI_LOG_FILE: log }
  const parts = [field('A/B'), named('day 1/a.txt'), file('file', 'A'), file('b.txt', 'B')]
  const reply = await post(directory, parts, env)
  assert.deepEqual(storedNames(reply), ['day 1/a.txt', 'b.txt'])
  const urls = reply.json().files.map(({ url }: { url: string }) => url)
  assert.deepEqual(urls, [
    'https://x.example/up/in/A_B/ann/day%201/a.txt',
    'https://x.example/up/in/A_B/ann/b.txt',
  ])
  assert.equal(readFileSync(join(directory, 'in/A_B/ann/day 1/a.txt'), 'utf8'), 'A')
  assert.equal(readFileSync(join(directory, 'in/A_B/ann/b.txt'), 'utf8'), 'B')
  const { files } = JSON.parse(readFileSync(log, 'utf8'))
  assert.deepEqual(
    files.map(({ stored }: { stored: string }) => stored),
    ['in/A_B/ann/day 1/a.txt', 'in/A_B/ann/b.txt'],
  )
  assert.doesNotMatch(JSON.stringify({ ...reply.json(), files: [] }), /A_B/)
})

test('an upload in pieces stays in the folder in which it began', async () => {
  const uploads = new Uploads()
  const piece = (offset: number, to: number, fields: Record<string, string>) => {
    const bytes = content.subarray(offset, to)
    return uploads.piece({ offset, bytes, env: settings, name: 'film/a.mp4', fields })
  }
  assertFault(await piece(0, 1000, {}), 'FIELD_REQUIRED')
  assert.equal((await piece(0, 1000, { project: 'one' })).status, 202)
  const last = await piece(1000, content.length, { project: 'two' })
  assert.deepEqual(storedNames(last), ['film/a.mp4'])
  const [{ url }] = last.json().files
  assert.equal(url, 'https://x.example/up/in/one/film/a.mp4')
  assert.ok(readFileSync(join(uploads.directory, 'in/one/film/a.mp4')).equals(content))
  const again = await uploads.look(uploads.id, settings)
  assert.equal(again.json().files[0].stored, 'film/a.mp4')
  assert.equal(again.json().files[0].url, url)
})

test('tus: metadata is the answer, and relativePath has the folders', async (t) => {
  const directory = freshDirectory(t)
  const send = (metadata: Record<string, string>): Promise<CgiReply> => {
    const pairs = Object.entries(metadata).map(([key, value]) => `${key} ${base64(value)}`)
    return runCgi({
      directory,
      method: 'POST',
      contentType: 'application/offset+octet-stream',
      body: Buffer.from('hello'),
      env: {
        PATH_INFO: '/tus',
        HTTP_ACCEPT: 'application/json',
        HTTP_TUS_RESUMABLE: '1.0.0',
        HTTP_UPLOAD_LENGTH: '5',
        HTTP_UPLOAD_METADATA: pairs.join(),
        ...settings,
      },
    })
  }
  const relativePath = 'a/b/c.txt'
  assertFault(await send({ relativePath }), 'FIELD_REQUIRED')
  assert.deepEqual(visible(directory), [])
  const reply = await send({ project: 'p', relativePath, filename: 'd.txt' })
  assert.equal(reply.status, 201, reply.text)
  const location = 'https://x.example/up/in/p/a/b/d.txt'
  assert.equal(reply.headers.get('content-location'), location)
  assert.equal(readFileSync(join(directory, 'in/p/a/b/d.txt'), 'utf8'), 'hello')
})

test('what is in the way of the folder refuses the upload, and refusals leave none', async (t) => {
  const [directory, other] = [freshDirectory(t), freshDirectory(t)]
  mkdirSync(join(directory, 'in'))
  symlinkSync(other, join(directory, 'in', 'link'))
  assertFault(await post(directory, [field('link'), file('a.txt')], settings), 'NAME_TAKEN')
  assert.deepEqual(visible(other), [])
  assertFault(await post(directory, [field('new'), file('a.php')], settings), 'EXTENSION_REFUSED')
  assert.equal(existsSync(join(directory, 'in', 'new')), false)
})

test('a browser must send what is required, before the file; a program need not', async (t) => {
  const directory = freshDirectory(t)
  const fields = [...asked, { name: 'ok', label: 'I agree', type: 'checkbox', required: true }]
  const asking = { UPLOAD_CGI_EXTRA_FIELDS: JSON.stringify(fields) }
  const own = { HTTP_HOST: 'x.example', HTTP_ORIGIN: 'http://x.example' }
  const send = (parts: readonly BodyPart[], env: Env) => {
    return post(directory, [...parts], { ...asking, ...env })
  }
  const [agreed, a] = [{ name: 'ok', content: 'yes' }, file('a.txt', 'A')]
  for (const browser of [own, { HTTP_SEC_FETCH_SITE: 'same-origin' }] as Env[]) {
    for (const parts of [[a], [field('p'), a], [field(' '), agreed, a], [a, field('p'), agreed]]) {
      assertFault(await send(parts, browser), 'FIELD_REQUIRED')
    }
  }
  const reply = await send([agreed, a], own)
  assert.match(reply.json().detail, /^Please fill in “Your project”\./)
  assert.deepEqual(contents(directory), {})
  assert.equal((await send([field('p'), agreed, a], own)).status, 201)
  assert.equal((await send([a], {})).status, 201)
  assert.deepEqual(contents(directory), { 'a.txt': 'A', 'a-2.txt': 'A' })
})
