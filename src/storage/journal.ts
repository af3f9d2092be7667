// The journal of an upload in pieces, `KEY.journal` in `incoming/`: one JSON value a line. The
// first line says what is being sent, then each piece adds [offset, pieces], and the end adds {
// stored }. A line counts once it is complete, and it is written only after the data that it
// describes is safe. So the recorded offset never exceeds the safe data; whatever a crash left
// after that offset is overwritten. Lines that are incomplete or are not JSON are ignored.

import { closeSync, fstatSync, readSync, truncateSync } from 'node:fs'
import type { Stored } from '../outcome.ts'
import { attempt } from '../system-error.ts'
import { writeAt } from './block-writer.ts'
import { createFile, openPlain, readAndWrite, readOnly, syncData } from './files.ts'
import type { UploadHeader } from './storage.ts'

export type Journal = {
  readonly header: JournalHeader
  /** False while the one request that is to bring all of the file has not ended. */
  readonly takesSlot: boolean
  /** Bytes that are safe. */
  readonly offset: number
  readonly pieces: number
  /** When the journal was last written, by the clock of the file system, in ms since 1970. */
  readonly touchedAt: number
  /** Without hard links the data file itself is renamed. True if that may have happened. */
  readonly isMoving: boolean
  /** Kept for a sender whose last reply was lost. */
  readonly stored: Stored | undefined
}

export type JournalHeader = UploadHeader & {
  /** Of the data file. */
  readonly inode: number
  /** In ms since 1970. */
  readonly startedAt: number
  /** The keyed hash of who sends it. */
  readonly sender: string
  /** As Beginning has it. */
  readonly isWhole: boolean
}

/**
 * Throws the errors of the file system, EEXIST too. The header is safe on disk with the first note.
 */
export function createJournal(path: string, header: JournalHeader): void {
  const { fd } = createFile(path)
  try {
    writeAt(fd, Buffer.from(`${JSON.stringify(header)}\n`), 0)
  } finally {
    closeSync(fd)
  }
}

/** Adds one whole line, or nothing. */
export function note(path: string, line: unknown, isDurable: boolean): void {
  let fd = openPlain(path, readAndWrite)
  let size = Infinity
  try {
    size = fstatSync(fd).size
    // If the last line is incomplete, this one begins on a new line.
    const start = size > 0 && readAt(fd, size - 1, 1) !== '\n' ? '\n' : ''
    writeAt(fd, Buffer.from(`${start}${JSON.stringify(line)}\n`), size)
    if (isDurable) syncData(fd)
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

/** Undefined when there is no journal, or its first line cannot be read. */
export function readJournal(path: string): Journal | undefined {
  const { first, last, touchedAt } = attempt(() => edges(path)) ?? noJournal
  const header = parsed(first) as JournalHeader | undefined
  if (typeof header?.size !== 'number') return undefined
  let [offset, pieces] = [0, 0]
  let stored: Stored | undefined
  let isMoving = false
  let takesSlot = header.isWhole !== true
  for (const line of last.map(parsed)) {
    if (Array.isArray(line) && line[0] >= offset) [offset, pieces] = line as [number, number]
    takesSlot ||= Array.isArray(line)
    const members = Object(line) as { stored?: Stored; moving?: true }
    stored = members.stored ?? stored
    isMoving ||= members.moving === true
  }
  if (stored !== undefined) offset = header.size
  return { header, takesSlot, offset, pieces, touchedAt, isMoving, stored }
}

/** The first line and the last ones. A huge file in small pieces has many lines between them. */
function edges(path: string): { first: string; last: string[]; touchedAt: number } {
  const fd = openPlain(path, readOnly)
  try {
    const { size, mtimeMs } = fstatSync(fd)
    const head = readAt(fd, 0, Math.min(size, edgeBytes))
    const tailAt = Math.max(0, size - edgeBytes)
    const tail = tailAt === 0 ? head : readAt(fd, tailAt, size - tailAt)
    // Text after the last line feed is an incomplete line.
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

/** Undefined for a line that is not JSON, which a crash may leave. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/** Enough for the longest header, and for the longest line that says what was stored. */
const edgeBytes = 512 * 1024
const noJournal = { first: '', last: [] as string[], touchedAt: 0 }
