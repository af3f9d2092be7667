// Ids that nobody can guess: from the kernel, without node:crypto.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { attempt } from './system-error.ts'

/**
 * 128 bits as 32 hex digits: from the kernel (random(4)), since loading node:crypto takes a quarter of the time of a
 * small upload; by it where there is no /dev, as in a bare chroot.
 */
export function randomId(): string {
  return (
    attempt(readRandom) ?? process.getBuiltinModule('node:crypto').randomBytes(idBytes)
  ).toString('hex')
}

function readRandom(): Buffer {
  const fd = openSync('/dev/urandom', 'r')
  try {
    const bytes = Buffer.alloc(idBytes)
    // A device: a plain file of that name could say the same each time.
    if (!fstatSync(fd).isCharacterDevice()) throw new Error('/dev/urandom is no device')
    if (readSync(fd, bytes) < idBytes) throw new Error('/dev/urandom has too little')
    return bytes
  } finally {
    closeSync(fd)
  }
}

const idBytes = 16
