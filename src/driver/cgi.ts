// The CGI driver (RFC 3875): blocking reads of fd 0 → Exchange → fd 1. Called by main.ts.
// Nothing is written to stdout before the body is read or refused, and then no more than a pipe holds while
// the server may still be sending: else both could wait for ever.

import { readSync, writeSync } from 'node:fs'
import { open } from '../app/app.ts'
import { encode } from '../http/reply.ts'
import type { Env } from '../http/request.ts'
import type { LoadedSettings } from '../settings/settings.ts'
import { errorCode } from '../system-error.ts'

/** What a pipe holds: a chunk is then the whole buffer, and no new view of it is made. */
const bufferBytes = 64 * 1024
/**
 * A chunked body that is broken off ends like one that is whole; Apache closes our input, answers 400 and
 * then kills us. Seen stored all the same in 2 % of such requests without this, in none of 240 with it.
 */
const killGraceMilliseconds = 100
/** What surely fits into the pipe to the server, though nobody reads there yet. */
const pipeBytes = 32 * 1024

export function runCgi(env: Env, settings: LoadedSettings): void {
  const exchange = open(env, settings)
  // One buffer for the whole body: see Exchange.write.
  const buffer = Buffer.allocUnsafeSlow(exchange.announcedBytes > 0 ? bufferBytes : 0)
  if (exchange.mindsCut) process.on('SIGTERM', () => undefined)
  let readBytes = 0
  while (readBytes < exchange.bodyBytes) {
    const count = read(buffer, exchange.bodyBytes - readBytes)
    if (count === 0) break
    readBytes += count
    const chunk = count === buffer.length ? buffer : buffer.subarray(0, count)
    if (!exchange.write(chunk)) break
  }
  if (exchange.bodyBytes === Infinity) pause(killGraceMilliseconds)
  const reply = encode(exchange.end(), env['REQUEST_METHOD'] ?? '')
  const unread = exchange.announcedBytes - readBytes
  if (reply.length > pipeBytes) drain(buffer, unread)
  writeAll(reply)
  if (reply.length <= pipeBytes) drain(buffer, unread)
}

/**
 * Reads what is left of a body that was refused. Servers that pass the whole body on before they read a
 * reply (Apache, fcgiwrap) lose the reply when the program ends meanwhile; the client would see a broken
 * connection or a 502 instead of the reason.
 */
function drain(buffer: Buffer, bytes: number): void {
  for (let left = bytes; left > 0; ) {
    const count = read(buffer, left)
    if (count === 0) return
    left -= count
  }
}

/** 0 at the end of input, and when the connection broke: what is missing then, end() finds out. */
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
function writeAll(bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at)
    } catch (error) {
      if (errorCode(error) !== 'EAGAIN') return
      pause(5)
    }
  }
}

/** Some servers hand over descriptors that do not block. */
function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}
