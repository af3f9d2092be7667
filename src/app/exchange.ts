// The seam to the drivers, types alone: a driver pushes the body of one request in and takes one
// reply out. Nothing here knows of time.

import type { Finding } from '../finding.ts'
import type { Reply } from '../http/reply.ts'
import type { Env } from '../http/request.ts'
import type { LoadedSettings } from '../settings/settings.ts'

export type Exchange = {
  /**
   * The bytes to read; 0 for GET and for a request that is refused unread; Infinity: to the end.
   */
  readonly bodyBytes: number
  /** The bytes that the client sends, even if we do not read them; Infinity for a chunked body. */
  readonly announcedBytes: number
  /**
   * True if a body that breaks off must be kept or removed. Servers send SIGTERM when the client
   * disconnects; a program that ignores it sees end of input and has a few seconds to clean up.
   * False for a form without a length, whose end looks the same when it is cut: then SIGTERM says
   * that it was, and abort() is called.
   */
  readonly outlivesCut: boolean
  /**
   * The bytes are valid only during the call. Returns false when the reply is decided: stop
   * reading.
   */
  write(chunk: Buffer): boolean
  /** The sender is too slow: refuses the rest of the body, unless the reply is decided. */
  refuseSlow(): void
  /** The body is over. Returns the reply as CGI bytes, in pieces. Never throws. */
  end(): readonly Uint8Array[]
  /** Known after end(): afterReply() has something to do, whatever the server thinks of it. */
  readonly outlivesReply: boolean
  /** The reply is written. Called once, after end(). Never throws. */
  afterReply(): void
  /**
   * Called instead of end() when nobody waits for the reply any more: removes what was received.
   * Never throws.
   */
  abort(): void
}

/** What an exchange needs from the process in which it runs. */
export type Program = {
  /** The path of this executable. */
  readonly file: string
  /** Writes a line into the web server's error log. Never throws. */
  say(line: Uint8Array): void
  /** The stack of an error, as its owner can use it. Never throws. */
  stackOf(error: Error): string
  /** Starts a process of its own that tells whoever is to be told. Never throws. */
  deliver(): void
  /**
   * Collects what `check` finds, for `debug = true`. Otherwise undefined, so that it need not be
   * loaded.
   */
  readonly inspect: Inspect | undefined
  readonly kept?: Kept
}

/**
 * What a process that stays keeps from one request to the next. It empties both when the settings
 * change, and the directories each second, since an owner may move them.
 */
export type Kept = {
  /** The forms by language. */
  readonly forms: Map<string, Reply>
  /** The real path of the directory by the site of the request (http/site.ts). */
  readonly directories: Map<string, string>
}

export type Inspect = (settings: LoadedSettings, env: Env, program: string) => readonly Finding[]
