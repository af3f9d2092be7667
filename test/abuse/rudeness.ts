// What slow and rude clients do with one upload, for test/rude.test.ts: each is given a connection and a
// body, does its worst, and gives the status of the reply, 0 for none.

import { setTimeout as delay } from 'node:timers/promises'
import type { RawClient } from '../host/raw-client.ts'

export type Rudeness = (client: RawClient, body: Buffer, arrival: Arrival) => Promise<number>
/** Resolves when the program has written something, where the server passes a body on as it comes. */
export type Arrival = () => Promise<void>
type Act = readonly [name: string, bytes: Buffer, act: Rudeness]

/** After so long a silence the servers of these tests give up. */
export const idleSeconds = 3

export const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 31) % 256))
export const small = Buffer.from('small')

/** Their files are to be stored. */
export const patient: readonly Act[] = [
  [
    'one byte a second, then one every 20 ms',
    small,
    async (client, body) => {
      client.head({ 'Content-Length': body.length })
      for (let at = 0; at < body.length; at++) {
        client.send(body.subarray(at, at + 1))
        await delay(at < 3 ? 1000 : 20)
      }
      return client.status()
    },
  ],
  [
    'a pause in the middle',
    content,
    async (client, body) => {
      client.head({ 'Content-Length': body.length })
      client.send(body.subarray(0, 200_000))
      await delay((idleSeconds * 1000) / 2)
      client.send(body.subarray(200_000))
      return client.status()
    },
  ],
  [
    'more bytes than declared',
    content,
    async (client, body) => {
      client.head({ 'Content-Length': body.length })
      client.send(Buffer.concat([body, Buffer.from(`surplus${body.toString('latin1')}`)]))
      return client.status()
    },
  ],
  [
    'an end of sending right behind the body',
    content,
    async (client, body) => {
      client.head({ 'Content-Length': body.length })
      client.send(body)
      return client.status()
    },
  ],
  [
    'chunks of one byte',
    small,
    async (client, body) => {
      client.head({ 'Transfer-Encoding': 'chunked' })
      for (const byte of body) client.send(chunk(Buffer.of(byte)))
      client.send(lastChunk)
      return client.status()
    },
  ],
]

/** What they are told is to be true. */
export const rude: readonly Act[] = [
  [
    'silence until the server has enough',
    content,
    async (client, body) => {
      client.head({ 'Content-Length': body.length })
      client.send(body.subarray(0, 200_000))
      return client.status()
    },
  ],
  [
    'a close half-way',
    content,
    async (client, body, arrival) => {
      client.head({ 'Content-Length': body.length })
      client.send(body.subarray(0, 200_000))
      await arrival()
      client.close()
      return 0
    },
  ],
  [
    'an end of sending half-way, still listening',
    content,
    async (client, body, arrival) => {
      client.head({ 'Content-Length': body.length })
      client.send(body.subarray(0, 200_000))
      await arrival()
      client.end()
      return client.status()
    },
  ],
  [
    'a reset half-way',
    content,
    async (client, body, arrival) => {
      client.head({ 'Content-Length': body.length })
      client.send(body.subarray(0, 200_000))
      await arrival()
      client.reset()
      return 0
    },
  ],
  [
    'a whole body, but one byte less than declared',
    content,
    async (client, body, arrival) => {
      client.head({ 'Content-Length': body.length + 1 })
      client.send(body)
      await arrival()
      client.end()
      return client.status()
    },
  ],
  [
    'chunks that end half-way',
    content,
    async (client, body, arrival) => {
      client.head({ 'Transfer-Encoding': 'chunked' })
      client.send(chunk(body.subarray(0, 200_000)))
      await arrival()
      client.end()
      return client.status()
    },
  ],
  [
    'Expect: 100-continue, and then nothing',
    content,
    async (client, body) => {
      client.head({ 'Content-Length': body.length, Expect: '100-continue' })
      return client.status()
    },
  ],
  [
    'a length and chunks at once',
    small,
    async (client, body) => {
      client.head({ 'Content-Length': 20, 'Transfer-Encoding': 'chunked' })
      client.end(Buffer.concat([chunk(body), lastChunk]))
      return client.status()
    },
  ],
  [
    'two lengths',
    small,
    async (client, body) => {
      client.head({ 'Content-Length': `${body.length}\r\nContent-Length: 20` })
      client.end(body)
      return client.status()
    },
  ],
]

/**
 * All of the multipart body arrives, but not the end of the chunks. The server knows that the request is
 * broken; to the program, which has no length to compare with, its end of input looks like any other.
 */
export const cutChunks: readonly Act[] = [
  [
    'a broken chunk behind a whole body',
    content,
    async (client, body, arrival) => {
      client.head({ 'Transfer-Encoding': 'chunked' })
      client.send(chunk(body))
      await arrival()
      client.end(Buffer.from('zz\r\nbroken\r\n'))
      return client.status()
    },
  ],
  [
    'a whole body in chunks, but not the last chunk',
    content,
    async (client, body, arrival) => {
      client.head({ 'Transfer-Encoding': 'chunked' })
      client.send(chunk(body))
      await arrival()
      client.end()
      return client.status()
    },
  ],
  [
    'a whole body in chunks, then a reset',
    content,
    async (client, body, arrival) => {
      client.head({ 'Transfer-Encoding': 'chunked' })
      client.send(chunk(body))
      await arrival()
      client.reset()
      return 0
    },
  ],
]

function chunk(bytes: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`${bytes.length.toString(16)}\r\n`),
    bytes,
    Buffer.from('\r\n'),
  ])
}

const lastChunk = Buffer.from('0\r\n\r\n')
