// app.ts, the one place that decides failure, run in this process: an error that is no Fault
// becomes INTERNAL, no received file stays, and the log says once what happened.

import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { endOf, openExchange } from '../../test/host/core.ts'
import { type BodyPart, contentType, multipartBody } from '../../test/host/multipart-body.ts'
import type { Env } from '../http/request.ts'
import { loadSettings } from '../settings/load.ts'
import type { LoadedSettings } from '../settings/settings.ts'
import { Incoming } from '../storage/incoming.ts'
import type { Exchange } from './exchange.ts'

const upload = '0123456789abcdef0123456789abcdef'
const file: BodyPart = { name: 'file', filename: 'a.txt', content: 'content' }

type Scene = { readonly directory: string; readonly settings: LoadedSettings }

function scene(t: TestContext, env: Env = {}): Scene {
  const home = mkdtempSync(join(tmpdir(), 'upload-cgi-test-'))
  t.after(() => rmSync(home, { recursive: true }))
  const directory = mkdtempSync(join(home, 'uploads-'))
  const given = { UPLOAD_CGI_DIRECTORY: directory, UPLOAD_CGI_LOG_FILE: join(home, 'log'), ...env }
  return { directory, settings: loadSettings(given, '/nonexistent/upload.cgi', '') }
}

function postOf(parts: readonly BodyPart[], settings: LoadedSettings, accept = 'application/json') {
  const body = multipartBody(parts)
  const env = { REQUEST_METHOD: 'POST', CONTENT_TYPE: contentType(), HTTP_ACCEPT: accept }
  return { body, exchange: openExchange({ ...env, CONTENT_LENGTH: `${body.length}` }, settings) }
}

function answerOf(parts: readonly BodyPart[], settings: LoadedSettings) {
  const { body, exchange } = postOf(parts, settings)
  exchange.write(body)
  return endOf(exchange)
}

function piece(offset: number, content: string, size: number): BodyPart[] {
  return [
    { name: '_upload', content: upload },
    { name: '_offset', content: String(offset) },
    { name: '_size', content: String(size) },
    { ...file, content },
  ]
}

function tus(env: Env, settings: LoadedSettings): Exchange {
  return openExchange({ HTTP_TUS_RESUMABLE: '1.0.0', PATH_INFO: '/tus', ...env }, settings)
}

function logOf({ logFile }: LoadedSettings) {
  const lines = readFileSync(logFile, 'utf8').trim().split('\n')
  return lines.map((line) => JSON.parse(line))
}

const dataOf = (directory: string) => {
  const incoming = new Incoming(directory)
  return readFileSync(incoming.file(incoming.find(upload) ?? '', 'data'), 'utf8')
}
const incomingOf = (directory: string) => readdirSync(join(directory, '.upload-cgi', 'incoming'))

test('a bug is a 500 that tells the visitor an id only, and what was received is removed', (t) => {
  const { directory, settings } = scene(t)
  const buggy = {
    ...settings,
    get maxFileBytes(): number {
      throw new TypeError('a secret of the inside')
    },
  }
  const { body, exchange } = postOf([file], buggy)
  assert.equal(exchange.write(body), false)
  const reply = endOf(exchange)
  assert.equal(reply.status, 500)
  assert.equal(reply.json().code, 'INTERNAL')
  assert.doesNotMatch(reply.text, /secret/)
  assert.deepEqual(incomingOf(directory), [])
})

test('a reply that cannot be made takes back what was stored', (t) => {
  const { directory, settings } = scene(t)
  const buggy = {
    ...settings,
    get publicUrl(): string {
      assert.deepEqual(readdirSync(directory).sort(), ['.upload-cgi', 'a.txt'])
      throw new TypeError('a secret of the inside')
    },
  }
  const { body, exchange } = postOf([file], buggy, 'text/html')
  assert.equal(exchange.write(body), true)
  assert.equal(endOf(exchange).status, 500)
  assert.deepEqual(readdirSync(directory), ['.upload-cgi'])
  assert.deepEqual(incomingOf(directory), [])
})

