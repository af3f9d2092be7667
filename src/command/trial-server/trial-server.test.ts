// Holds serve.ts to its promises, with small shell scripts as the CGI programs: the environment,
// both bodies, children that answer early, late, wrongly or never, clients that go away. The server
// runs in a process of its own, so that its output and its memory can be looked at.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

const place = mkdtempSync(join(tmpdir(), 'serve-test-'))
after(() => rmSync(place, { recursive: true, force: true }))

test('the environment is complete and holds nothing of ours but PATH and UPLOAD_CGI_*', async () => {
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

test('a child whose client goes away is killed, one that ignores SIGTERM 3 s later', async () => {
  const note = 'echo $$ > "$0.pid"; '
  const polite = script('polite', `${note}cat > /dev/null; :`)
  const stubborn = script('stubborn', `trap "" TERM; ${note}cat > /dev/null; exec sleep 60`)
  for (const [program, atLeastMs] of [
    [polite, 0],
    [stubborn, 2500],
  ] as const) {
    await using server = await launch(program)
    const socket = connect(server.port, '127.0.0.1')
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nthe first bytes')
    const pid = await eventually(() => Number(readFileSync(`${program}.pid`, 'utf8')))
    const started = performance.now()
    socket.destroy()
    await eventually(() => !existsSync(`/proc/${pid}`))
    const tookMs = performance.now() - started
    assert.ok(tookMs >= atLeastMs && tookMs < atLeastMs + 2500, `${tookMs} ms`)
  }
})

test('a stream of 300 MB each way does not stay in memory', async () => {
  await using server = await launch(script('flow', 'printf "A: b\\n\\n"; exec cat'))
  await send(server.url, 'POST', Buffer.alloc(1_000_000), { 'Content-Length': 1_000_000 })
  const before = server.peakResidentBytes()
  const chunk = Buffer.alloc(1_000_000)
  const outgoing = request(server.url, { method: 'POST' })
  const sent = pipeline(Readable.from(Array(300).fill(chunk)), outgoing)
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  // While nobody reads the reply, everything must come to rest instead of piling up.
  await sleep(500)
  let received = 0
  for await (const bytes of incoming) received += bytes.length
  await sent
  assert.equal(received, 300_000_000)
  const grown = server.peakResidentBytes() - before
  assert.ok(grown < 80_000_000, `grown by ${grown} bytes`)
})

test('header blocks end in LF or CRLF; a Status is optional, fields keep order and number', async () => {
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

test('what the child writes to stderr appears on the stderr of the server', async () => {
  await using server = await launch(script('loud', 'echo a warning >&2; printf "A: b\\n\\n"'))
  await send(server.url)
  await eventually(() => server.stderr() === 'a warning\n')
})

test('a taken port is passed over; the address, the directory and the notes are told', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  const ask = { port, notes: ['A note.'] }
  await using server = await launch(script('port', 'printf "A: b\\n\\nhere"'), ask)
  assert.ok(server.port > port && server.port < port + 100)
  assert.equal((await send(server.url)).text, 'here')
  assert.match(server.stdout(), /\/srv\/uploads\n.*Ctrl-C\n/)
  assert.match(server.stdout(), new RegExp(`Port ${port} is taken`))
  assert.match(server.stdout(), /^A note\.\n.*not for production\.\n/m)
  taken.close()
})

test('close() ends connections and children', async () => {
  const program = script('waits', 'echo $$ > "$0.pid"; exec cat')
  await using server = await launch(program)
  const socket = connect(server.port, '127.0.0.1').on('error', () => undefined)
  socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n')
  const pid = await eventually(() => Number(readFileSync(`${program}.pid`, 'utf8')))
  await server[Symbol.asyncDispose]()
  assert.equal(existsSync(`/proc/${pid}`), false)
  socket.destroy()
})

async function launch(program: string, ask = {}) {
  const env = { PATH: process.env.PATH, UPLOAD_CGI_DIRECTORY: '/srv/uploads', SECRET: 'x' }
  const usual = { port: 0, host: '127.0.0.1', program, env, directory: '/srv/uploads', notes: [] }
  const source = `import { serve } from ${JSON.stringify(join(import.meta.dirname, 'serve.ts'))}
    const running = await serve(${JSON.stringify({ ...usual, ...ask })})
    process.stdin.on('end', () => running.close()).resume()`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source])
  const [stdout, stderr]: [string[], string[]] = [[], []]
  child.stdout.on('data', (text) => stdout.push(String(text)))
  child.stderr.on('data', (text) => stderr.push(String(text)))
  const exit = once(child, 'exit')
  await eventually(() => stdout.join('').endsWith('production.\n'))
  const url = /http:\S+/.exec(stdout.join(''))?.[0] ?? ''
  return {
    url,
    port: Number(new URL(url).port),
    stdout: () => stdout.join(''),
    stderr: () => stderr.join(''),
    peakResidentBytes: () => {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
      return Number(/VmHWM:\s*(\d+)/.exec(status)?.[1]) * 1024
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end()
      await exit
    },
  }
}

function script(name: string, commands: string): string {
  writeFileSync(join(place, name), `#!/bin/sh\n${commands}\n`, { mode: 0o755 })
  return join(place, name)
}

async function send(url: string, method = 'GET', body = Buffer.alloc(0), headers = {}) {
  const outgoing = request(url, { method, headers })
  outgoing.on('error', () => undefined).end(body)
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  const received = await buffer(incoming)
  const { statusCode: status, headers: fields } = incoming
  return { status, headers: fields, body: received, text: received.toString() }
}

async function raw(port: number, message: Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(message)
  return (await buffer(socket)).toString()
}

function variables(text: string): Map<string, string> {
  const lines = text.split('\n').filter((line) => /^\w+=/.test(line))
  return new Map(lines.map((line) => [line.slice(0, line.indexOf('=')), line.replace(/^\w+=/, '')]))
}

async function eventually<T>(look: () => T): Promise<T> {
  for (let attempt = 0; attempt < 1000; attempt += 1) {
    try {
      const seen = look()
      if (seen) return seen
    } catch {}
    await sleep(10)
  }
  throw new Error(`not within 10 s: ${look}`)
}
