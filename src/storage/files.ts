// What all files of this room need: how files are created and found, how a whole file is finished,
// how a directory is made durable, and which Fault an error of the file system becomes.

import {
  closeSync,
  constants,
  fchmodSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  type Stats,
  unlinkSync,
} from 'node:fs'
import { Fault } from '../fault.ts'
import { attempt, errorCode } from '../system-error.ts'

/** Flags for open(2): refuse a file that exists, and never follow a symlink. */
export const createNew =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

/** Flags for open(2): never follow a symlink, never wait for the other end of a FIFO. */
const neverWait = constants.O_NOFOLLOW | constants.O_NONBLOCK
export const readOnly = constants.O_RDONLY | neverWait
export const readAndWrite = constants.O_RDWR | neverWait

/** Creates a file for this user alone. The caller closes `fd`. `stats`: of the empty file. */
export function createFile(path: string): { fd: number; stats: Stats } {
  const fd = unlessStale(() => openSync(path, createNew, 0o600))
  try {
    const stats = fstatSync(fd)
    // A umask can take away what the owner needs to open it again.
    if ((stats.mode & 0o600) !== 0o600) setMode(fd, 0o600)
    return { fd, stats }
  } catch (error) {
    attempt(() => closeSync(fd))
    attempt(() => unlinkSync(path))
    throw error
  }
}

/** Throws DIRECTORY_UNUSABLE for anything but a plain file, such as a FIFO. */
export function openPlain(path: string, flags: number): number {
  const fd = openSync(path, flags)
  if (attempt(() => fstatSync(fd).isFile())) return fd
  attempt(() => closeSync(fd))
  throw new Fault('DIRECTORY_UNUSABLE', '', new Error(`${path} is not a plain file`))
}

/** Opens a plain file to read it; undefined when there is none, whatever is in its place. */
export function openIfThere(path: string): number | undefined {
  try {
    return openPlain(path, readOnly)
  } catch (error) {
    if (error instanceof Fault || isNoFile.has(errorCode(error))) return undefined
    throw error
  }
}

/** Undefined unless a plain file of at most so many bytes is there. */
export function readSmall(path: string, maxBytes: number): Buffer | undefined {
  const fd = openIfThere(path)
  if (fd === undefined) return undefined
  try {
    return fstatSync(fd).size <= maxBytes ? readFileSync(fd) : undefined
  } finally {
    closeSync(fd)
  }
}

/** Whether anything has this name, even a broken symlink. */
export function isThere(path: string): boolean {
  return lookedUp(path) !== undefined
}

/** What has this name; undefined for nothing, and for a name that is too long to be there. */
export function lookedUp(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch (error) {
    if (errorCode(error) === 'ENAMETOOLONG') return undefined
    throw error
  }
}

/**
 * Whether an error of link(2) may mean that there are no hard links. File systems disagree on the
 * code: EPERM, ENOTSUP, EINVAL (CIFS), EIO (rclone), EXDEV (OpenAFS). Where it meant something
 * else, the placeholder fails with that error again.
 */
export function meansNoLinks(code: string): boolean {
  return !realErrors.has(code)
}

/**
 * Sets the mode of a whole file and, if asked to, makes its content durable. `modifiedAt`: in ms
 * since 1970.
 */
export function finishFile(
  fd: number,
  mode: number,
  isDurable: boolean,
): { inode: number; modifiedAt: number } {
  setMode(fd, mode)
  const { ino, mtimeMs } = fstatSync(fd)
  if (isDurable) syncData(fd)
  return { inode: ino, modifiedAt: Math.round(mtimeMs) }
}

/**
 * On ext4 and XFS a new name survives a power cut only after a sync of its directory (Pillai et
 * al., OSDI 2014).
 */
export function syncDirectory(directory: string): void {
  let fd = -1
  try {
    fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY)
    const opened = fd
    unlessLacking(() => fsyncSync(opened))
  } catch (error) {
    // A directory that this user may not list cannot be opened. Every other error counts.
    if (fd !== -1 || errorCode(error) !== 'EACCES') throw error
  } finally {
    if (fd !== -1) closeSync(fd)
  }
}

/**
 * Tries again where another machine has replaced a folder on the way at this moment: on CephFS and
 * NFS that is ESTALE, and nothing was done. On a local disk it never happens.
 */
export function unlessStale<Result>(action: () => Result): Result {
  for (let tries = 1; ; tries++) {
    try {
      return action()
    } catch (error) {
      if (errorCode(error) !== 'ESTALE' || tries === maxStaleTries) throw error
    }
  }
}

/**
 * Runs `action`, which changes names in `folder`, and syncs that right after it. The folder is
 * opened before: CephFS shows a change to nobody, not even to whoever opens the folder, until the
 * metadata server has written its journal, which it does every 5 s or when it is asked to sync.
 */
export function synced<Result>(folder: string, action: () => Result): Result {
  // The action may be about to make it.
  const fd = attempt(() => openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY))
  try {
    const result = action()
    if (fd === undefined) syncDirectory(folder)
    else unlessLacking(() => fsyncSync(fd))
    return result
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** Runs `action`; turns an error of the file system into a Fault. */
export function translated<Result>(action: () => Result): Result {
  try {
    return action()
  } catch (error) {
    throw fileSystemFault(error)
  }
}

/**
 * The Fault that the visitor is told for an error of the file system. Any other error is a bug and
 * is returned unchanged.
 */
export function fileSystemFault(error: unknown): unknown {
  const code = errorCode(error)
  if (error instanceof Fault || code === '') return error
  const isFull = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG'
  return new Fault(isFull ? 'DISK_FULL' : 'DIRECTORY_UNUSABLE', '', error)
}

/** Makes the content of a file durable, where the mount can do that. */
export function syncData(fd: number): void {
  unlessLacking(() => fdatasyncSync(fd))
}

function setMode(fd: number, mode: number): void {
  unlessLacking(() => fchmodSync(fd, mode))
}

/**
 * Some mounts lack a call and refuse it: vfat and FUSE have one mode for all files, CIFS and others
 * cannot sync. The file is ours and open, so these errors mean nothing else.
 */
function unlessLacking(call: () => void): void {
  try {
    call()
  } catch (error) {
    if (!lackingErrors.has(errorCode(error))) throw error
  }
}

/** As many machines make a folder at the same time at most. */
const maxStaleTries = 20
const realErrors = new Set(['EEXIST', 'ENOSPC', 'EDQUOT', 'EROFS', 'ENOENT', 'ENAMETOOLONG'])
const lackingErrors = new Set(['EPERM', 'EACCES', 'EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'])
/** What open(2) says when there is no file, or a symlink, a socket or a device without a driver. */
const isNoFile = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'ENODEV', 'EISDIR'])
