// A FastCGI process as its supervisor and its web server see it: how it is started, many
// connections at a time, what ends a request early, settings that change, and its end.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  beginRecord,
  bodyRecords,
  Client,
  encodeParams,
  listeningSocket,
  params as paramsType,
  record,
  request,
  startFastCgi,
  streamRecords,
  until,
} from '../host/fastcgi.ts'
import { incomingPath } from '../host/incoming.ts'
import { childrenOf, descriptors, residentBytes } from '../host/process-state.ts'
import { freshDirectory, program, writeSettings } from '../host/program.ts'
import { freePort } from '../host/server.ts'

const get = { GATEWAY_INTERFACE: 'CGI/1.1', SERVER_PROTOCOL: 'HTTP/1.1', REQUEST_METHOD: 'GET' }

const hundredKilobytes = formOf('a.txt', 'x'.repeat(100_000))

function post(length: number | undefined) {
  return {
    ...get,
    REQUEST_METHOD: 'POST',
    CONTENT_TYPE: 'multipart/form-data; boundary=b',
    ...(length === undefined
      ? { HTTP_TRANSFER_ENCODING: 'chunked' }
      : { CONTENT_LENGTH: String(length) }),
    HTTP_ACCEPT: 'application/json',
  }
}

function formOf(name: string, content: Buffer | string): Buffer {
  const head = `--b\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n\r\n`
  return Buffer.concat([Buffer.from(head), Buffer.from(content), Buffer.from('\r\n--b--\r\n')])
}