test('a reply whose headers cannot be encoded takes back what was stored', (t) => {
  const { directory, settings } = scene(t)
  let asked = 0
  const buggy = {
    ...settings,
    get allowedOrigins(): readonly string[] {
      // First the guard reads them, then the code that encodes the reply.
      if (++asked === 2) throw new TypeError('a secret of the inside')
      return []
    },
  }
  const body = multipartBody([file])
  const env = { REQUEST_METHOD: 'POST', CONTENT_TYPE: contentType(), HTTP_ORIGIN: 'http://b' }
  const length = { CONTENT_LENGTH: `${body.length}`, HTTP_HOST: 'a', HTTP_ACCEPT: 'text/plain' }
  const exchange = openExchange({ ...env, ...length, HTTP_SEC_FETCH_SITE: 'same-origin' }, buggy)
  exchange.write(body)
  const reply = endOf(exchange)
  assert.deepEqual([reply.status, asked >= 2], [500, true])
  assert.deepEqual(readdirSync(directory), ['.upload-cgi'])
})

test('abort removes what was received of a form', (t) => {
  const { directory, settings } = scene(t)
  const { body, exchange } = postOf([file], settings)
  exchange.write(body.subarray(0, body.length - 20))
  assert.equal(incomingOf(directory).length, 1)
  exchange.abort()
  assert.deepEqual([readdirSync(directory), incomingOf(directory)], [['.upload-cgi'], []])
})

test('abort removes a new upload in pieces, and of one that was there only the new piece', (t) => {
  const { directory, settings } = scene(t)
  const first = postOf(piece(0, 'abc', 6), settings)
  first.exchange.write(first.body.subarray(0, -20))
  assert.ok(incomingOf(directory).length > 0)
  first.exchange.abort()
  assert.deepEqual(incomingOf(directory), [])
  assert.equal(answerOf(piece(0, 'abc', 6), settings).status, 202)
  const second = postOf(piece(3, 'def', 6), settings)
  second.exchange.write(second.body.subarray(0, -20))
  second.exchange.abort()
  assert.equal(dataOf(directory), 'abc')
  assert.equal(answerOf(piece(3, 'def', 6), settings).status, 201)
  assert.equal(readFileSync(join(directory, 'a.txt'), 'utf8'), 'abcdef')
})

test('abort keeps what a PATCH brought, and removes a creation of which nobody heard', (t) => {
  const { directory, settings } = scene(t)
  const type = { CONTENT_TYPE: 'application/offset+octet-stream' }
  const creation = { REQUEST_METHOD: 'POST', HTTP_UPLOAD_LENGTH: '6', ...type }
  const unheard = tus({ ...creation, CONTENT_LENGTH: '3' }, settings)
  unheard.write(Buffer.from('abc'))
  unheard.abort()
  assert.deepEqual(incomingOf(directory), [])
  const made = endOf(tus({ ...creation, CONTENT_LENGTH: '0' }, settings))
  const path = { PATH_INFO: `/${made.headers.get('location')}`, HTTP_UPLOAD_OFFSET: '0', ...type }
  const patch = tus({ REQUEST_METHOD: 'PATCH', CONTENT_LENGTH: '6', ...path }, settings)
  patch.write(Buffer.from('abc'))
  patch.abort()
  const head = endOf(tus({ REQUEST_METHOD: 'HEAD', ...path }, settings))
  assert.equal(head.headers.get('upload-offset'), '3')
})

test('a file whose last reply was lost is logged as stored once, under its own id', (t) => {
  const { settings } = scene(t)
  answerOf(piece(0, 'abc', 6), settings)
  const replies = [1, 2].map(() => answerOf(piece(3, 'def', 6), settings))
  assert.deepEqual(
    replies.map(({ status }) => status),
    [201, 201],
  )
  const env = { REQUEST_METHOD: 'GET', QUERY_STRING: `upload=${upload}` }
  const status = endOf(openExchange(env, settings))
  const ids = [...replies, status].map((reply) => reply.json().id)
  assert.equal(new Set(ids).size, 1)
  const lines = logOf(settings).slice(1)
  assert.deepEqual(
    lines.map(({ id, status, files }) => [id, status, files?.length]),
    [
      [ids[0], 201, 1],
      [ids[0], 201, undefined],
      [ids[0], 200, undefined],
    ],
  )
})

