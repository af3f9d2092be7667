// Holds the parsing of the CGI environment to RFC 3875: each variable's cases, and the whole
// request. Parsing never throws, whatever a client made the server put there. It reads neither
// settings nor HTTP_PROXY.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Env, parseRequest } from './request.ts'

test('an empty environment is a request about which nothing is known', () => {
  assert.deepEqual(parseRequest({}), {
    env: {},
    method: '',
    contentType: '',
    contentEncoding: '',
    contentLength: 'absent',
    isChunked: false,
    format: 'text',
    acceptLanguage: '',
    remoteAddress: '',
    forwardedFor: '',
    remoteUser: '',
    pathInfo: '',
    isTus: false,
    uploadId: '',
    submissionId: '',
    invites: [],
    passphrase: undefined,
    cookies: '',
    query: '',
    origin: '',
    fetchSite: '',
    host: ':',
    isHttps: false,
  })
})

test('every variable has its place', () => {
  const env = {
    REQUEST_METHOD: 'POST',
    CONTENT_TYPE: 'multipart/form-data; boundary=a',
    HTTP_CONTENT_ENCODING: 'gzip',
    CONTENT_LENGTH: '12',
    HTTP_TRANSFER_ENCODING: 'gzip, Chunked ',
    HTTP_ACCEPT: 'text/html',
    HTTP_ACCEPT_LANGUAGE: 'de-AT, en;q=0.5',
    REMOTE_ADDR: '::1',
    HTTP_X_FORWARDED_FOR: '192.0.2.7',
    REMOTE_USER: 'ann',
    PATH_INFO: '/tus/',
    QUERY_STRING: 'a=b&upload=0f&submission=aa&invite=to-ken',
    HTTP_X_UPLOAD_INVITE: 'other',
    HTTP_X_UPLOAD_PASSPHRASE: 'open%20s%C3%A9same',
    HTTP_COOKIE: 'a=1; b=2',
    HTTP_ORIGIN: 'https://other.example',
    HTTP_SEC_FETCH_SITE: 'cross-site',
    HTTP_HOST: 'www.example.org',
    HTTPS: 'on',
    HTTP_PROXY: 'evil',
    HTTP_UPLOAD_CGI_DIRECTORY: '/evil',
  }
  assert.deepEqual(parseRequest(env), {
    env,
    method: 'POST',
    contentType: 'multipart/form-data; boundary=a',
    contentEncoding: 'gzip',
    contentLength: 12,
    isChunked: true,
    format: 'html',
    acceptLanguage: 'de-AT, en;q=0.5',
    remoteAddress: '::1',
    forwardedFor: '192.0.2.7',
    remoteUser: 'ann',
    pathInfo: '/tus/',
    isTus: true,
    uploadId: '0f',
    submissionId: 'aa',
    invites: ['to-ken', 'other'],
    passphrase: 'open sésame',
    cookies: 'a=1; b=2',
    query: 'a=b&upload=0f&submission=aa&invite=to-ken',
    origin: 'https://other.example',
    fetchSite: 'cross-site',
    host: 'www.example.org',
    isHttps: true,
  })
})

test('a length is plain decimal digits that a number can hold', () => {
  const lengths = [
    ['', 'absent'],
    ['0', 0],
    ['1073741824', 1073741824],
    ['9007199254740991', 9007199254740991],
    ...['9007199254740992', '99999999999999999', '-1', '+1', '01', '00', '1.0', '1e3', '0x10'].map(
      (text) => [text, 'malformed'] as const,
    ),
    ...[' 1', '1 ', '1\n', '1, 1', '١', 'NaN'].map((text) => [text, 'malformed'] as const),
  ] as const
  for (const [text, length] of lengths) {
    assert.equal(parseRequest({ CONTENT_LENGTH: text }).contentLength, length, `"${text}"`)
  }
})

test('a body is chunked when that is the last transfer coding', () => {
  const isChunked = (text: string) => parseRequest({ HTTP_TRANSFER_ENCODING: text }).isChunked
  for (const text of ['chunked', 'CHUNKED', 'gzip,chunked', 'gzip , \tchunked ']) {
    assert.equal(isChunked(text), true, text)
  }
  for (const text of ['', 'identity', 'chunked, gzip', 'xchunked', 'chunked;q=1']) {
    assert.equal(isChunked(text), false, text)
  }
})

test('the format is what Accept names with the highest weight, the first of equals', () => {
  const formats = [
    ['', 'text'],
    ['*/*', 'text'],
    ['text/*', 'text'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'html'],
    ['application/xhtml+xml', 'html'],
    ['application/json', 'json'],
    ['Application/Problem+JSON', 'json'],
    ['text/html;q=0.5, application/json;q=0.9', 'json'],
    ['application/json, text/html', 'json'],
    ['text/html ; charset=utf-8 ; q=0.2 , text/plain;q=0.1', 'html'],
    ['text/html;q=0', 'text'],
    ['text/html;q=x', 'text'],
    [`${'a/b,'.repeat(600)}text/html`, 'text'],
    [';;,,;q=1,=', 'text'],
  ]
  for (const [accept, format] of formats) {
    assert.equal(parseRequest({ HTTP_ACCEPT: accept }).format, format, accept)
  }
})

test('without Host the server gives its name; HTTPS or the scheme says whether it is TLS', () => {
  assert.equal(parseRequest({ SERVER_NAME: 'a.example', SERVER_PORT: '81' }).host, 'a.example:81')
  const isHttps = (env: Env) => parseRequest(env).isHttps
  assert.deepEqual([{ HTTPS: 'on' }, { HTTPS: '1' }, { REQUEST_SCHEME: 'https' }].map(isHttps), [
    true,
    true,
    true,
  ])
  assert.deepEqual([{}, { HTTPS: 'off' }, { HTTPS: '' }, { REQUEST_SCHEME: 'http' }].map(isHttps), [
    false,
    false,
    false,
    false,
  ])
})

test('no environment makes it throw, and a length is the digits themselves', () => {
  const names =
    'REQUEST_METHOD CONTENT_TYPE CONTENT_LENGTH HTTP_TRANSFER_ENCODING HTTP_ACCEPT HTTP_ORIGIN'
  const name = fc.constantFrom(
    ...names.split(' '),
    'HTTP_HOST',
    'SERVER_NAME',
    'HTTP_SEC_FETCH_SITE',
  )
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.bigInt({ min: -9n, max: 2n ** 70n }).map(String),
  )
  const property = fc.property(fc.dictionary(name, value), (env) => {
    const { contentLength } = parseRequest(env)
    if (typeof contentLength === 'number')
      assert.equal(String(contentLength), env['CONTENT_LENGTH'])
  })
  fc.assert(property, { numRuns: 3000 })
})
