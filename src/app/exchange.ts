// The seam to the drivers, types alone: a driver pushes the body of one request in and takes one
// reply out. Nothing here knows what time is.

import type { Finding } from '../finding.ts'
import type { Env } from '../http/request.ts'
import type { LoadedSettings } from '../settings/settings.ts'

export type Exchange = {
  /** Bytes to read; 0 for GET and for what was refused unread; Infinity: to the end. */
  readonly bodyBytes: number
  /** Bytes that the client sends, whatever we make of them; Infinity for a chunked body. */
  readonly announcedBytes: number
  /**
   * True if a body that breaks off must be kept or removed. Servers send SIGTERM when the client
   * disconnects; a program that ignores it sees end of input and has a few seconds to clean up.
   * False for a body without a length, whose end looks the same when it is cut.
   */
  readonly outlivesCut: boolean
  /** The bytes are valid only during the call. False: stop reading, the reply is decided. */
  write(chunk: Buffer): boolean
  /** The body is over. The reply as CGI bytes; never throws. */
  end(): Uint8Array
  /** The reply is out. Once, after end(); never throws. */
  afterReply(): void
  /** Instead of end(), when nobody listens any more: removes what was received. Never throws. */
  abort(): void
}

/** What an exchange needs of the process that it runs in. */
export type Program = {
  /** The path of this executable. */
  readonly file: string
  /** Writes a line into the web server's error log. Never throws. */
  say(line: Uint8Array): void
  /** The stack of an error, for its owner. Never throws. */
  stackOf(error: Error): string
  /**
   * What `check` finds, for `debug = true`; without it undefined, so that it need not be loaded.
   */
  readonly inspect: Inspect | undefined
}

export type Inspect = (settings: LoadedSettings, env: Env, program: string) => readonly Finding[]
