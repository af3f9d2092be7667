// Which posts are taken for those of another site, by Sec-Fetch-Site, Origin, Host and scheme.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '../../fault.ts'
import { type Env, parseRequest } from '../../http/request.ts'
import { loadSettings } from '../../settings/load.ts'
import { requireKnownOrigin } from './origin.ts'

function refusal(env: Env, allowed = ''): Fault | undefined {
  const settings = loadSettings({ UPLOAD_CGI_ALLOWED_ORIGINS: allowed }, '/upload.cgi', '')
  try {
    requireKnownOrigin(parseRequest({ REQUEST_METHOD: 'POST', ...env }), settings)
    return undefined
  } catch (error) {
    assert.ok(error instanceof Fault && error.code === 'FOREIGN_ORIGIN')
    return error
  }
}

test('the word of the browser decides whether a page of another site sent it', () => {
  const isForeign = (HTTP_SEC_FETCH_SITE: string, HTTP_ORIGIN?: string) =>
    refusal({ HTTP_SEC_FETCH_SITE, HTTP_ORIGIN, HTTP_HOST: 'a.example' }) !== undefined
  assert.equal(isForeign('same-origin', 'https://rewritten.example'), false)
  assert.equal(isForeign('cross-site', 'https://a.example'), true)
  assert.equal(isForeign('cross-site'), true)
  assert.equal(isForeign('same-site'), true)
  assert.equal(isForeign('same-site', 'https://b.example'), true)
  assert.equal(isForeign('same-site', 'https://a.example'), false)
})

test('a browser that says `none` does not outweigh the Origin of another site', () => {
  const isForeign = (HTTP_ORIGIN?: string) =>
    refusal({ HTTP_SEC_FETCH_SITE: 'none', HTTP_ORIGIN, HTTP_HOST: 'a.example' }) !== undefined
  assert.equal(isForeign(), false)
  assert.equal(isForeign('https://a.example'), false)
  assert.equal(isForeign('https://b.example'), true)
  assert.equal(isForeign('null'), true)
})

test('without that word Origin is compared with Host, with ports and scheme', () => {
  const a = { HTTP_HOST: 'a.example' }
  const cases: readonly (readonly [env: Env, isForeign: boolean])[] = [
    [a, false],
    [{ ...a, HTTP_ORIGIN: 'http://a.example' }, false],
    [{ ...a, HTTP_ORIGIN: 'http://a.example:80' }, false],
    [{ ...a, HTTP_ORIGIN: 'http://a.example:443' }, true],
    [{ HTTP_HOST: 'A.example:443', HTTP_ORIGIN: 'https://a.Example' }, false],
    [{ HTTP_HOST: 'a.example:80', HTTP_ORIGIN: 'http://a.example' }, false],
    [{ HTTP_HOST: 'a.example:443', HTTP_ORIGIN: 'http://a.example' }, true],
    [{ HTTP_HOST: 'a.example:80', HTTP_ORIGIN: 'https://a.example' }, true],
    [{ HTTP_HOST: 'a.example:8080', HTTP_ORIGIN: 'http://a.example:8080' }, false],
    [{ HTTP_HOST: 'a.example:8080', HTTP_ORIGIN: 'http://a.example' }, true],
    [{ HTTP_HOST: '[::1]:8080', HTTP_ORIGIN: 'http://[::1]:8080' }, false],
    [{ ...a, HTTP_ORIGIN: 'https://a.example.evil' }, true],
    [{ ...a, HTTP_ORIGIN: 'https://sub.a.example' }, true],
    [{ SERVER_NAME: 'a.example', SERVER_PORT: '80', HTTP_ORIGIN: 'http://a.example' }, false],
    [{ SERVER_NAME: 'a.example', SERVER_PORT: '81', HTTP_ORIGIN: 'http://a.example' }, true],
    [{ HTTP_ORIGIN: 'http://a.example' }, true],
  ]
  for (const [env, isForeign] of cases) {
    assert.equal(refusal(env) !== undefined, isForeign, JSON.stringify(env))
  }
})

test('a server with TLS believes pages of https alone; others may be behind TLS', () => {
  const isForeign = (scheme: string, env: Env) =>
    refusal({ HTTP_HOST: 'a.example', HTTP_ORIGIN: `${scheme}://a.example`, ...env }) !== undefined
  for (const tls of [{ HTTPS: 'on' }, { REQUEST_SCHEME: 'https' }]) {
    assert.deepEqual([isForeign('https', tls), isForeign('http', tls)], [false, true])
  }
  for (const plain of [{}, { HTTPS: 'off' }, { REQUEST_SCHEME: 'http' }]) {
    assert.deepEqual([isForeign('https', plain), isForeign('http', plain)], [false, false])
  }
})

test('an Origin that is no origin is foreign', () => {
  for (const origin of [
    'null',
    'a.example',
    '//a.example',
    'ftp://a.example',
    'http://a.example/',
    'http://me@a.example',
    'http:a.example',
    'http://a.example http://a.example',
    ' ',
  ]) {
    assert.notEqual(refusal({ HTTP_HOST: 'a.example', HTTP_ORIGIN: origin }), undefined, origin)
  }
})

test('reading is always allowed, and so are the sites that the owner allows', () => {
  const foreign = { HTTP_HOST: 'a.example', HTTP_ORIGIN: 'https://b.example' }
  for (const REQUEST_METHOD of ['GET', 'HEAD']) {
    assert.equal(refusal({ ...foreign, REQUEST_METHOD }), undefined)
  }
  const allowed = 'https://b.example,https://c.example'
  assert.equal(refusal({ ...foreign, HTTP_SEC_FETCH_SITE: 'cross-site' }, allowed), undefined)
  assert.notEqual(refusal({ ...foreign, HTTP_ORIGIN: 'http://b.example' }, allowed), undefined)
  assert.notEqual(refusal({ ...foreign, HTTP_ORIGIN: 'null' }, allowed), undefined)
})

test('the detail names both sites, and the owner is told what to set', () => {
  const proxied = refusal({ HTTP_HOST: '127.0.0.1:81', HTTP_ORIGIN: 'http://up.example' })
  assert.equal(proxied?.detail, 'page of http://up.example, request for 127.0.0.1:81')
  assert.match(
    String(proxied?.cause),
    /ProxyPreserveHost On; .*Host \$http_host.*allowed_origins = \["http:\/\/up\.example"\]$/,
  )
  const known = { HTTP_SEC_FETCH_SITE: 'cross-site', HTTP_HOST: 'a.example', HTTPS: 'on' }
  const other = refusal({ ...known, HTTP_ORIGIN: 'https://b.example' })
  assert.equal(other?.detail, 'page of https://b.example, request for https://a.example')
  assert.match(
    String(other?.cause),
    /a\.example: if its pages may post here, set allowed_origins = \["https:\/\/b\.example"\]$/,
  )
  const hidden = refusal({ HTTP_HOST: 'a.example', HTTP_ORIGIN: 'null' })
  assert.equal(hidden?.detail, 'page of null, request for a.example')
  assert.match(String(hidden?.cause), /no-referrer/)
  const silent = refusal(known)
  assert.equal(silent?.detail, 'page of another site, request for https://a.example')
  const long = refusal({ HTTP_HOST: 'é\n'.repeat(500), HTTP_ORIGIN: `http://${'x'.repeat(9000)}` })
  assert.ok((long?.detail.length ?? 0) < 500 && /^[ -~]*$/.test(long?.detail ?? ''))
})
