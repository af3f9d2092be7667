// The CGI driver (RFC 3875): blocking reads of descriptor 0 → Exchange → descriptor 1. Nothing is
// written to stdout before the body is read or refused, and then no more than a pipe holds while
// the server may still be sending: else both could wait for ever. Holds no error policy.

import { readSync, writeSync } from 'node:fs'
import { open } from '../app/app.ts'
import type { Exchange, Inspect } from '../app/exchange.ts'
import type { Env } from '../http/request.ts'
import type { LoadedSettings } from '../settings/settings.ts'
import { attempt, errorCode, writeAll } from '../system-error.ts'
import { stackOf } from './stack.ts'

/** Where a body comes from and where the reply goes: a server, or a test. */
export type Connection = {
  /** Bytes read into `buffer`, at most `atMost`; 0 at the end of input. */
  read(buffer: Buffer, atMost: number): number
  write(bytes: Uint8Array): void
}

/** What a pipe holds: a chunk is then the whole buffer, and no new view of it is made. */
const bufferBytes = 64 * 1024
/**
 * A chunked body that is broken off ends like one that is whole; Apache closes our input, answers
 * 400 and then kills us. Seen stored all the same in 2 % of such requests without this, in none of
 * 240 with it.
 */
const killGraceMilliseconds = 100
/** What surely fits into the pipe to the server, even if nobody reads there yet. */
const pipeBytes = 32 * 1024

/** `inspect`: what `check` finds, for `debug = true`. */
export function runCgi(env: Env, settings: LoadedSettings, inspect?: Inspect): void {
  const file = process.execPath
  const program = { file, say, stackOf: (error: Error) => stackOf(error, file), inspect }
  drive(open(env, settings, program), { read, write })
}

/** Reads the body, writes the reply. */
export function drive(exchange: Exchange, connection: Connection): void {
  // One buffer for the whole body: see Exchange.write.
  const buffer = Buffer.allocUnsafeSlow(exchange.announcedBytes > 0 ? bufferBytes : 0)
  if (exchange.outlivesCut) process.on('SIGTERM', () => undefined)
  let readBytes = 0
  while (readBytes < exchange.bodyBytes) {
    const count = connection.read(buffer, exchange.bodyBytes - readBytes)
    if (count === 0) break
    readBytes += count
    const chunk = count === buffer.length ? buffer : buffer.subarray(0, count)
    if (!exchange.write(chunk)) break
  }
  if (exchange.bodyBytes === Infinity) pause(killGraceMilliseconds)
  const reply = exchange.end()
  const unread = exchange.announcedBytes - readBytes
  if (reply.length > pipeBytes) drain(connection, buffer, unread)
  connection.write(reply)
  if (reply.length <= pipeBytes) drain(connection, buffer, unread)
  exchange.afterReply()
}

/**
 * Reads the rest of a body that was refused. Servers that pass the whole body on before they read a
 * reply (Apache, fcgiwrap) lose the reply when the program ends meanwhile; the client would see a
 * broken connection or a 502 instead of the reason.
 */
function drain(connection: Connection, buffer: Buffer, bytes: number): void {
  for (let left = bytes; left > 0; ) {
    const count = connection.read(buffer, left)
    if (count === 0) return
    left -= count
  }
}

/** 0 also when the connection broke: Exchange.end() finds out what is missing. */
function read(buffer: Buffer, atMost: number): number {
  for (;;) {
    try {
      return readSync(0, buffer, 0, Math.min(atMost, buffer.length), null)
    } catch (error) {
      const code = errorCode(error)
      if (code === 'EINTR') continue
      if (code !== 'EAGAIN') return 0
      pause(5)
    }
  }
}

/** The server may have gone (EPIPE): then nobody is left to tell. */
function write(bytes: Uint8Array): void {
  attempt(() => writeAll(bytes, (at) => writeSome(bytes, at)))
}

function writeSome(bytes: Uint8Array, at: number): number {
  try {
    return writeSync(1, bytes, at)
  } catch (error) {
    if (errorCode(error) !== 'EAGAIN') throw error
    pause(5)
    return 0
  }
}

function say(line: Uint8Array): void {
  // Maybe nobody listens there.
  attempt(() => writeSync(2, line))
}

/** Some servers hand over descriptors that do not block. */
function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}
