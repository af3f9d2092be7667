// Holds the trial server to its promises: programs whose client disconnects, how many run, names,
// memory, output, ports, and its end.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { connect, createServer } from 'node:net'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually, launch, place, raw, script, send } from '../../../test/host/trial-server.ts'

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

test('a name that is not its own is refused, as DNS rebinding needs one', async () => {
  const program = script('rebound', 'touch "$0.ran"; printf "A: b\\n\\nran"')
  await using server = await launch(program)
  const ask = (host: string) =>
    raw(server.port, Buffer.from(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`))
  for (const host of ['evil.example', 'evil.example:80', 'b', '1.evil.example', 'localhost.evil']) {
    const answer = await ask(`${host}`)
    assert.match(answer, /^HTTP\/1\.1 421 .*does not answer to the name in the address/s, host)
  }
  assert.equal(existsSync(`${program}.ran`), false)
  const own = [
    '127.0.0.1',
    '10.0.0.7:80',
    '[::1]:8080',
    'LOCALHOST',
    'localhost.:1',
    'Example.Test',
  ]
  for (const host of own) assert.match(await ask(host), /^HTTP\/1\.1 200 .*ran/s, host)
})

test('sixteen programs run at once, and further requests wait for one to end', async () => {
  const program = script(
    'slow',
    'echo $$ >"$0.$$.began"; cat >"$0.body.$$"; printf "A: b\\n\\nran"',
  )
  await using server = await launch(program)
  const began = () => readdirSync(place).filter((name) => name.endsWith('.began')).length
  const senders = Array.from({ length: 20 }, () => {
    const socket = connect(server.port, '127.0.0.1')
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n1')
    return { socket, answer: buffer(socket) }
  })
  await eventually(() => began() === 16)
  await sleep(300)
  assert.equal(began(), 16)
  for (const { socket } of senders) socket.write('2')
  for (const { answer } of senders) assert.match((await answer).toString(), /200 .*ran/s)
  assert.equal(began(), 20)
})

test('who goes away while waiting starts no program', async () => {
  const program = script('queue', 'echo $$ >"$0.$$.queued"; cat >/dev/null; printf "A: b\\n\\n"')
  await using server = await launch(program)
  const begun = () => readdirSync(place).filter((name) => name.endsWith('.queued')).length
  const post = (length: number) => {
    const socket = connect(server.port, '127.0.0.1').on('error', () => undefined)
    socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`)
    return socket
  }
  const senders = Array.from({ length: 16 }, () => post(1))
  await eventually(() => begun() === 16)
  const gone = post(9)
  await once(gone, 'ready')
  // The server sees in order what arrives: after the second reply it has seen the first one's end.
  assert.equal((await send(`${server.url}nothing`)).status, 404)
  gone.destroy()
  await once(gone, 'close')
  assert.equal((await send(`${server.url}nothing`)).status, 404)
  const last = send(server.url)
  for (const socket of senders) socket.end('1')
  await last
  assert.equal(begun(), 17)
})
