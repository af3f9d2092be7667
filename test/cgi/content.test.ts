// A file whose content does not match its name, through the executable: whole, in pieces and by
// tus, cut anywhere. Nothing of it is left, and files that keep their promise are stored.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import { file, finished, incoming, post } from '../host/form.ts'
import { assertRefused, Uploads } from '../host/piece-upload.ts'
import { freshDirectory } from '../host/program.ts'
import { byItself } from '../host/tus.ts'
import { askToCreate, create, patch } from '../host/tus-requests.ts'

const page = Buffer.from(`<html>${'x'.repeat(3000)}`)

test('a picture that is a page is refused with all files of its request', async () => {
  const directory = freshDirectory({ after })
  const reply = await post(directory, [file('a.txt'), file('b.png', page)])
  assert.deepEqual([reply.status, reply.json().code], [415, 'CONTENT_REFUSED'])
  assert.match(reply.json().detail, /\(b\.png: HTML\)/)
  assert.deepEqual(finished(directory), [])
  assert.deepEqual(incoming(directory), [])
  assert.equal((await post(directory, [file('b.txt', page)])).status, 201)
  const off = { UPLOAD_CGI_CONTENT_CHECK: 'false' }
  assert.equal((await post(directory, [file('b.png', page)], off)).status, 201)
  assert.deepEqual(finished(directory), ['b.png', 'b.txt'])
})

test('in pieces it is refused with the piece that shows enough of it, or the last', async () => {
  for (const [size, first, whole] of [
    [3000, 5, 3000],
    [3000, 1444, 1445],
    [1000, 5, 1000],
  ] as const) {
    const uploads = new Uploads()
    const bytes = (from: number, to: number) => page.subarray(from, to)
    const name = 'holiday.jpg'
    const sent = await uploads.piece({ size, name, bytes: bytes(0, first) })
    assert.equal(sent.status, 202)
    const refused = await uploads.piece({ size, name, offset: first, bytes: bytes(first, whole) })
    assertRefused(refused, 415, 'CONTENT_REFUSED')
    assert.deepEqual([uploads.stored(), uploads.incoming()], [[], []])
  }
})

test('a picture whose pieces begin rightly is stored, whatever comes later', async () => {
  const uploads = new Uploads()
  const content = Buffer.concat([Buffer.from('\xff\xd8\xff\xe0', 'latin1'), page])
  for (const [from, to] of [
    [0, 2],
    [2, 4],
    [4, 3010],
  ] as const) {
    const bytes = content.subarray(from, to)
    await uploads.piece({ size: content.length, name: 'a.jpg', offset: from, bytes })
  }
  assert.deepEqual(uploads.stored(), ['a.jpg'])
})

test('by tus it is refused with the same code, and its upload is gone', async (t) => {
  const server = await byItself(t)
  const path = await create(server, { length: page.length, name: 'a.gif' })
  assert.equal((await patch(server, path, 0, page.subarray(0, 100))).status, 204)
  const refused = await patch(server, path, 100, page.subarray(100))
  assert.deepEqual([refused.status, JSON.parse(refused.text).code], [415, 'CONTENT_REFUSED'])
  assert.deepEqual([server.stored(), server.incoming()], [{}, []])
  assert.equal((await server.send({ method: 'HEAD', path })).status, 404)
  const short = await create(server, { length: 4, name: 'a.gif' })
  const last = await patch(server, short, 0, Buffer.from('MZ\x90\0', 'latin1'))
  assert.equal(JSON.parse(last.text).code, 'CONTENT_REFUSED')
  assert.deepEqual([server.stored(), server.incoming()], [{}, []])
  assert.equal((await askToCreate(server, { length: 0, name: 'empty.gif' })).status, 201)
})

test('what a real file of its kind begins with is stored', async () => {
  const directory = freshDirectory({ after })
  const starts = {
    'a.jpg': '\xff\xd8\xff\xe1\0\x18Exif\0\0MM\0*',
    'a.png': '\x89PNG\r\n\x1a\n',
    'a.pdf': '%PDF-1.7\n',
    'a.zip': 'PK\x03\x04',
    'a.mp4': '\0\0\0\x18ftypmp42',
    'a.mp3': 'ID3\x04',
    'a.amr': '#!AMR\n',
    'a.svg': '<?xml version="1.0"?>\n<!-- by hand -->\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    'a.docx': 'PK\x03\x04\x14\0\x06\0',
  }
  const rest = randomBytes(2000)
  const files = Object.entries(starts).map(([name, start]) =>
    file(name, Buffer.concat([Buffer.from(start, 'latin1'), rest])),
  )
  const reply = await post(directory, files)
  assert.equal(reply.status, 201, reply.text)
})