test('a tus file whose last reply was lost is logged as stored once', (t) => {
  const { settings } = scene(t)
  const type = { CONTENT_TYPE: 'application/offset+octet-stream' }
  const made = endOf(tus({ REQUEST_METHOD: 'POST', HTTP_UPLOAD_LENGTH: '3' }, settings))
  const path = { PATH_INFO: `/${made.headers.get('location')}`, ...type }
  const patch = { REQUEST_METHOD: 'PATCH', HTTP_UPLOAD_OFFSET: '0', CONTENT_LENGTH: '3', ...path }
  const exchange = tus(patch, settings)
  exchange.write(Buffer.from('abc'))
  assert.equal(endOf(exchange).status, 204)
  endOf(tus({ ...patch, HTTP_UPLOAD_OFFSET: '3', CONTENT_LENGTH: '0' }, settings))
  endOf(tus({ REQUEST_METHOD: 'HEAD', ...path }, settings))
  assert.deepEqual(
    logOf(settings).map(({ method, status, files }) => [method, status, files?.length]),
    [
      ['POST', 201, undefined],
      ['PATCH', 204, 1],
      ['PATCH', 204, undefined],
      ['HEAD', 200, undefined],
    ],
  )
})

test('the sentence of a refused method names the methods that Allow names', (t) => {
  const { settings } = scene(t)
  const cases: Env[] = [
    {},
    { PATH_INFO: '/tus', HTTP_TUS_RESUMABLE: '1.0.0' },
    { PATH_INFO: `/tus/${upload}`, HTTP_TUS_RESUMABLE: '1.0.0' },
  ]
  for (const env of cases) {
    const isUpload = env['PATH_INFO']?.endsWith(upload) ?? false
    const method = isUpload ? 'POST' : 'PUT'
    for (const HTTP_ACCEPT of ['text/html', 'application/json', 'text/plain']) {
      const request = { ...env, REQUEST_METHOD: method, HTTP_ACCEPT, HTTP_ACCEPT_LANGUAGE: 'de' }
      const reply = endOf(openExchange(request, settings))
      const allow = reply.headers.get('allow') ?? ''
      assert.equal(reply.status, 405)
      assert.doesNotMatch(allow, new RegExp(`\\b${method}\\b`))
      assert.ok(reply.text.includes(` ${allow}`), reply.text.slice(-600))
    }
  }
})

test('each request has its own budget of complaints', (t) => {
  const { settings } = scene(t, { UPLOAD_CGI_STYLESHEET: `/nonexistent/${'x'.repeat(9000)}` })
  for (let turn = 0; turn < 3; turn++) {
    const complaints: string[] = []
    endOf(openExchange({ REQUEST_METHOD: 'GET', HTTP_ACCEPT: 'text/html' }, settings, complaints))
    assert.equal(complaints.length, 1, `request ${turn}`)
    assert.ok((complaints[0]?.length ?? 0) <= 2000)
  }
})

test('a reply has a body by the method that the server knows, not by its override', (t) => {
  const { settings } = scene(t)
  const unknown = { PATH_INFO: `/tus/${upload}` }
  const posted = { REQUEST_METHOD: 'POST', HTTP_X_HTTP_METHOD_OVERRIDE: 'HEAD' }
  const asked = { REQUEST_METHOD: 'HEAD', HTTP_X_HTTP_METHOD_OVERRIDE: 'DELETE' }
  for (const [env, hasBody] of [[posted, true] as const, [asked, false] as const]) {
    const reply = endOf(tus({ ...unknown, ...env }, settings))
    const length = Number(reply.headers.get('content-length'))
    assert.equal(reply.status, 404)
    assert.ok(length > 0)
    assert.equal(reply.body.length, hasBody ? length : 0)
  }
})