test('with a listening socket as descriptor 0, and no arguments, it speaks FastCGI', async (t) => {
  const directory = freshDirectory(t)
  const { fd, port, close } = await listeningSocket()
  const child = spawn(program, [], {
    env: { UPLOAD_CGI_DIRECTORY: directory },
    stdio: [fd, 'pipe', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  // From here on only the child accepts.
  close()
  const reply = await request(port, { params: get })
  assert.equal(reply.status, 200)
  child.kill('SIGTERM')
  assert.deepEqual(await once(child, 'exit'), [0, null])
})

test('a connected socket as descriptor 0 is a terminal like any other', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const child = spawn(
    '/bin/bash',
    [
      '-c',
      'exec "$0" < "/dev/tcp/127.0.0.1/$1"',
      program,
      String((server.address() as AddressInfo).port),
    ],
    { env: {} },
  )
  let output = ''
  child.stdout.on('data', (bytes: Buffer) => {
    output += bytes
  })
  await once(child, 'close')
  assert.match(output, /Usage|upload\.cgi serve/)
})

test('eight slow uploads hold up no other request', async (t) => {
  const directory = freshDirectory(t)
  const { socket } = await startFastCgi(t, { UPLOAD_CGI_DIRECTORY: directory })
  const bodies = Array.from({ length: 8 }, (_, i) => formOf(`${i}.txt`, 'x'.repeat(100_000)))
  const clients = bodies.map((body) => {
    const client = new Client(socket)
    client.send(beginRecord(1, false))
    client.send(streamRecords(paramsType, 1, encodeParams(post(body.length)), 65_535))
    client.send(bodyRecords(1, body.subarray(0, 50_000), 9000))
    return client
  })
  for (let i = 0; i < 5; i++) assert.equal((await request(socket, { params: get })).status, 200)
  assert.deepEqual(visible(directory), [])
  clients.forEach((client, i) => {
    client.send(bodyRecords(1, (bodies[i] ?? Buffer.alloc(0)).subarray(50_000), 9000))
  })
  for (const client of clients) assert.equal((await client.reply()).status, 201)
  assert.equal(visible(directory).length, 8)
})

test('requests follow one another on a connection that the server keeps', async (t) => {
  const directory = freshDirectory(t)
  const { socket } = await startFastCgi(t, { UPLOAD_CGI_DIRECTORY: directory })
  const client = new Client(socket)
  for (const id of [1, 1, 7, 300]) {
    const body = formOf('a.txt', `file of ${id}`)
    const reply = await client.request({
      params: post(body.length),
      body,
      id,
      keepsConnection: true,
    })
    assert.equal(reply.status, 201)
  }
  const large = formOf('b.txt', 'x'.repeat(300_000))
  const refused = await client.request({
    params: { ...post(large.length), CONTENT_TYPE: 'text/plain' },
    body: large,
    keepsConnection: true,
  })
  assert.equal(refused.status, 415)
  assert.equal((await client.request({ params: get, keepsConnection: true })).status, 200)
  assert.equal(client.isClosed, false)
  const last = await client.request({ params: get })
  assert.equal(last.status, 200)
  await until(
    () => client.isClosed,
    () => 'the connection stays open',
  )
})

test('a second request at the same time, and other roles, are refused', async (t) => {
  const { socket } = await startFastCgi(t, { UPLOAD_CGI_DIRECTORY: freshDirectory(t) })
  const client = new Client(socket)
  const body = formOf('a.txt', 'x')
  client.send(beginRecord(1, true))
  client.send(streamRecords(paramsType, 1, encodeParams(post(body.length)), 65_535))
  client.send(beginRecord(2, true))
  assert.equal((await client.reply(2)).protocolStatus, 1)
  client.send(bodyRecords(1, body, 65_535))
  assert.equal((await client.reply(1)).status, 201)
  client.send(record(5, 1, Buffer.alloc(0)))
  client.send(beginRecord(3, true, 3))
  assert.equal((await client.reply(3)).protocolStatus, 3)
  client.close()
})

test('a form that is cut or aborted leaves nothing, with a length and without', async (t) => {
  const directory = freshDirectory(t)
  const { socket } = await startFastCgi(t, { UPLOAD_CGI_DIRECTORY: directory })
  const body = formOf('a.txt', 'x'.repeat(200_000))
  for (const length of [body.length, undefined]) {
    for (const end of [{ cutAt: 100_000 }, { abortAt: 100_000 }, { cutAt: body.length - 2 }]) {
      await request(socket, { params: post(length), body, ...end })
      const left = () => [...visible(directory), ...readdirSync(incomingPath(directory))]
      await until(
        () => left().length === 0,
        () => `left: ${left()}`,
      )
    }
  }
})

test('a piece that is cut stays as far as it was confirmed, and the upload resumes', async (t) => {
  const directory = freshDirectory(t)
  const { socket } = await startFastCgi(t, { UPLOAD_CGI_DIRECTORY: directory })
  const id = 'a'.repeat(32)
  const piece = (offset: number, content: string) => {
    const fields = { _upload: id, _offset: String(offset), _size: '200000' }
    const parts = Object.entries(fields).map(
      ([name, value]) =>
        `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
    )
    return Buffer.concat([Buffer.from(parts.join('')), formOf('a.txt', content)])
  }
  const first = piece(0, 'x'.repeat(150_000))
  assert.equal((await request(socket, { params: post(first.length), body: first })).status, 202)
  const second = piece(150_000, 'y'.repeat(50_000))
  const cut = { params: post(second.length), body: second, cutAt: 30_000 }
  await request(socket, cut)
  const again = await request(socket, { params: post(second.length), body: second })
  assert.equal(again.status, 201)
  assert.equal(
    readFileSync(join(directory, 'a.txt'), 'latin1'),
    'x'.repeat(150_000) + 'y'.repeat(50_000),
  )
})

test('parameters of more than 64 KiB, and what is not FastCGI, end the connection', async (t) => {
  const { socket, child } = await startFastCgi(t, { UPLOAD_CGI_DIRECTORY: freshDirectory(t) })
  const long = { ...get, HTTP_COOKIE: 'x'.repeat(70_000) }
  assert.equal((await request(socket, { params: long })).protocolStatus, undefined)
  for (const garbage of ['GET / HTTP/1.1\r\n\r\n', '\x01\x01\x00\x01\xff\xff\x00\x00']) {
    const client = new Client(socket)
    client.send(Buffer.from(garbage, 'latin1'))
    await until(
      () => client.isClosed,
      () => 'the connection stays open',
    )
  }
  assert.equal((await request(socket, { params: get })).status, 200)
  assert.equal(child.exitCode, null)
})

test('a parameter that looks like a setting is refused, and the log says so', async (t) => {
  const { socket } = await startFastCgi(t, { UPLOAD_CGI_DIRECTORY: freshDirectory(t) })
  const reply = await request(socket, { params: { ...get, UPLOAD_CGI_MAX_FILE_SIZE: '1' } })
  assert.equal(reply.status, 503)
  assert.match(reply.stderr, /UPLOAD_CGI_MAX_FILE_SIZE: a parameter of a FastCGI request/)
  assert.equal((await request(socket, { params: get })).status, 200)
})

test('complaints are bounded by request, not by process', async (t) => {
  const { socket } = await startFastCgi(t, { UPLOAD_CGI_DIRECTORY: '/nowhere' })
  for (let i = 0; i < 20; i++) {
    const reply = await request(socket, { params: get })
    assert.equal(reply.status, 503)
    assert.match(reply.stderr, /DIRECTORY_UNUSABLE/)
  }
})

test('settings that change on disk are noticed, also wrong ones', async (t) => {
  const home = freshDirectory(t)
  const file = writeSettings(home, `directory = "${freshDirectory(t)}"\ntitle = "One"\n`)
  const { socket } = await startFastCgi(t, { UPLOAD_CGI_CONFIG: file })
  const page = () => request(socket, { params: { ...get, HTTP_ACCEPT: 'text/html' } })
  assert.match((await page()).text, /One/)
  const text = readFileSync(file, 'utf8')
  writeFileSync(file, text.replace('One', 'Two'))
  assert.match((await page()).text, /Two/)
  writeFileSync(file, 'titel = "Three"\n')
  assert.equal((await page()).status, 503)
  writeFileSync(file, text.replace('One', 'Four'))
  assert.match((await page()).text, /Four/)
})

test('a directory that is moved away is missed, and found again when it is back', async (t) => {
  const directory = join(freshDirectory(t), 'uploads')
  mkdirSync(directory)
  const { socket } = await startFastCgi(t, { UPLOAD_CGI_DIRECTORY: directory })
  const becomes = (wanted: number) =>
    until(
      async () => (await request(socket, { params: get })).status === wanted,
      () => `it never answered ${wanted}`,
    )
  await becomes(200)
  renameSync(directory, `${directory}.away`)
  await becomes(503)
  renameSync(`${directory}.away`, directory)
  await becomes(200)
})

test('with debug the page shows what check finds', async (t) => {
  const { socket } = await startFastCgi(t, {
    UPLOAD_CGI_DIRECTORY: freshDirectory(t),
    UPLOAD_CGI_DEBUG: 'true',
  })
  const { status, text } = await request(socket, { params: { ...get, HTTP_ACCEPT: 'text/html' } })
  assert.equal(status, 200)
  assert.match(text, /^ok +\w.*directory/m)
})

test('the form is that of the language, and of the stylesheet as it is now', async (t) => {
  const home = freshDirectory(t)
  const style = join(home, 'own.css')
  writeFileSync(style, 'h1{color:red}')
  const plain = `directory = "${freshDirectory(t)}"\n`
  const file = writeSettings(home, plain)
  const { socket } = await startFastCgi(t, { UPLOAD_CGI_CONFIG: file })
  const page = async (language: string) => {
    const params = { ...get, HTTP_ACCEPT: 'text/html', HTTP_ACCEPT_LANGUAGE: language }
    return (await request(socket, { params })).text
  }
  const [german, english] = [await page('de'), await page('en')]
  assert.match(german, /<html lang="de"/)
  assert.match(english, /<html lang="en"/)
  assert.deepEqual([await page('de'), await page('en')], [german, english])
  writeFileSync(file, `${plain}stylesheet = "${style}"\n`)
  assert.match(await page('de'), /h1\{color:red\}/)
  writeFileSync(style, 'h1{color:blue}')
  assert.match(await page('de'), /h1\{color:blue\}/)
})

test('SIGTERM ends it after the upload that runs', async (t) => {
  const directory = freshDirectory(t)
  const { socket, child } = await startFastCgi(t, { UPLOAD_CGI_DIRECTORY: directory })
  const idle = new Client(socket)
  assert.equal((await idle.request({ params: get, keepsConnection: true })).status, 200)
  const client = await begunClient(socket, directory)
  child.kill('SIGTERM')
  await until(
    () => idle.isClosed,
    () => 'an idle connection stays open',
  )
  assert.equal(child.exitCode, null)
  client.send(bodyRecords(1, hundredKilobytes.subarray(50_000), 65_535))
  assert.equal((await client.reply()).status, 201)
  if (child.exitCode === null) assert.deepEqual(await once(child, 'exit'), [0, null])
  assert.deepEqual(visible(directory), ['a.txt'])
})

test('SIGTERM ends it after a minute at the latest, and what was not finished is gone', {
  skip: process.env['UPLOAD_CGI_LONG'] ? false : 'by design: it takes a minute; npm run test:long',
}, async (t) => {
  const directory = freshDirectory(t)
  const { socket, child } = await startFastCgi(t, { UPLOAD_CGI_DIRECTORY: directory })
  await begunClient(socket, directory)
  const ended = once(child, 'exit')
  const before = Date.now()
  child.kill('SIGTERM')
  assert.deepEqual(await ended, [0, null])
  const seconds = (Date.now() - before) / 1000
  assert.ok(seconds > 50 && seconds < 120, `${seconds} s`)
  assert.deepEqual(visible(directory), [])
})

test('kill -9 in the middle of an upload leaves nothing visible', async (t) => {
  const directory = freshDirectory(t)
  const { socket, child } = await startFastCgi(t, { UPLOAD_CGI_DIRECTORY: directory })
  const client = await begunClient(socket, directory)
  child.kill('SIGKILL')
  await until(
    () => client.isClosed,
    () => 'the connection stays open',
  )
  assert.deepEqual(visible(directory), [])
  // What replaces it takes the place of the socket that was left.
  const next = spawn(program, ['fastcgi', '--socket', socket], {
    env: { UPLOAD_CGI_DIRECTORY: directory },
    stdio: 'ignore',
  })
  t.after(() => next.kill('SIGKILL'))
  const asked = () => request(socket, { params: get }).then(({ status }) => status === 200)
  await until(asked, () => 'nobody answers')
})

// 100,000 in the long run.
const half = process.env['UPLOAD_CGI_LONG'] ? 50_000 : 1000

test(`${2 * half} requests leave memory, descriptors and children as they were`, async (t) => {
  const { socket, child } = await startFastCgi(t, {
    UPLOAD_CGI_DIRECTORY: freshDirectory(t),
    UPLOAD_CGI_DURABLE: 'false',
  })
  const ask = async (count: number) => {
    const client = new Client(socket)
    for (let i = 0; i < count; i++) {
      const body = formOf(`${i}.txt`, 'x')
      const wanted = i % 4 === 0 ? { params: post(body.length), body } : { params: get }
      await client.request({ ...wanted, keepsConnection: true })
    }
    client.close()
  }
  const { pid = 0 } = child
  await ask(half)
  const [bytes, open] = [residentBytes(pid), descriptors(pid)]
  await ask(half)
  await until(
    () => descriptors(pid) <= open,
    () => `${descriptors(pid)} descriptors, before: ${open}`,
  )
  assert.ok(residentBytes(pid) < bytes * 1.2, `${residentBytes(pid)} bytes, before: ${bytes}`)
  assert.ok(residentBytes(pid) < 120e6, `${residentBytes(pid)} bytes`)
  assert.deepEqual(childrenOf(pid), [])
})

test('the command says what is wrong with its words', async (t) => {
  const home = freshDirectory(t)
  writeFileSync(join(home, 'plain'), '')
  const settings = writeSettings(home, `directory = "${home}"\nrequire_user = true\n`)
  const cases: readonly [number, RegExp, ...string[]][] = [
    [64, /name one: --socket PATH or --listen/],
    [64, /name one/, '--socket', 'a', '--listen', '127.0.0.1:9000'],
    [64, /loopback address/, '--listen', '0.0.0.0:9000'],
    [64, /loopback address/, '--listen', '9000'],
    [78, /require_user: on a TCP address any user/, '--listen', '127.0.0.1:9000'],
    [64, /--socket-mode is octal/, '--socket', 'a', '--socket-mode', 'rw'],
    [64, /there is no group nobodies/, '--socket', 'a', '--socket-group', 'nobodies'],
    [73, /no socket/, '--socket', join(home, 'plain')],
    [69, /cannot listen/, '--socket', '/nowhere/at/all'],
  ]
  for (const [status, message, ...args] of cases) {
    const child = spawn(program, ['fastcgi', ...args], { env: { UPLOAD_CGI_CONFIG: settings } })
    let said = ''
    child.stderr.on('data', (bytes: Buffer) => {
      said += bytes
    })
    const [code] = await once(child, 'close')
    assert.deepEqual([code, message.test(said)], [status, true], `${args}: ${code} ${said}`)
  }
})

test('on a TCP address nobody is believed to be a user, also when that is set later', async (t) => {
  const directory = freshDirectory(t)
  const file = writeSettings(freshDirectory(t), `directory = "${directory}"\n`)
  const port = await freePort()
  const child = spawn(program, ['fastcgi', '--listen', `127.0.0.1:${port}`], {
    env: { UPLOAD_CGI_CONFIG: file },
    stdio: 'ignore',
  })
  t.after(() => child.kill('SIGKILL'))
  const body = formOf('a.txt', 'x')
  const send = () => request(port, { params: { ...post(body.length), REMOTE_USER: 'root' }, body })
  await until(
    async () => (await send()).status === 201,
    () => 'nobody answers',
  )
  writeFileSync(file, `directory = "${directory}"\nrequire_user = true\n`)
  const refused = await send()
  assert.equal(refused.status, 503)
  assert.match(refused.stderr, /require_user: on a TCP address any user .*: use --socket PATH/)
  assert.deepEqual(visible(directory), ['a.txt'])
})

test('the socket has the mode that was asked for', async (t) => {
  const socket = join(freshDirectory(t), 's.sock')
  const env = { UPLOAD_CGI_DIRECTORY: freshDirectory(t) }
  const args = ['fastcgi', '--socket', socket, '--socket-mode', '0600']
  const child = spawn(program, args, { env, stdio: 'ignore' })
  t.after(() => child.kill('SIGKILL'))
  const mode = () => statSync(socket, { throwIfNoEntry: false })?.mode ?? 0
  await until(
    () => (mode() & 0o777) === 0o600,
    () => `${mode().toString(8)}`,
  )
})

/** A client whose request has sent half of its body, which the program receives. */
async function begunClient(socket: string, directory: string): Promise<Client> {
  const client = new Client(socket)
  client.send(beginRecord(1, true))
  client.send(streamRecords(paramsType, 1, encodeParams(post(hundredKilobytes.length)), 65_535))
  client.send(bodyRecords(1, hundredKilobytes.subarray(0, 50_000), 65_535))
  await begun(directory)
  return client
}

/** Waits until a file is being received. */
function begun(directory: string): Promise<void> {
  const isBegun = () => {
    const incoming = incomingPath(directory)
    return existsSync(incoming) && readdirSync(incoming).length === 1
  }
  return until(isBegun, () => 'the upload did not begin')
}

function visible(directory: string): string[] {
  return readdirSync(directory).filter((name) => name !== '.upload-cgi')
}
