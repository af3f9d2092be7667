// What the owner reads: one JSON line a request in `log_file`, and complaints in the web server's
// error log. Control characters of text from outside are replaced.

import { closeSync, constants, fstatSync, openSync, readSync, statfsSync, writeSync } from 'node:fs'
import type { StoredFile } from './outcome.ts'
import { attempt } from './system-error.ts'

/** Puts a sentence into the web server's error log, with the id of its request. Never throws. */
export type Complain = (text: string) => void

/** In the order of the line; undefined ones are left out. What each one is: logColumns. */
export type LogLine = {
  readonly time: string
  readonly id: string
  readonly method: string
  readonly status: number
  readonly code: string | undefined
  readonly bytes: number
  readonly milliseconds: number
  readonly address: string | undefined
  readonly user: string | undefined
  readonly receipt: string | undefined
  readonly files: readonly LoggedFile[] | undefined
  readonly pieces: number | undefined
  readonly seconds: number | undefined
  readonly fields: readonly (readonly [string, string])[] | undefined
  readonly note: string | undefined
}

/** `name`: as it was sent, where that has folders that are not kept. */
type LoggedFile = Pick<StoredFile, 'stored' | 'size' | 'sha256'> & { readonly name?: string }

/** The README has the same table, and a test compares them. */
export const logColumns: Readonly<Record<keyof LogLine, string>> = {
  time: 'when the reply was decided: ISO 8601, UTC',
  id: 'id of the request, the same as in the reply',
  method: 'GET, POST, …',
  status: 'of the reply',
  code: 'code of the refusal, as in the table above',
  bytes: 'bytes of the body that were read',
  milliseconds: 'the time from the request to its reply, without the start of the process',
  address: 'address of the client: REMOTE_ADDR or what a trusted proxy says; see `log_address`',
  user: 'whom the server authenticated: REMOTE_USER or REDIRECT_REMOTE_USER',
  receipt: 'number of the submission that the files belong to',
  files:
    'what was stored: a list of `stored`, `size`, `sha256`, and `name` if folders were left out',
  pieces: 'number of requests of an upload in pieces',
  seconds: 'seconds from the first to the last of these requests',
  fields:
    'what was written into the form, as pairs of name and value; 20 fields, 2000 characters at ' +
    'most',
  note: 'why a message was dropped, or, instead of a request, why the next ones are not logged',
}

/** Of one complaint, and of all complaints of a request, in bytes. */
const maxComplaintBytes = 2000
const maxComplaintsBytes = 4000

/**
 * The complaints of one request, under 4 KiB in all: a server that still sends the body may not be
 * reading them. `say` writes into the error log.
 */
export function complaintsOf(id: string, say: (line: Uint8Array) => void): Complain {
  let complainedBytes = 0
  return (text) => {
    // A character of UTF-16 is at most three bytes.
    const shown = strip(text).slice(0, maxComplaintBytes / 3)
    const line = Buffer.from(`upload.cgi: ${shown} (id ${id})\n`)
    complainedBytes += line.length
    if (complainedBytes <= maxComplaintsBytes) say(line)
  }
}

type LogSettings = { readonly logFile: string; readonly minFreeBytes: number }

/**
 * Appends the line. While less than `min_free_space` is free, one line that says so replaces all.
 * A log that cannot be written never fails a request: it is a complaint.
 */
export function logRequest(line: LogLine, settings: LogSettings, complain: Complain): void {
  const { logFile, minFreeBytes } = settings
  if (logFile === '') return
  try {
    const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK } = constants
    // A pipe must not make a request wait: opening one fails where nobody reads it.
    const fd = openSync(logFile, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o640)
    try {
      if (!fstatSync(fd).isFile()) throw new Error('it is no plain file')
      // Somebody may just have renamed it: then the open file takes this one line more.
      const room = attempt(() => statfsSync(logFile))
      if (room === undefined || room.bavail * room.bsize >= minFreeBytes) append(fd, line)
      else if (!endsInNote(logFile)) append(fd, { time: line.time, id: line.id, note: noRoomNote })
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    complain(`log_file: ${String(error)}`)
  }
}

/** Whether the note is already the last line; false for a log that we may only write. */
function endsInNote(logFile: string): boolean {
  const { O_RDONLY, O_NONBLOCK } = constants
  const fd = attempt(() => openSync(logFile, O_RDONLY | O_NONBLOCK))
  if (fd === undefined) return false
  try {
    const last = Buffer.alloc(noRoomNote.length + 10)
    const from = Math.max(0, fstatSync(fd).size - last.length)
    attempt(() => readSync(fd, last, 0, last.length, from))
    return last.includes(noRoomNote)
  } finally {
    closeSync(fd)
  }
}

const noRoomNote = 'requests are not logged while less than min_free_space is free'

function append(fd: number, line: Partial<LogLine>): void {
  const bytes = Buffer.from(`${JSON.stringify(line, stripped)}\n`)
  if (writeSync(fd, bytes) < bytes.length) throw new Error('only a part of the line was written')
}

function stripped(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? strip(value) : value
}

function strip(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
}
