// What a program of the trial server gets: its variables, its arguments, and for which addresses it
// is started at all.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { launch, place, raw, script, send, variables } from '../../../test/host/trial-server.ts'

test('the environment is complete, with nothing of ours but PATH and UPLOAD_CGI_*', async () => {
  await using server = await launch(script('env', 'printf "Content-Type: text/plain\\n\\n"; env'))
  const head = [
    `POST /upload.cgi/a%20b/%C3%A9?x=1&y=%20 HTTP/1.1\r\nHost: example.test:${server.port}`,
    'Content-Type: text/plain\r\nContent-Length: 3\r\nConnection: close',
    'Accept: text/html\r\naccept: text/plain\r\nCookie: a=1\r\nCookie: b=2',
    'Proxy: http://evil.test/\r\nAuthorization: Basic c2VjcmV0\r\nX_Under: 1\r\nX.Dot: 1',
    'X-Name: \xc3\xa9t\xc3\xa9',
  ]
  const answer = await raw(server.port, Buffer.from(`${head.join('\r\n')}\r\n\r\nabc`, 'latin1'))
  const environment = variables(answer)
  assert.match(environment.get('REMOTE_PORT') ?? '', /^\d+$/)
  for (const name of ['REMOTE_PORT', 'PWD', 'SHLVL', '_', 'OLDPWD']) environment.delete(name)
  assert.deepEqual(Object.fromEntries([...environment].sort()), {
    CONTENT_LENGTH: '3',
    CONTENT_TYPE: 'text/plain',
    GATEWAY_INTERFACE: 'CGI/1.1',
    HTTP_ACCEPT: 'text/html, text/plain',
    HTTP_CONNECTION: 'close',
    HTTP_COOKIE: 'a=1; b=2',
    HTTP_HOST: `example.test:${server.port}`,
    HTTP_X_NAME: 'été',
    PATH: process.env.PATH,
    PATH_INFO: '/a b/é',
    PATH_TRANSLATED: `${place}/a b/é`,
    QUERY_STRING: 'x=1&y=%20',
    REMOTE_ADDR: '127.0.0.1',
    REMOTE_HOST: '127.0.0.1',
    REQUEST_METHOD: 'POST',
    REQUEST_URI: '/upload.cgi/a%20b/%C3%A9?x=1&y=%20',
    SCRIPT_FILENAME: join(place, 'env'),
    SCRIPT_NAME: '/upload.cgi',
    SERVER_NAME: 'example.test',
    SERVER_PORT: String(server.port),
    SERVER_PROTOCOL: 'HTTP/1.1',
    SERVER_SOFTWARE: 'upload.cgi-serve',
    UPLOAD_CGI_DIRECTORY: '/srv/uploads',
  })
  const root = variables((await send(server.url)).text)
  assert.deepEqual([root.get('SCRIPT_NAME'), root.get('PATH_INFO')], ['/', ''])
  assert.deepEqual([root.has('PATH_TRANSLATED'), root.has('CONTENT_LENGTH')], [false, false])
  const climbing = variables((await send(`${server.url}upload.cgi/..%2f..%2fetc`)).text)
  assert.equal(climbing.get('PATH_TRANSLATED'), `${place}/etc`)
})

test('words of the query never become arguments', async () => {
  await using server = await launch(script('args', 'printf "A: b\\n\\n%s" "$#"'))
  for (const query of ['?--help', '?a+b', '?-e+1']) {
    assert.equal((await send(`${server.url}upload.cgi${query}`)).text, '0')
  }
})

test('other addresses are 404, malformed ones 400, and neither starts the program', async () => {
  const program = script('never', 'touch "$0.ran"; printf "A: b\\n\\n"')
  await using server = await launch(program)
  for (const path of ['x', 'upload.cgix', 'upload', '.htupload.toml', '..%2fupload.cgi']) {
    assert.equal((await send(server.url + path)).status, 404, path)
  }
  for (const path of ['upload.cgi/%', 'upload.cgi/%00', 'upload.cgi/%ff', '%zz']) {
    assert.equal((await send(server.url + path)).status, 400, path)
  }
  assert.equal(existsSync(`${program}.ran`), false)
})
