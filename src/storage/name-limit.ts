// Shortens names for file systems that allow fewer than 255 bytes: eCryptfs 143, encfs 175, others
// in between. Only a long name is looked up, and only where it does not fit the limit is searched
// for. The extension stays.

import { lstatSync } from 'node:fs'
import { errorCode } from '../system-error.ts'
import { maxNameBytes, shortened } from './filename.ts'

export type Fitting = {
  readonly name: string
  /** The bytes that a name may have in that directory. */
  readonly maxBytes: number
}

/** The name as it fits into the directory; `name`: as storedName() returns it. */
export function fitting(directory: string, name: string): Fitting {
  if (Buffer.byteLength(name) <= alwaysFits) return { name, maxBytes: maxNameBytes }
  const maxBytes = nameLimit(directory)
  return { name: shortened(name, maxBytes), maxBytes }
}

/** The bytes that a name may have there; 255 on most file systems. */
export function nameLimit(directory: string): number {
  if (fits(directory, maxNameBytes)) return maxNameBytes
  let [low, high] = [alwaysFits, maxNameBytes]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (fits(directory, middle)) low = middle
    else high = middle
  }
  return low
}

function fits(directory: string, bytes: number): boolean {
  try {
    lstatSync(`${directory}/${'x'.repeat(bytes)}`)
    return true
  } catch (error) {
    return errorCode(error) !== 'ENAMETOOLONG'
  }
}

/** Every file system that is known takes so many bytes, and a number after them. */
const alwaysFits = 100
