// How large the next piece is: what the line carries in some seconds, so that a pause or a broken
// connection costs seconds. Learnt from the pieces before, of all files. After refusals because of
// the size all further pieces are smaller, and they never grow over that size again.

/** The first piece, while the speed is not known. */
const firstBytes = 512 * 1024
const leastBytes = 256 * 1024
/** Between five and ten: the speed of a line varies. */
const pieceSeconds = 7
/** A piece is held in memory while it is sent. */
let mostBytes = 64 * 1024 * 1024
let bytesPerSecond = 0

/** `limit`: the owner's chunk_size. */
export function pieceSize(limit: number): number {
  const wanted = bytesPerSecond > 0 ? bytesPerSecond * pieceSeconds : firstBytes
  return Math.floor(Math.min(Math.max(wanted, leastBytes), mostBytes, limit))
}

/** A file up to this size is never sent in more than one piece. */
export const neverCutBytes = leastBytes

/** `milliseconds`: from the first byte sent to the reply. */
export function learnSpeed(bytes: number, milliseconds: number): void {
  // The time that a short piece takes is not that of its bytes.
  if (bytes >= leastBytes) bytesPerSecond = (bytes / Math.max(milliseconds, 1)) * 1000
}

/** Halves all further pieces; false if this one already had the smallest size. */
export function makeSmaller(sentBytes: number): boolean {
  if (sentBytes <= leastBytes) return false
  mostBytes = Math.max(leastBytes, Math.floor(sentBytes / 2))
  return true
}
