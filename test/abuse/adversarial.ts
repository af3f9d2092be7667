// Bodies of any size that are meant to hurt a parser, as files that become standard input: never as
// one string.

import { closeSync, openSync, writeSync } from 'node:fs'
import type { FaultCode } from '../../src/fault-table.ts'

export type Hostile = {
  /** What the body is full of. */
  readonly of: string
  readonly boundary?: string
  /** A file part's beginning unless given. */
  readonly head?: string
  /** Repeated until the size is reached. */
  readonly unit: string
  /** The part's and the body's end unless given. */
  readonly tail?: string
  /** Stored unless given. */
  readonly code?: FaultCode
  /** So full of what needs a look that a tenth of the size is enough of it. */
  readonly isDense?: true
}

export const plainBoundary = 'XboundaryX'

export const hostileBodies: readonly Hostile[] = [
  { of: 'zero bytes', unit: '\0' },
  { of: 'CR', unit: '\r' },
  { of: 'LF', unit: '\n' },
  { of: 'CRLF', unit: '\r\n' },
  { of: 'CRLF--', unit: '\r\n--' },
  { of: 'delimiters without their last character', unit: '\r\n--Xboundary' },
  { of: 'delimiters with another last character', unit: '\r\n--XboundaryY' },
  { of: 'boundaries without CRLF', unit: '.--XboundaryX' },
  { of: 'delimiters that go on', unit: '\r\n--XboundaryXX', isDense: true },
  { of: 'delimiters with one more hyphen', unit: '\r\n--XboundaryX-X', isDense: true },
  {
    of: 'delimiters with blanks behind',
    unit: `\r\n--XboundaryX${' '.repeat(1024)}X`,
    isDense: true,
  },
  { of: 'short delimiters that go on', boundary: 'b', unit: '\r\n--bb', isDense: true },
  { of: 'what a long boundary ends with', boundary: 'a'.repeat(70), unit: 'a' },
  {
    of: 'hyphens, as the boundary',
    boundary: '-'.repeat(70),
    unit: '-',
    head: hyphenHead(),
    code: 'BAD_MULTIPART',
  },
  { of: 'preamble', head: 'preamble', unit: 'x', code: 'BAD_MULTIPART' },
  { of: 'preamble of CRLF', head: '', unit: '\r\n-', code: 'BAD_MULTIPART' },
  { of: 'one header', head: '--XboundaryX\r\nA: ', unit: 'x', code: 'HEADERS_TOO_LARGE' },
  { of: 'headers', head: '--XboundaryX\r\n', unit: 'A: x\r\n', code: 'HEADERS_TOO_LARGE' },
  { of: 'a file without end', unit: 'x', tail: '', code: 'BAD_MULTIPART' },
  { of: 'empty lines as headers', head: '--XboundaryX\r\n', unit: '\r\n', code: 'BAD_MULTIPART' },
  { of: 'epilogue', head: epilogueHead(), unit: 'x', tail: '' },
  { of: 'epilogue of delimiters', head: epilogueHead(), unit: '--XboundaryX\r\n', tail: '' },
  { of: 'fields', head: '', unit: field('n', 'v'), code: 'TOO_MANY_FIELDS' },
  {
    of: 'fields with escaped names',
    head: '',
    unit: field('%22%0D%0A'.repeat(850), 'v'),
    code: 'TOO_MANY_FIELDS',
  },
  {
    of: 'files with escaped names',
    head: '',
    unit: fileWith('\\"'.repeat(4000)),
    code: 'TOO_MANY_FILES',
  },
  { of: 'empty file inputs', head: '', unit: fileWith(''), code: 'TOO_MANY_FIELDS' },
]

/** Big temporary files belong in memory, where there is room for them. */
/** Writes the body; whole units, so it may be a little smaller than `bytes`. */
export function writeBody(path: string, hostile: Hostile, bytes: number): void {
  const boundary = hostile.boundary ?? plainBoundary
  const disposition = 'Content-Disposition: form-data; name="f"; filename="a.bin"'
  const head = Buffer.from(hostile.head ?? `--${boundary}\r\n${disposition}\r\n\r\n`)
  const tail = Buffer.from(hostile.tail ?? `\r\n--${boundary}--\r\n`)
  const units = Math.floor((bytes - head.length - tail.length) / hostile.unit.length)
  const perBlock = Math.min(units, Math.ceil(262_144 / hostile.unit.length))
  const block = Buffer.from(hostile.unit.repeat(perBlock))
  const fd = openSync(path, 'w')
  writeSync(fd, head)
  let left = units
  for (; left >= perBlock; left -= perBlock) writeSync(fd, block)
  writeSync(fd, block, 0, left * hostile.unit.length)
  writeSync(fd, tail)
  closeSync(fd)
}

export function field(name: string, value: string): string {
  return `--XboundaryX\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
}

function fileWith(filename: string): string {
  const disposition = `Content-Disposition: form-data; name="f"; filename="${filename}"`
  return `--XboundaryX\r\n${disposition}\r\n\r\n\r\n`
}

/** The content begins with the boundary, and a blank line stands for CRLF. */
function hyphenHead(): string {
  return `--${'-'.repeat(70)}\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n`
}

function epilogueHead(): string {
  return `${fileWith('a.bin')}--XboundaryX--\r\n`
}
