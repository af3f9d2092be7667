// What the owner reads: one JSON line a request in `log_file`, and lines for the web server's error log.
// Called by app.ts. Text from outside is stripped of control characters; the lines to stderr are bounded,
// because a server that is still sending the body may not be reading them (under 4 KiB in all).

import { closeSync, constants, openSync, writeSync } from 'node:fs'
import type { StoredFile } from './outcome.ts'

/** In the order of the line; undefined ones are left out. What each one is: logColumns. */
export type LogLine = {
  readonly time: string
  readonly id: string
  readonly method: string
  readonly status: number
  readonly code: string | undefined
  readonly bytes: number
  readonly milliseconds: number
  readonly address: string
  readonly user: string | undefined
  readonly files: readonly Pick<StoredFile, 'stored' | 'size' | 'sha256'>[] | undefined
  readonly pieces: number | undefined
  readonly seconds: number | undefined
  readonly fields: readonly (readonly [string, string])[] | undefined
}

/** The README has the same table, and a test compares them. */
export const logColumns: Readonly<Record<keyof LogLine, string>> = {
  time: 'when the reply was decided: ISO 8601, UTC',
  id: 'of the request, the same as in the reply',
  method: 'GET, POST, …',
  status: 'of the reply',
  code: 'of the refusal, as in the table above',
  bytes: 'of the body that were read',
  milliseconds: 'from the start of the program to its reply',
  address: 'of the client: REMOTE_ADDR',
  user: 'whom the server authenticated: REMOTE_USER',
  files: 'what was stored: a list of `stored`, `size`, `sha256`',
  pieces: 'requests that an upload in pieces took',
  seconds: 'from the first to the last of them',
  fields:
    'what was written into the form, as pairs of name and value; 20 fields, 2000 characters at most',
}

/** Of one line, and of all that a process says. */
const maxComplaintBytes = 2000
const maxComplaintsBytes = 4000
let complainedBytes = 0

/** Appends the line. A log that cannot be written never fails a request: stderr tells. */
export function logRequest(line: LogLine, file: string): void {
  if (file === '') return
  try {
    const { O_WRONLY, O_APPEND, O_CREAT } = constants
    const fd = openSync(file, O_WRONLY | O_APPEND | O_CREAT, 0o640)
    try {
      const bytes = Buffer.from(`${JSON.stringify(line, stripped)}\n`)
      const count = writeSync(fd, bytes)
      if (count < bytes.length) throw new Error('only a part of the line was written')
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    complain(line.id, `log_file: ${String(error)}`)
  }
}

/** To stderr, which web servers put into their error log. */
export function complain(id: string, text: string): void {
  // A character of UTF-16 is at most three bytes.
  const line = Buffer.from(
    `upload.cgi: ${strip(text).slice(0, maxComplaintBytes / 3)} (id ${id})\n`,
  )
  complainedBytes += line.length
  if (complainedBytes > maxComplaintsBytes) return
  try {
    writeSync(2, line)
  } catch {
    // Nobody listens there.
  }
}

function stripped(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? strip(value) : value
}

function strip(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
}
