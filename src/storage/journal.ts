// The journal of an upload in pieces, `ID.journal` in `.incoming/`. Called by partial.ts.
// One JSON value a line: what is being sent, then [offset, pieces] after each piece, in the end { stored }.
// A line counts once it ends, and is written only after the data it speaks of is safe. So the offset told is
// never beyond that; what a crash left behind the offset is overwritten.

import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  openSync,
  readSync,
  truncateSync,
} from 'node:fs'
import type { Stored } from '../outcome.ts'
import { attempt } from '../system-error.ts'
import { writeAll } from './block-writer.ts'
import { createNew } from './files.ts'

/** What is being sent. */
export type PartialHeader = {
  /** Of the whole file, in bytes. */
  readonly size: number
  /** As the client called it. */
  readonly name: string
  /** What the client said it is. */
  readonly type: string
  /** The form field it came in; '' for tus. */
  readonly field: string
  /** tus: Upload-Metadata as sent; '' for others. */
  readonly metadata: string
}

export type Journal = {
  /** `inode` of the data, `startedAt` in ms since 1970. */
  readonly header: PartialHeader & { readonly inode: number; readonly startedAt: number }
  /** How much is safely there. */
  readonly offset: number
  readonly pieces: number
  /** By the clock of the directory, in ms since 1970. */
  readonly touchedAt: number
  /** Where there are no hard links: the data itself is given its name. */
  readonly isMoving: boolean
  /** The receipt, for a sender who lost the reply. */
  readonly stored: Stored | undefined
}

/** Throws EEXIST and what else the file system says. It is safe on disk with the first note. */
export function createJournal(path: string, header: Journal['header']): void {
  const fd = openSync(path, createNew, 0o600)
  try {
    writeAll(fd, Buffer.from(`${JSON.stringify(header)}\n`), 0)
  } finally {
    closeSync(fd)
  }
}

/** A line more, or none. */
export function note(path: string, line: unknown, isDurable: boolean): void {
  let fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW)
  let size = Infinity
  try {
    size = fstatSync(fd).size
    // Behind a line that was torn, this makes two.
    const start = size > 0 && readAt(fd, size - 1, 1) !== '\n' ? '\n' : ''
    writeAll(fd, Buffer.from(`${start}${JSON.stringify(line)}\n`), size)
    if (isDurable) fdatasyncSync(fd)
    const closing = fd
    fd = -1
    closeSync(closing)
  } catch (error) {
    if (size < Infinity) attempt(() => truncateSync(path, size))
    throw error
  } finally {
    if (fd !== -1) attempt(() => closeSync(fd))
  }
}

/** Undefined when there is none that makes sense. */
export function readJournal(path: string): Journal | undefined {
  const { first, last, touchedAt } = attempt(() => edges(path)) ?? noJournal
  const header = parsed(first) as Journal['header'] | undefined
  if (typeof header?.size !== 'number') return undefined
  let [offset, pieces] = [0, 0]
  let stored: Stored | undefined
  let isMoving = false
  for (const line of last.map(parsed)) {
    if (Array.isArray(line) && line[0] >= offset) [offset, pieces] = line as [number, number]
    const members = Object(line) as { stored?: Stored; moving?: true }
    stored = members.stored ?? stored
    isMoving ||= members.moving === true
  }
  return { header, offset: stored ? header.size : offset, pieces, touchedAt, isMoving, stored }
}

/** The first line and the last ones: of a huge file in small pieces there are many between. */
function edges(path: string): { first: string; last: string[]; touchedAt: number } {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const { size, mtimeMs } = fstatSync(fd)
    const head = readAt(fd, 0, Math.min(size, edgeBytes))
    const tailAt = Math.max(0, size - edgeBytes)
    const tail = tailAt === 0 ? head : readAt(fd, tailAt, size - tailAt)
    // What follows the last line feed is a line that was torn.
    const lines = tail.split('\n').slice(tailAt === 0 ? 1 : 0, -1)
    const [first = ''] = head.split('\n', 1)
    return { first: head.includes('\n') ? first : '', last: lines, touchedAt: mtimeMs }
  } finally {
    closeSync(fd)
  }
}

function readAt(fd: number, position: number, bytes: number): string {
  const buffer = Buffer.alloc(bytes)
  let length = 0
  while (length < bytes) {
    const count = readSync(fd, buffer, length, bytes - length, position + length)
    if (count === 0) break
    length += count
  }
  return buffer.toString('utf8', 0, length)
}

function parsed(line: string): unknown {
  return attempt(() => JSON.parse(line))
}

/** Holds the longest header and the longest receipt. */
const edgeBytes = 512 * 1024
const noJournal = { first: '', last: [] as string[], touchedAt: 0 }
