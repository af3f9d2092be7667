// What slow and rude clients do with one upload, as tables of steps: each client is given a
// connection and the body of a form with one file, and takes its steps one after the other.

import { setTimeout as delay } from 'node:timers/promises'
import type { RawClient } from '../host/raw-client.ts'

export type Rude = {
  readonly name: string
  /** What the file holds. */
  readonly bytes: Buffer
  readonly steps: readonly Step[]
}

/** `arrival` resolves when the program has written something, where the server passes a body on. */
type Step = (client: RawClient, body: Buffer, arrival: () => Promise<void>) => void | Promise<void>

/** After so long a silence the servers of these tests give up. */
export const idleSeconds = 3

export const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 31) % 256))
export const small = Buffer.from('small')

/** Takes the steps; gives the status of the reply, or 0 for none. */
export async function act(
  { steps }: Rude,
  client: RawClient,
  body: Buffer,
  arrival: () => Promise<void>,
): Promise<number> {
  for (const step of steps) await step(client, body, arrival)
  return hasLeft(steps) ? 0 : client.status()
}

/** Whoever closed or reset the connection hears no reply. */
function hasLeft(steps: readonly Step[]): boolean {
  return steps.includes(close) || steps.includes(reset)
}

// The steps. A head announces the length of the body and `more` bytes, or chunks.

const length =
  (more = 0): Step =>
  (client, body) =>
    client.head({ 'Content-Length': body.length + more })

const chunked: Step = (client) => client.head({ 'Transfer-Encoding': 'chunked' })

const part =
  (from: number, to?: number): Step =>
  (client, body) =>
    client.send(body.subarray(from, to))

const whole = part(0)

const chunk =
  (to?: number): Step =>
  (client, body) =>
    client.send(asChunk(body.subarray(0, to)))

const arrives: Step = (_client, _body, arrival) => arrival()

const pause =
  (milliseconds: number): Step =>
  () =>
    delay(milliseconds)

/** The end of sending; the client still listens. */
const end =
  (last = ''): Step =>
  (client) =>
    client.end(Buffer.from(last))

const close: Step = (client) => client.close()
const reset: Step = (client) => client.reset()

const byteByByte: Step = async (client, body) => {
  for (let at = 0; at < body.length; at++) {
    client.send(body.subarray(at, at + 1))
    await delay(at < 3 ? 1000 : 20)
  }
}

const surplus: Step = (client, body) =>
  client.send(Buffer.concat([body, Buffer.from(`surplus${body.toString('latin1')}`)]))

const chunksOfOneByte: Step = (client, body) => {
  for (const byte of body) client.send(asChunk(Buffer.of(byte)))
  client.send(lastChunk)
}

const expectContinue: Step = (client, body) =>
  client.head({ 'Content-Length': body.length, Expect: '100-continue' })

const lengthAndChunks: Step = (client, body) => {
  client.head({ 'Content-Length': 20, 'Transfer-Encoding': 'chunked' })
  client.end(Buffer.concat([asChunk(body), lastChunk]))
}

const twoLengths: Step = (client, body) => {
  client.head({ 'Content-Length': `${body.length}\r\nContent-Length: 20` })
  client.end(body)
}

function asChunk(bytes: Buffer): Buffer {
  const size = Buffer.from(`${bytes.length.toString(16)}\r\n`)
  return Buffer.concat([size, bytes, Buffer.from('\r\n')])
}

const lastChunk = Buffer.from('0\r\n\r\n')

function rows(table: readonly [name: string, bytes: Buffer, steps: readonly Step[]][]): Rude[] {
  return table.map(([name, bytes, steps]) => ({ name, bytes, steps }))
}

const half = 200_000

/** Their files are to be stored. */
export const patient = rows([
  ['one byte a second, then one every 20 ms', small, [length(), byteByByte]],
  [
    'a pause in the middle',
    content,
    [length(), part(0, half), pause((idleSeconds * 1000) / 2), part(half)],
  ],
  ['more bytes than declared', content, [length(), surplus]],
  ['an end of sending right after the body', content, [length(), whole]],
  ['chunks of one byte', small, [chunked, chunksOfOneByte]],
])

/** What they are told is to be true. */
export const rude = rows([
  ['silence until the server has enough', content, [length(), part(0, half)]],
  ['a close half-way', content, [length(), part(0, half), arrives, close]],
  [
    'an end of sending half-way, still listening',
    content,
    [length(), part(0, half), arrives, end()],
  ],
  ['a reset half-way', content, [length(), part(0, half), arrives, reset]],
  ['a whole body, but one byte less than declared', content, [length(1), whole, arrives, end()]],
  ['chunks that end half-way', content, [chunked, chunk(half), arrives, end()]],
  ['Expect: 100-continue, and then nothing', content, [expectContinue]],
  ['a length and chunks at once', small, [lengthAndChunks]],
  ['two lengths', small, [twoLengths]],
])

/**
 * All of the multipart body arrives, but not the end of the chunks. The server knows that the
 * request is broken; to the program, which has no length to compare with, its end of input looks
 * like any other.
 */
export const cutChunks = rows([
  [
    'a broken chunk after a whole body',
    content,
    [chunked, chunk(), arrives, end('zz\r\nbroken\r\n')],
  ],
  ['a whole body in chunks, but not the last chunk', content, [chunked, chunk(), arrives, end()]],
  ['a whole body in chunks, then a reset', content, [chunked, chunk(), arrives, reset]],
])
