// Ids that nobody can guess, of uploads and of files that are being received: 128 bits as 32
// hexadecimal digits.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { attempt } from './system-error.ts'

/**
 * From the kernel (random(4)), since loading node:crypto takes a quarter of the time of a small
 * upload. Where there is no /dev, as in a bare chroot, node:crypto makes it.
 */
export function randomId(): string {
  const bytes = attempt(readRandom) ?? process.getBuiltinModule('node:crypto').randomBytes(idBytes)
  return bytes.toString('hex')
}

/** An id as a client sends it, in lower case; undefined for anything else. */
export function parseId(text: string): string | undefined {
  return /^[0-9A-Fa-f]{32}$/.test(text) ? text.toLowerCase() : undefined
}

/** Undefined where /dev/urandom is something else; throws where it cannot be read. */
function readRandom(): Buffer | undefined {
  const fd = openSync('/dev/urandom', 'r')
  try {
    const bytes = Buffer.alloc(idBytes)
    // A plain file of that name could say the same each time.
    const isWhole = fstatSync(fd).isCharacterDevice() && readSync(fd, bytes) === idBytes
    return isWhole ? bytes : undefined
  } finally {
    closeSync(fd)
  }
}

const idBytes = 16
