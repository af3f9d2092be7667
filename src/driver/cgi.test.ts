// The order in which the CGI driver reads, ends, writes and says that the reply is out.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Exchange } from '../app/exchange.ts'
import { drive } from './cgi.ts'

type Script = {
  readonly bodyBytes: number
  readonly announcedBytes: number
  /** The sizes of the chunks that the client sends, in bytes. */
  readonly chunks: readonly number[]
  readonly replyBytes: number
  /** The number of the call of write() that decides the reply; 0 for none. */
  readonly refusedAt?: number
  /** How long each read waits. */
  readonly secondsOfRead?: number
  /** With so many chunks left the server sends SIGTERM. */
  readonly terminatedWith?: number
}

/** Everything that happened, in order. */
function eventsOf(script: Script): string[] {
  return driven(script).events
}

/** `done`: when the driver has done all. */
function driven(script: Script): { events: string[]; done: Promise<void> } {
  const { bodyBytes, announcedBytes, chunks, replyBytes, refusedAt, secondsOfRead = 0 } = script
  const events: string[] = []
  let milliseconds = 0
  const left = [...chunks]
  let writes = 0
  const exchange: Exchange = {
    bodyBytes,
    announcedBytes,
    outlivesCut: false,
    write(chunk) {
      events.push(`write ${chunk.length}`)
      return ++writes !== refusedAt
    },
    refuseSlow: () => void events.push('refuse slow'),
    end() {
      events.push('end')
      return [new Uint8Array(replyBytes)]
    },
    outlivesReply: false,
    afterReply: () => void events.push('after the reply'),
    abort: () => void events.push('abort'),
  }
  const { promise: done, resolve } = Promise.withResolvers<void>()
  const connection = {
    milliseconds: () => milliseconds,
    read(_: Buffer, atMost: number) {
      milliseconds += secondsOfRead * 1000
      if (left.length === script.terminatedWith) process.emit('SIGTERM')
      const count = Math.min(left.shift() ?? 0, atMost)
      events.push(`read ${count}`)
      return count
    },
    write: (bytes: Uint8Array) => void events.push(`reply ${bytes.length}`),
    leave: () => undefined,
  }
  drive(exchange, connection, resolve)
  return { events, done }
}

test('a request without a body reads nothing', () => {
  assert.deepEqual(eventsOf({ bodyBytes: 0, announcedBytes: 0, chunks: [], replyBytes: 9 }), [
    'end',
    'reply 9',
    'after the reply',
  ])
})

test('a body is read to its length and not further', () => {
  const script = { bodyBytes: 5, announcedBytes: 5, chunks: [3, 9], replyBytes: 9 }
  assert.deepEqual(eventsOf(script), [
    'read 3',
    'write 3',
    'read 2',
    'write 2',
    'end',
    'reply 9',
    'after the reply',
  ])
})

test('a body that breaks off ends the exchange, which says what is missing', () => {
  const script = { bodyBytes: 5, announcedBytes: 5, chunks: [3], replyBytes: 9 }
  assert.deepEqual(eventsOf(script), [
    'read 3',
    'write 3',
    'read 0',
    'end',
    'reply 9',
    'read 0',
    'after the reply',
  ])
})

test('a refused body is read on after a small reply, before the driver says that it is out', () => {
  const script = { bodyBytes: 6, announcedBytes: 6, chunks: [2, 2, 2], replyBytes: 32_768 }
  assert.deepEqual(eventsOf({ ...script, refusedAt: 1 }), [
    'read 2',
    'write 2',
    'end',
    'reply 32768',
    'read 2',
    'read 2',
    'after the reply',
  ])
})

test('a reply that a pipe may not hold is written after the refused body was read', () => {
  const script = { bodyBytes: 0, announcedBytes: 4, chunks: [4], replyBytes: 32_769 }
  assert.deepEqual(eventsOf(script), ['end', 'read 4', 'reply 32769', 'after the reply'])
})

test('a body of less than 1 KB a second is refused after a minute, and not read on', () => {
  const script = { bodyBytes: 90_000, announcedBytes: 90_000, replyBytes: 9, secondsOfRead: 20 }
  assert.deepEqual(eventsOf({ ...script, chunks: [20_000, 20_000, 19_999, 5] }), [
    ...['read 20000', 'write 20000', 'read 20000', 'write 20000', 'read 19999', 'write 19999'],
    ...['refuse slow', 'end', 'reply 9', 'after the reply'],
  ])
})

test('a body of 1 KB a second is read to its end', () => {
  const chunks = Array.from({ length: 9 }, () => 20_000)
  const script = { bodyBytes: 180_000, announcedBytes: 180_000, replyBytes: 9, chunks }
  const events = eventsOf({ ...script, secondsOfRead: 20 })
  assert.equal(events.includes('refuse slow'), false)
  assert.equal(events.filter((event) => event === 'write 20000').length, 9)
})

test('a slow body whose last bytes have come is not refused', () => {
  const script = { bodyBytes: 5, announcedBytes: 5, chunks: [3, 2], replyBytes: 9 }
  assert.equal(eventsOf({ ...script, secondsOfRead: 900 }).includes('refuse slow'), true)
  assert.equal(
    eventsOf({ ...script, chunks: [5], secondsOfRead: 900 }).includes('refuse slow'),
    false,
  )
})

test('a refused body that comes too slowly is not read to its end', () => {
  const script = { bodyBytes: 0, announcedBytes: 9e15, chunks: [9, 9, 9, 9], secondsOfRead: 30 }
  assert.deepEqual(eventsOf({ ...script, replyBytes: 9 }), [
    'end',
    'reply 9',
    'read 9',
    'read 9',
    'after the reply',
  ])
})

test('a body without a length is stored at its end, unless SIGTERM says it was cut', async () => {
  const script = { bodyBytes: Infinity, announcedBytes: Infinity, chunks: [3], replyBytes: 9 }
  const whole = driven(script)
  await whole.done
  const read = ['read 3', 'write 3', 'read 0']
  assert.deepEqual(whole.events, [...read, 'end', 'reply 9', 'read 0', 'after the reply'])
  const cut = driven({ ...script, terminatedWith: 0 })
  await cut.done
  assert.deepEqual(cut.events, [...read, 'abort'])
  assert.deepEqual(process.listeners('SIGTERM'), [])
})
