// What every file of this room needs: how files are made and found, how a whole file is finished,
// how a directory is made durable, and which Fault the refusal of a file system is.

import {
  closeSync,
  constants,
  fchmodSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
} from 'node:fs'
import { Fault } from '../fault.ts'
import { errorCode } from '../system-error.ts'

/** For open(2): never what is there already, never through a symlink. */
export const createNew =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

/** Whether something has the name, be it a broken symlink. */
export function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

/** Sets the mode of a whole file and makes its content durable, if asked to. Returns its inode. */
export function finishFile(fd: number, mode: number, isDurable: boolean): number {
  setMode(fd, mode)
  const { ino } = fstatSync(fd)
  if (isDurable) fdatasyncSync(fd)
  return ino
}

/** A new name is only safe on ext4 and XFS once its directory is (Pillai et al., OSDI 2014). */
export function syncDirectory(directory: string): void {
  let fd = -1
  try {
    fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY)
    fsyncSync(fd)
  } catch (error) {
    // Some network and FUSE file systems cannot do it; a directory that may not be listed cannot be
    // opened for it. Everything else is a failure.
    if (errorCode(error) !== 'EINVAL' && !(fd === -1 && errorCode(error) === 'EACCES')) throw error
  } finally {
    if (fd !== -1) closeSync(fd)
  }
}

/** Runs it; what the file system refuses becomes a Fault. */
export function translated<Result>(action: () => Result): Result {
  try {
    return action()
  } catch (error) {
    throw fileSystemFault(error)
  }
}

/**
 * What the file system said, as the visitor is told. What it did not say is a bug and stays one.
 */
export function fileSystemFault(error: unknown): unknown {
  const code = errorCode(error)
  if (error instanceof Fault || code === '') return error
  const isFull = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG'
  return new Fault(isFull ? 'DISK_FULL' : 'DIRECTORY_UNUSABLE', '', error)
}

function setMode(fd: number, mode: number): void {
  try {
    fchmodSync(fd, mode)
  } catch (error) {
    // The file is ours: these say that the file system has one mode for all files (vfat, some
    // FUSE).
    if (!['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'].includes(errorCode(error))) throw error
  }
}
