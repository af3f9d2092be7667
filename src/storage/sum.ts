// Reads a whole file again for its checksum: of an upload in pieces whose bytes did not all pass
// through one process. It gives up when that would take so long that the web server would give up
// on this process.

import { readSync } from 'node:fs'
import { steadyMilliseconds } from '../clock.ts'
import type { Hash } from '../hash.ts'

/**
 * Adds `size` bytes of the file to the hash; false when that takes too long. `beat`: called after
 * each block.
 */
export function addAll(
  hash: Hash,
  fd: number,
  size: number,
  isScanned: boolean,
  beat: () => void,
): boolean {
  const buffer = Buffer.allocUnsafeSlow(256 * 1024)
  const startedAt = steadyMilliseconds()
  const maxMilliseconds = isScanned ? maxBeforeScan : maxAlone
  for (let at = 0; at < size; ) {
    const count = readSync(fd, buffer, 0, buffer.length, at)
    if (count === 0) throw new Error(`an upload of ${size} bytes ends at ${at}`)
    hash.update(buffer.subarray(0, count))
    beat()
    at += count
    if (steadyMilliseconds() - startedAt > maxMilliseconds) return false
  }
  return true
}

/** Apache and nginx wait 60 s for a program that sends nothing. */
const maxAlone = 40_000
/** A scan has 30 s. */
const maxBeforeScan = 25_000
