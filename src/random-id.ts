// Ids that nobody can guess, of uploads and of files that are being received: 128 bits as 32
// hexadecimal digits.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { attempt } from './system-error.ts'

/**
 * From the kernel (random(4)), since loading node:crypto takes a quarter of the time of a small
 * upload. Where there is no /dev, as in a bare chroot, node:crypto makes it.
 */
export function randomId(): string {
  if (unused.length === 0) unused = attempt(readRandom) ?? ofCrypto()
  const id = unused.toString('hex', 0, idBytes)
  unused = unused.subarray(idBytes)
  return id
}

/** An id as a client sends it, in lower case; undefined for anything else. */
export function parseId(text: string): string | undefined {
  return /^[0-9A-Fa-f]{32}$/.test(text) ? text.toLowerCase() : undefined
}

function ofCrypto(): Buffer {
  return process.getBuiltinModule('node:crypto').randomBytes(idBytes)
}

/** Undefined where /dev/urandom is something else; throws where it cannot be read. */
function readRandom(): Buffer | undefined {
  const fd = openSync('/dev/urandom', 'r')
  try {
    const bytes = Buffer.alloc(idBytes * idsAtOnce)
    // A plain file of that name could say the same each time.
    const isWhole = fstatSync(fd).isCharacterDevice() && readSync(fd, bytes) === bytes.length
    return isWhole ? bytes : undefined
  } finally {
    closeSync(fd)
  }
}

const idBytes = 16
/** A request with one file needs as many. */
const idsAtOnce = 4
let unused: Buffer = Buffer.alloc(0)
