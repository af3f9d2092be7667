// The journal of an upload in pieces, `KEY.journal` in `incoming/`: one JSON value a line. The
// first line says what is being sent and the number of the format, then each piece adds [offset,
// pieces]. It refuses a format of a newer version. A line counts once it is complete, and it is
// written only after the data that it describes is safe. So the recorded offset never exceeds the
// safe data; whatever a crash left after that offset is overwritten. Lines that are incomplete, or
// that are not what is written here, are ignored.

import { closeSync, fstatSync, readSync, truncateSync } from 'node:fs'
import { Fault } from '../fault.ts'
import { attempt } from '../system-error.ts'
import { writeAt } from './block-writer.ts'
import { createFile, openIfThere, openPlain, readAndWrite, syncData } from './files.ts'
import type { UploadHeader } from './storage.ts'
import { isPlace } from './way.ts'

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
  /** The day under which its verdict is looked for, once the last piece has come. */
  readonly verdictDay: string | undefined
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
    writeAt(fd, Buffer.from(`${JSON.stringify({ format, ...header })}\n`), 0)
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

/**
 * Undefined when there is no journal, or its first line is damaged. Throws DIRECTORY_UNUSABLE for a
 * format of a newer version.
 */
export function readJournal(path: string): Journal | undefined {
  const read = edges(path)
  if (read === undefined) return undefined
  const { first, last, touchedAt } = read
  const header = parsedHeader(path, first)
  if (header === undefined) return undefined
  let [offset, pieces] = [0, 0]
  let isMoving = false
  let verdictDay: string | undefined
  let takesSlot = header.isWhole !== true
  for (const line of last.map(parsed)) {
    const [at, count] = Array.isArray(line) ? line : []
    const isPiece = isCount(at) && isCount(count) && at >= offset && at <= header.size
    if (isPiece) [offset, pieces] = [at, count]
    takesSlot ||= isPiece
    const { moving, day } = Object(line) as { moving?: unknown; day?: unknown }
    isMoving ||= moving === true
    if (typeof day === 'string' && /^\d{4}-\d\d-\d\d$/.test(day)) verdictDay = day
  }
  return { header, takesSlot, offset, pieces, touchedAt, isMoving, verdictDay }
}

/** Whether a newer version wrote it: then it is not ours to sweep. */
export function isNewer(path: string): boolean {
  const header = parsedObject(edges(path)?.first ?? '')
  return isCount(header?.['format']) && header['format'] > format
}

/** Undefined for what is no JSON object. */
export function parsedObject(text: string): Readonly<Record<string, unknown>> | undefined {
  const value = parsed(text)
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? (value as Record<string, unknown>) : undefined
}

function parsedHeader(path: string, line: string): JournalHeader | undefined {
  const header = parsedObject(line)
  if (isCount(header?.['format']) && header['format'] > format) {
    const reason = `${path} was written by a newer version: install that one again`
    throw new Fault('DIRECTORY_UNUSABLE', '', new Error(reason))
  }
  if (header?.['format'] !== format) return undefined
  const texts = ['name', 'place', 'folder', 'type', 'field', 'metadata', 'sender']
  const isSound =
    isCount(header['size']) &&
    isCount(header['inode']) &&
    isCount(header['startedAt']) &&
    texts.every((name) => typeof header[name] === 'string') &&
    isPlace(String(header['place']))
  return isSound ? (header as unknown as JournalHeader) : undefined
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

type Edges = { readonly first: string; readonly last: string[]; readonly touchedAt: number }

/** The first line and the last ones. A huge file in small pieces has many lines between them. */
function edges(path: string): Edges | undefined {
  const fd = openIfThere(path)
  if (fd === undefined) return undefined
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
/** Of what is written here. */
const format = 1
