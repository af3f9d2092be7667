// `files = "optional"`: answers without a file, and the field by which bots give themselves away.

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertFault, contents, file, post, visible } from '../host/form.ts'
import { freshDirectory } from '../host/program.ts'

const optional = { UPLOAD_CGI_FILES: 'optional' }
const text = (name: string, content: string) => ({ name, content })
const said = text('text', 'Please call me.')
/** As browsers send a file input that is left empty. */
const noFile = { name: 'file', filename: '', content: '' }

test('answers alone are accepted where files are optional, and only there', async (t) => {
  const directory = freshDirectory(t)
  const log = join(freshDirectory(t), 'log')
  const env = { ...optional, UPLOAD_CGI_LOG_FILE: log }
  for (const parts of [[said], [said, noFile], [noFile, said, text('_website', '')]]) {
    assertFault(await post(directory, parts), 'NOTHING_UPLOADED')
    const reply = await post(directory, parts, env)
    assert.equal(reply.status, 201, reply.text)
    assert.deepEqual(reply.json().files, [])
    assert.deepEqual(reply.json().fields, [{ name: 'text', value: 'Please call me.' }])
  }
  const lines = readFileSync(log, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.equal(lines.length, 3)
  for (const { fields, status } of lines) {
    assert.deepEqual([status, fields], [201, [['text', 'Please call me.']]])
  }
  assert.deepEqual(contents(directory), {})
  const page = await post(directory, [said], { ...optional, HTTP_ACCEPT: 'text/html' })
  assert.equal(page.status, 201)
  assert.match(page.text, /Please call me\./)
})

test('a form that says nothing is refused, also where files are optional', async (t) => {
  const directory = freshDirectory(t)
  for (const parts of [[], [noFile], [text('text', ' '), noFile], [text('_other', 'x')]]) {
    assertFault(await post(directory, parts, optional), 'NOTHING_UPLOADED')
  }
})

test('what a bot fills in is answered as usual and dropped; files never are', async (t) => {
  const directory = freshDirectory(t)
  const log = join(freshDirectory(t), 'log')
  const env = { ...optional, UPLOAD_CGI_LOG_FILE: log }
  const trap = text('_website', 'https://spam.example')
  const reply = await post(directory, [said, trap, noFile], env)
  assert.equal(reply.status, 201)
  assert.deepEqual(Object.keys(reply.json()), ['id', 'receipt', 'time', 'files', 'fields'])
  assert.doesNotMatch(reply.text, /spam/)
  const { note, fields } = JSON.parse(readFileSync(log, 'utf8'))
  assert.match(note, /^dropped: /)
  assert.equal(fields, undefined)
  assert.deepEqual(visible(directory), [])
  assert.equal(existsSync(join(directory, '.upload-cgi')), false)
  assert.equal((await post(directory, [said, trap, file('a.txt', 'A')], env)).status, 201)
  assert.deepEqual(contents(directory), { 'a.txt': 'A' })
})
