// What a program of the trial server sends: bodies in both directions, header blocks of every
// shape, answers that come early, and what is no answer.

import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { test } from 'node:test'
import { eventually, launch, raw, script, send } from '../../../test/host/trial-server.ts'

test('a body of 5 MB arrives and returns equal, with its length or in chunks', async () => {
  const echo =
    'printf "Content-Type: a/b\\r\\nX: $CONTENT_LENGTH,$HTTP_TRANSFER_ENCODING\\r\\n\\r\\n"; cat'
  await using server = await launch(script('echo', echo))
  const body = Buffer.alloc(5_000_000, 'upload-')
  const whole = await send(server.url, 'POST', body, { 'Content-Length': body.length })
  assert.ok(whole.body.equals(body))
  assert.equal(whole.headers.x, '5000000,')
  const waiting = { 'Content-Length': body.length, Expect: '100-continue' }
  assert.ok((await send(server.url, 'POST', body, waiting)).body.equals(body))
  const chunked = await send(server.url, 'POST', body, { 'Transfer-Encoding': 'chunked' })
  assert.ok(chunked.body.equals(body))
  assert.equal(chunked.headers.x, ',chunked')
})

test('a child that answers without reading is heard, whatever the connection', async () => {
  const refusal = 'printf "Status: 413 Too Large\\r\\nContent-Type: text/plain\\r\\n\\r\\nno"'
  await using server = await launch(script('early', refusal))
  const body = Buffer.alloc(20_000_000)
  const kept = await send(server.url, 'POST', body, { 'Content-Length': body.length })
  assert.deepEqual([kept.status, kept.text], [413, 'no'])
  for (const version of ['1.0', '1.1']) {
    const head = `POST / HTTP/${version}\r\nHost: a\r\nConnection: close\r\nContent-Length: `
    const message = Buffer.concat([Buffer.from(`${head}${body.length}\r\n\r\n`), body])
    const answer = await raw(server.port, message)
    assert.match(answer, /^HTTP\/1\.1 413 Too Large\r\n/)
    assert.match(answer, /no(\r\n0\r\n\r\n)?$/)
  }
})

test('header blocks end in LF or CRLF; Status is optional; fields keep order', async () => {
  const lf =
    'printf "Status: 299\\nSet-Cookie: a\\nSet-Cookie: b\\nContent-Length: 99\\n\\nx\\n\\ny"'
  await using server = await launch(script('lf', lf))
  const answer = await send(server.url)
  assert.deepEqual([answer.status, answer.text], [299, 'x\n\ny'])
  assert.deepEqual(answer.headers['set-cookie'], ['a', 'b'])
  await using moving = await launch(script('moved', 'printf "Location: /there\\r\\n\\r\\n"'))
  assert.equal((await send(moving.url)).status, 302)
})

test('every method is passed on, and a reply to HEAD has no body', async () => {
  const told = 'printf "A: $REQUEST_METHOD\\nContent-Length: 7\\n\\n1234567"'
  await using server = await launch(script('method', told))
  for (const method of ['OPTIONS', 'PUT', 'DELETE', 'PATCH', 'PROPFIND', 'HEAD']) {
    const answer = await send(server.url, method, Buffer.alloc(0), {})
    assert.deepEqual([answer.status, answer.headers.a], [200, method])
    assert.equal(answer.text, method === 'HEAD' ? '' : '1234567')
    if (method === 'HEAD') assert.equal(answer.headers['content-length'], '7')
  }
})

test('a child without a proper header block is a 502, and the terminal says why', async () => {
  const cases: [string, string, RegExp][] = [
    ['silent', ':', /without a complete header block/],
    ['dead', 'printf "A: b\\n"; kill -9 $$', /without a complete header block/],
    ['prose', 'printf "Hello\\n\\nyou"', /the header line "Hello"/],
    ['empty', 'printf "\\nbody"', /is empty/],
    ['status', 'printf "Status: fine\\n\\n"', /the header line "Status: fine"/],
    ['framing', 'printf "Transfer-Encoding: chunked\\n\\n"', /Transfer-Encoding/],
    ['long', 'head -c 66000 /dev/zero | tr "\\0" "a"; printf ": b\\n\\n"', /over 64 KiB/],
    ['missing', '', /cannot be started/],
  ]
  for (const [name, source, reason] of cases) {
    const program = script(name, source)
    if (name === 'missing') rmSync(program)
    await using server = await launch(program)
    const answer = await send(server.url, 'POST', Buffer.alloc(500_000), {})
    assert.equal(answer.status, 502, name)
    await eventually(() => reason.test(server.stderr()))
    assert.equal((await send(`${server.url}elsewhere`)).status, 404)
  }
})
