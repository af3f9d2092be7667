// The one place that decides failure: what is no Fault becomes INTERNAL, and nothing is left behind.

import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { endOf, openExchange } from '../../test/host/core.ts'
import { contentType, multipartBody } from '../../test/host/multipart-body.ts'
import { loadSettings } from '../settings/load.ts'

test('a bug is a 500 that tells the visitor an id only, and what was received is removed', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'upload-cgi-test-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const settings = loadSettings({ UPLOAD_CGI_DIRECTORY: directory }, '/nonexistent/upload.cgi', '')
  const buggy = {
    ...settings,
    get maxFileBytes(): number {
      throw new TypeError('a secret of the inside')
    },
  }
  const body = multipartBody([{ name: 'file', filename: 'a.txt', content: 'content' }])
  const exchange = openExchange(
    {
      REQUEST_METHOD: 'POST',
      CONTENT_TYPE: contentType(),
      CONTENT_LENGTH: String(body.length),
      HTTP_ACCEPT: 'application/json',
    },
    buggy,
  )
  assert.equal(exchange.write(body), false)
  const reply = endOf(exchange)
  assert.equal(reply.status, 500)
  assert.equal(reply.json().code, 'INTERNAL')
  assert.doesNotMatch(reply.text, /secret/)
  assert.deepEqual(readdirSync(join(directory, '.incoming')), [])
})

test('a receipt that cannot be made takes back what was stored', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'upload-cgi-test-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const settings = loadSettings({ UPLOAD_CGI_DIRECTORY: directory }, '/nonexistent/upload.cgi', '')
  const buggy = {
    ...settings,
    get publicUrl(): string {
      assert.deepEqual(readdirSync(directory).sort(), ['.incoming', 'a.txt'])
      throw new TypeError('a secret of the inside')
    },
  }
  const body = multipartBody([{ name: 'file', filename: 'a.txt', content: 'content' }])
  const env = { REQUEST_METHOD: 'POST', CONTENT_TYPE: contentType(), HTTP_ACCEPT: 'text/html' }
  const exchange = openExchange({ ...env, CONTENT_LENGTH: String(body.length) }, buggy)
  assert.equal(exchange.write(body), true)
  assert.equal(endOf(exchange).status, 500)
  assert.deepEqual(readdirSync(directory), ['.incoming'])
  assert.deepEqual(readdirSync(join(directory, '.incoming')), [])
})
