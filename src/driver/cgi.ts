// The CGI driver (RFC 3875): blocking reads of descriptor 0 → Exchange → descriptor 1. It writes
// nothing to stdout before the body is read or refused. While the server may still be sending, it
// writes no more than a pipe holds: otherwise both could wait for each other forever. It decides no
// error; app.ts does.

import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'
import { open } from '../app/app.ts'
import type { Route } from '../app/call.ts'
import type { Exchange, Inspect } from '../app/exchange.ts'
import { steadyMilliseconds } from '../clock.ts'
import type { CgiRequest } from '../http/request.ts'
import type { LoadedSettings } from '../settings/settings.ts'
import { attempt, errorCode, writeAll } from '../system-error.ts'
import { startDeliverer } from './deliverer.ts'
import { type Source, SpeedGauge } from './speed.ts'
import { stackOf } from './stack.ts'

/** The source of a body and the destination of the reply. */
export type Connection = Source & {
  write(bytes: Uint8Array): void
  /** All is read and written: the server need not wait for this process any more. */
  leave(): void
}

/** The size of a pipe. A full chunk fills the whole buffer, so that no new view of it is needed. */
const bufferBytes = 64 * 1024
/**
 * A body without a length that breaks off ends like a whole one: Apache closes our input, answers
 * 400 and then sends SIGTERM. Without this wait 2 % of such requests were stored all the same; with
 * it, none of 240.
 */
const cutGraceMilliseconds = 100
/** What certainly fits into the pipe to the server, even if the server does not read yet. */
const pipeBytes = 32 * 1024

/** `inspect`: collects what `check` finds, for `debug = true`. */
export function runCgi(
  request: CgiRequest,
  settings: LoadedSettings,
  route: Route,
  inspect?: Inspect,
): void {
  const file = process.execPath
  const deliver = () => {
    replace(2)
    attempt(() => startDeliverer(file, request.env, settings.file))
  }
  const program = { file, say, stackOf: (error: Error) => stackOf(error, file), deliver, inspect }
  const connection = { read, write, milliseconds: steadyMilliseconds, leave }
  // Then all is written, and nothing waits: what Node would free one by one, the kernel frees at
  // once.
  drive(open(request, settings, program, route), connection, () => process.exit())
}

/** Reads the body and writes the reply. */
export function drive(exchange: Exchange, connection: Connection, done: () => void): void {
  // One buffer serves the whole body; Exchange.write() allows that.
  const buffer = Buffer.allocUnsafeSlow(exchange.announcedBytes > 0 ? bufferBytes : 0)
  const gauge = new SpeedGauge()
  const hasLength = exchange.bodyBytes !== Infinity
  let readBytes = 0
  let isTerminated = false
  // SIGTERM while a body is being stored: the end of input follows, and what was stored is removed.
  const outlive = () => {
    isTerminated = true
  }
  while (readBytes < exchange.bodyBytes) {
    const count = gauge.read(connection, buffer, exchange.bodyBytes - readBytes)
    if (count === 0) break
    if (readBytes === 0 && (exchange.outlivesCut || !hasLength)) process.on('SIGTERM', outlive)
    readBytes += count
    const chunk = count === buffer.length ? buffer : buffer.subarray(0, count)
    if (!exchange.write(chunk)) break
    if (gauge.isSlow && readBytes < exchange.bodyBytes) {
      exchange.refuseSlow()
      break
    }
  }
  const finish = () => {
    const reply = Buffer.concat(exchange.end())
    // From here on nothing is stored: a server that waits for us in vain may end us.
    process.off('SIGTERM', outlive)
    const unread = exchange.announcedBytes - readBytes
    const drainRest = () => drain(gauge, connection, buffer, unread)
    if (reply.length > pipeBytes) drainRest()
    // lighttpd sends SIGTERM as soon as it has the whole reply.
    if (exchange.outlivesReply) process.on('SIGTERM', ignore)
    connection.write(reply)
    if (reply.length <= pipeBytes) drainRest()
    if (exchange.outlivesReply) connection.leave()
    exchange.afterReply()
    done()
  }
  if (hasLength) return finish()
  // Only while nothing runs here can Node tell of a signal.
  setTimeout(() => {
    if (exchange.outlivesCut || !isTerminated) return finish()
    exchange.abort()
    process.off('SIGTERM', outlive)
    done()
  }, cutGraceMilliseconds)
}

/**
 * Reads the rest of a body that was refused. Servers that pass the whole body on before they read a
 * reply (Apache, fcgiwrap) lose the reply when the program ends too early; the client would see a
 * broken connection or a 502 instead of the reason. A sender that is too slow is not waited for.
 */
function drain(gauge: SpeedGauge, source: Source, buffer: Buffer, bytes: number): void {
  for (let left = bytes; left > 0 && !gauge.isSlow; ) {
    const count = gauge.read(source, buffer, left)
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

/**
 * Writes to stderr, or does without: it may be closed, or a pipe that is full because nobody reads
 * it. A descriptor of our own does not block, and leaves the server's as it is. Where the system
 * does not give us one (the log is another user's file or a socket), we use the server's.
 */
function say(line: Uint8Array): void {
  const { O_WRONLY, O_APPEND, O_NONBLOCK } = constants
  const own = attempt(() => openSync('/proc/self/fd/2', O_WRONLY | O_APPEND | O_NONBLOCK))
  attempt(() => writeSync(own ?? 2, line))
  if (own !== undefined) attempt(() => closeSync(own))
}

/**
 * Apache keeps the client's connection for three seconds when a program goes on after its reply.
 * Node ends itself when one of the first three descriptors is closed, so /dev/null takes their
 * places.
 */
function leave(): void {
  for (const descriptor of [0, 1]) replace(descriptor)
}

function ignore(): void {
  // A signal that has a listener does not end the process.
}

/** A descriptor that is opened gets the lowest number that is free. */
function replace(descriptor: number): void {
  attempt(() => closeSync(descriptor))
  attempt(() => openSync('/dev/null', constants.O_RDWR))
}

/** Some servers pass descriptors that do not block, so we wait here. */
function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}
