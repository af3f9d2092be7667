// Holds the trial server to its promises: programs whose client disconnects, memory, output, ports,
// and its end.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { connect, createServer } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually, launch, script, send } from '../../../test/host/trial-server.ts'

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
