// What the error log says of a mistake of ours, whichever bundle makes it: a stack of places in the
// source. The mistake is put into a copy of the executable: there, a sentence that a page needs has
// another name.

import assert from 'node:assert/strict'
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { runCgi } from '../host/cgi.ts'
import { request, startFastCgi } from '../host/fastcgi.ts'
import { directoryUntilExit, freshDirectory, type Owner, program, root } from '../host/program.ts'

const [home] = directoryUntilExit()
const mistaken = join(home, 'upload.cgi')

before(() => {
  const bytes = readFileSync(program)
  misname(bytes, ['form.label', 'result.arrived'])
  writeFileSync(mistaken, bytes, { mode: 0o755 })
  copyFileSync(`${program}.map`, `${mistaken}.map`)
})

test('a mistake in the bundle of the form is logged with places of the source', async (t) => {
  const { status, stderr } = await runCgi(cgi(t))
  assert.equal(status, 500)
  assertMapped(stderr, 'form.label', [...formPlaces, 'src/driver/cgi.ts', 'src/form.ts'])
})

test('a mistake in the bundle of uploads is, too, and nothing is stored', async (t) => {
  const options = cgi(t)
  const body = Buffer.from(formText)
  const { status, stderr } = await runCgi({ ...options, body, contentType: formType })
  assert.equal(status, 500)
  assertMapped(stderr, 'result.arrived', uploadPlaces)
  assert.deepEqual(visible(options.directory), [])
})

test('and so is one in a FastCGI process, which goes on', async (t) => {
  const directory = freshDirectory(t)
  const { socket } = await startFastCgi(t, { UPLOAD_CGI_DIRECTORY: directory }, mistaken)
  const get = { ...params, REQUEST_METHOD: 'GET', GATEWAY_INTERFACE: 'CGI/1.1' }
  const body = Buffer.from(formText)
  const length = { CONTENT_TYPE: formType, CONTENT_LENGTH: String(body.length) }
  const post = { ...get, ...length, REQUEST_METHOD: 'POST' }
  for (let round = 0; round < 2; round++) {
    const form = await request(socket, { params: get })
    assert.equal(form.status, 500)
    assertMapped(form.stderr, 'form.label', [...formPlaces, ...fastCgiPlaces])
    const stored = await request(socket, { params: post, body })
    assert.equal(stored.status, 500)
    assertMapped(stored.stderr, 'result.arrived', uploadPlaces)
    assert.deepEqual(visible(directory), [])
  }
})

const params = { HTTP_ACCEPT: 'text/html', HTTP_ACCEPT_LANGUAGE: 'de', SERVER_PROTOCOL: 'HTTP/1.1' }
const formPlaces = ['src/pages/page.ts', 'src/app/app.ts', 'src/app/form-route.ts']
const uploadPlaces = ['src/pages/receipt.ts', 'src/upload/form.ts', 'src/storage/commit.ts']
const fastCgiPlaces = ['src/driver/fastcgi.ts', 'src/driver/fastcgi-connection.ts']
const formType = 'multipart/form-data; boundary=b'
const formText =
  '--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nx\r\n--b--\r\n'

function cgi(t: Owner) {
  return { program: mistaken, env: params, directory: freshDirectory(t) }
}

function visible(directory: string): string[] {
  return readdirSync(directory).filter((name) => !name.startsWith('.'))
}

/** Gives these sentences of German another name each, of the same length. */
function misname(executable: Buffer, keys: readonly string[]): void {
  const german = readFileSync(join(root, 'build/assets/src/languages/de.json'))
  const at = executable.indexOf(german)
  assert.ok(at > 0, 'the executable has other sentences than this build')
  for (const key of keys) executable.write('x', at + german.indexOf(`"${key}"`) + 1)
}

/** The error is where the source throws it, these files called it, and no place is of a bundle. */
function assertMapped(stderr: string, key: string, files: readonly string[]): void {
  const thrower = 'src/languages/language.ts'
  const lines = readFileSync(join(root, thrower), 'utf8').split('\n')
  const line = 1 + lines.findIndex((text) => text.includes('throw new Error(`no sentence'))
  const start = `INTERNAL: Error: no sentence ${key} in de +at text \\(${thrower}:${line}:\\d+\\)`
  assert.match(stderr, new RegExp(start))
  for (const file of files) assert.match(stderr, new RegExp(` at .*\\b${file}:\\d+:\\d+`))
  assert.doesNotMatch(stderr, /\.cjs/)
}
