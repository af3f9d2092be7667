// What every file of this room needs to make and to find files, and the Fault for what the file
// system refuses.

import { constants, lstatSync } from 'node:fs'
import { Fault } from '../fault.ts'
import { errorCode } from '../system-error.ts'

/** For open(2): never what is there already, never through a symlink. */
export const createNew =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

/** Whether something has the name, be it a broken symlink. */
export function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

/** Runs it; what the file system refuses becomes a Fault. */
export function translated<Result>(action: () => Result): Result {
  try {
    return action()
  } catch (error) {
    throw fileSystemFault(error)
  }
}

/** What the file system said, as the visitor is told. What it did not say is a bug and stays one. */
export function fileSystemFault(error: unknown): unknown {
  const code = errorCode(error)
  if (error instanceof Fault || code === '' || code.startsWith('ERR_')) return error
  const isFull = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG'
  return new Fault(isFull ? 'DISK_FULL' : 'DIRECTORY_UNUSABLE', '', error)
}
