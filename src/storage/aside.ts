// Keeps the file that is about to be replaced, so that it can be put back: as a second name, or as
// a copy where the file system or its kernel refuses that. Throws the errors of the file system.

import { closeSync, fchmodSync, fstatSync, linkSync, openSync, readSync, unlinkSync } from 'node:fs'
import { attempt, errorCode } from '../system-error.ts'
import { writeAt } from './block-writer.ts'
import { createNew, meansNoLinks, openPlain, readOnly } from './files.ts'

/**
 * Keeps the file at `path` under a second name, or as a copy. False when there is no file any more.
 */
export function keepAside(path: string, kept: string): boolean {
  try {
    linkSync(path, kept)
    return true
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ENOENT') return false
    attempt(() => unlinkSync(kept))
    // A hardened kernel also answers EPERM to a link to a file of another owner.
    if (!meansNoLinks(code)) throw error
  }
  try {
    copy(path, kept)
    return true
  } catch (error) {
    attempt(() => unlinkSync(kept))
    if (errorCode(error) === 'ENOENT') return false
    throw error
  }
}

/** copyFileSync() would fail on a file system that has no modes. */
function copy(from: string, to: string): void {
  const input = openPlain(from, readOnly)
  try {
    const output = openSync(to, createNew, 0o600)
    try {
      const buffer = Buffer.allocUnsafeSlow(64 * 1024)
      let length = 0
      for (let count = readSync(input, buffer); count > 0; count = readSync(input, buffer)) {
        writeAt(output, buffer.subarray(0, count), length)
        length += count
      }
      attempt(() => fchmodSync(output, fstatSync(input).mode & 0o777))
    } finally {
      closeSync(output)
    }
  } finally {
    closeSync(input)
  }
}
