// The CGI driver (RFC 3875): blocking reads of descriptor 0 → Exchange → descriptor 1. It writes
// nothing to stdout before the body is read or refused. While the server may still be sending, it
// writes no more than a pipe holds: otherwise both could wait for each other forever. It decides no
// error; app.ts does.

import { readSync, writeSync } from 'node:fs'
import { open } from '../app/app.ts'
import type { Exchange, Inspect } from '../app/exchange.ts'
import type { Env } from '../http/request.ts'
import type { LoadedSettings } from '../settings/settings.ts'
import { attempt, errorCode, writeAll } from '../system-error.ts'
import { stackOf } from './stack.ts'

/** The source of a body and the destination of the reply: a server, or a test. */
export type Connection = {
  /** Reads at most `atMost` bytes into `buffer`. Returns how many; 0 at the end of input. */
  read(buffer: Buffer, atMost: number): number
  write(bytes: Uint8Array): void
}

/** The size of a pipe. A full chunk fills the whole buffer, so that no new view of it is needed. */
const bufferBytes = 64 * 1024
/**
 * A chunked body that breaks off ends like a whole one: Apache closes our input, answers 400 and
 * then kills us. Without this wait 2 % of such requests were stored all the same; with it, none of
 * 240.
 */
const killGraceMilliseconds = 100
/** What certainly fits into the pipe to the server, even if the server does not read yet. */
const pipeBytes = 32 * 1024

/** `inspect`: collects what `check` finds, for `debug = true`. */
export function runCgi(env: Env, settings: LoadedSettings, inspect?: Inspect): void {
  const file = process.execPath
  const program = { file, say, stackOf: (error: Error) => stackOf(error, file), inspect }
  drive(open(env, settings, program), { read, write })
}

/** Reads the body and writes the reply. */
export function drive(exchange: Exchange, connection: Connection): void {
  // One buffer serves the whole body; Exchange.write() allows that.
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
 * reply (Apache, fcgiwrap) lose the reply when the program ends too early; the client would see a
 * broken connection or a 502 instead of the reason.
 */
function drain(connection: Connection, buffer: Buffer, bytes: number): void {
  for (let left = bytes; left > 0; ) {
    const count = connection.read(buffer, left)
    if (count === 0) return
    left -= count
  }
}

/** Returns 0 also when the connection broke: Exchange.end() finds out what is missing. */
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

/** The server may have closed the connection (EPIPE); then nobody is left to tell. */
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
  // Stderr may be closed.
  attempt(() => writeSync(2, line))
}

/** Some servers pass descriptors that do not block, so we wait here. */
function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}
