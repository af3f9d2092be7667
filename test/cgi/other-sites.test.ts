// Pages of other sites: what a refused one, the owner and an allowed one are told, and what the
// form tells browsers about itself.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { runCgi } from '../host/cgi.ts'
import { file, finished, post } from '../host/form.ts'
import { freshDirectory } from '../host/program.ts'

const friend = 'https://friend.example'
const allowed = { UPLOAD_CGI_ALLOWED_ORIGINS: friend, HTTP_HOST: 'www.example.org' }

test('a refused site is named with the host it asked, and the log says what to set', async () => {
  const directory = freshDirectory({ after })
  const proxied = { HTTP_HOST: '127.0.0.1:8080', HTTP_ORIGIN: 'http://www.example.org' }
  const reply = await post(directory, [file('a.txt')], proxied)
  assert.equal(reply.json().code, 'FOREIGN_ORIGIN')
  const both = 'page of http://www.example.org, request for 127.0.0.1:8080'
  assert.ok(reply.json().detail.includes(both), reply.text)
  assert.ok(reply.stderr.includes(both), reply.stderr)
  for (const remedy of [
    'ProxyPreserveHost On',
    'proxy_set_header Host $http_host',
    'allowed_origins = ["http://www.example.org"]',
  ]) {
    assert.ok(reply.stderr.includes(remedy), reply.stderr)
  }
  const page = await post(directory, [file('a.txt')], { ...proxied, HTTP_ACCEPT: 'text/html' })
  assert.ok(page.text.includes(both), page.text)
  assert.deepEqual(finished(directory), [])
})

test('neither the word `none` nor an Origin without a scheme passes for the own site', async () => {
  const directory = freshDirectory({ after })
  for (const env of [
    { HTTP_SEC_FETCH_SITE: 'none', HTTP_ORIGIN: 'https://evil.example' },
    { HTTP_ORIGIN: 'www.example.org' },
    { HTTP_ORIGIN: 'http://www.example.org:443' },
    { HTTP_ORIGIN: 'http://www.example.org', HTTPS: 'on' },
  ]) {
    const reply = await post(directory, [file('a.txt')], { HTTP_HOST: 'www.example.org', ...env })
    assert.equal(reply.json().code, 'FOREIGN_ORIGIN', JSON.stringify(env))
  }
  assert.deepEqual(finished(directory), [])
})

test('an allowed site may send what the usual libraries send, with credentials', async () => {
  const directory = freshDirectory({ after })
  for (const PATH_INFO of ['', '/tus']) {
    const { status, headers } = await runCgi({
      directory,
      method: 'OPTIONS',
      env: { ...allowed, PATH_INFO, HTTP_ORIGIN: friend },
    })
    assert.equal(status, 204)
    assert.equal(headers.get('access-control-allow-origin'), friend)
    assert.equal(headers.get('access-control-allow-credentials'), 'true')
    assert.ok(Number(headers.get('access-control-max-age')) >= 600)
    assert.match(headers.get('vary') ?? '', /\bOrigin\b/)
    const may = headers.get('access-control-allow-headers')?.toLowerCase().split(', ') ?? []
    for (const name of [
      'accept',
      'authorization',
      'cache-control',
      'content-type',
      'x-requested-with',
    ]) {
      assert.ok(may.includes(name), `${PATH_INFO} ${name}`)
    }
  }
})

test('what a page sent is stored if it hears of no error, and not if it does', async () => {
  const directory = freshDirectory({ after })
  const env = { ...allowed, HTTP_SEC_FETCH_SITE: 'cross-site' }
  const stored = await post(directory, [file('a.txt')], { ...env, HTTP_ORIGIN: friend })
  assert.equal(stored.status, 201)
  assert.equal(stored.headers.get('access-control-allow-origin'), friend)
  assert.equal(stored.headers.get('access-control-allow-credentials'), 'true')
  const refused = await post(directory, [file('b.php')], { ...env, HTTP_ORIGIN: friend })
  assert.equal(refused.json().code, 'EXTENSION_REFUSED')
  assert.equal(refused.headers.get('access-control-allow-credentials'), 'true')
  for (const origin of [
    'https://evil.example',
    `${friend}.evil`,
    'http://friend.example',
    'null',
  ]) {
    const foreign = await post(directory, [file('c.txt')], { ...env, HTTP_ORIGIN: origin })
    assert.equal(foreign.status, 403)
    assert.equal(foreign.headers.get('access-control-allow-origin'), undefined)
    assert.equal(foreign.headers.get('access-control-allow-credentials'), undefined)
  }
  assert.deepEqual(finished(directory), ['a.txt'])
})

test('pages tell other sites only their host, and search engines to leave them', async () => {
  const directory = freshDirectory({ after })
  const page = await runCgi({ directory, env: { HTTP_ACCEPT: 'text/html' } })
  assert.equal(page.headers.get('referrer-policy'), 'strict-origin')
  assert.ok(page.text.includes('<meta name="referrer" content="strict-origin">'))
  assert.equal(page.headers.get('x-robots-tag'), 'noindex')
  assert.ok(page.text.includes('<meta name="robots" content="noindex">'))
  const error = await post(directory, [], { HTTP_ACCEPT: 'text/html' })
  assert.ok(error.text.includes('<meta name="robots" content="noindex">'), error.text)
})
