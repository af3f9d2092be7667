// Makes a received file visible under a name, and takes that back. link(2) takes the name, since it
// never overwrites. Where the file system has no hard links, an exclusive placeholder takes the
// name and the file replaces it. Throws the errors of the file system, and NAME_TAKEN.
// An error does not prove that nothing happened: over NFS the reply to a call that succeeded can
// get lost. So before a failure is believed, the file system is asked whether the name is ours.

import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  linkSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Fault } from '../fault.ts'
import { randomId } from '../random-id.ts'
import { attempt, errorCode } from '../system-error.ts'
import { writeAt } from './block-writer.ts'
import { numberedName, storedName } from './filename.ts'
import {
  createNew,
  fileSystemFault,
  isThere,
  lookedUp,
  openPlain,
  readOnly,
  readSmall,
} from './files.ts'
import { fitting } from './name-limit.ts'

/** A file that is completely on disk, under a random name. */
export type Received = { readonly path: string; readonly inode: number }

export type Placed = {
  readonly path: string
  /** Distinguishes our file from another one that took its name meanwhile. */
  readonly inode: number
  /** The path at which the previous file is kept; '' when the name was free. */
  readonly kept: string
}

/** Places the file if the name is free; undefined when it is not. */
export function placeNew(file: Received, path: string): Placed | undefined {
  const inode = linkNew(file, path)
  return inode === undefined ? undefined : { path, inode, kept: '' }
}

/** Places the file under the name or, if that is taken, under a numbered one: `name-2.ext`, … */
export function placeNumbered(file: Received, directory: string, wanted: string): Placed {
  const { name, maxBytes } = fitting(directory, wanted)
  let number = 1
  for (let tries = 0; tries < maxTries; tries++) {
    const path = join(directory, number === 1 ? name : numberedName(name, number, maxBytes))
    const placed = placeNew(file, path)
    if (placed !== undefined) return placed
    number = freeNumber(directory, name, number + 1, maxBytes)
  }
  throw new Fault('NAME_TAKEN', name)
}

/**
 * Replaces the file that has the name, if there is one. At every moment either the old or the new
 * file is there. The old file is kept at `kept`. Throws NAME_TAKEN for anything but a regular file.
 */
export function placeInstead(file: Received, path: string, kept: string): Placed {
  for (let tries = 0; tries < maxTries; tries++) {
    const placed = placeNew(file, path)
    if (placed !== undefined) return placed
    const existing = lstatSync(path, { throwIfNoEntry: false })
    if (existing?.isFile() === false) break
    // It disappeared meanwhile: then the name is free, and the next link takes it.
    if (existing === undefined || !keepAside(path, kept)) continue
    try {
      renameSync(file.path, path)
    } catch (error) {
      const isPlaced = isSurelyAt(path, file.inode)
      if (isPlaced === undefined) throw maybeThereFault([path], error)
      if (!isPlaced) {
        attempt(() => unlinkSync(kept))
        throw error
      }
    }
    return { path, inode: file.inode, kept }
  }
  throw new Fault('NAME_TAKEN', basename(path))
}

/** Restores the previous state of the name. False when that failed. */
export function takeBack({ path, inode, kept }: Placed): boolean {
  try {
    const isOurs = isAt(path, inode)
    if (isOurs && kept === '') unlinkSync(path)
    else if (isOurs) renameSync(kept, path)
    else if (kept !== '') unlinkSync(kept)
    return true
  } catch {
    return isSurelyAt(path, inode) === false
  }
}

/**
 * Removes the placeholder that a note names, unless the file beside the note is gone: then it has
 * replaced the placeholder. The sweep calls this once a note is old enough.
 */
export function removePlaceholder(note: string, directory: string): void {
  const name = readSmall(note, maxNameBytes)?.toString() ?? ''
  if (!isThere(note.slice(0, -'.name'.length)) || storedName(name) !== name) return
  const path = join(directory, name)
  const stats = lstatSync(path)
  if (stats.isFile() && stats.size === 0) unlinkSync(path)
}

/**
 * The Fault for names that can be neither removed nor looked up: the files may still be there, and
 * all that is left is to say so. Keeps what `error` already says.
 */
export function maybeThereFault(paths: readonly string[], error: unknown): Fault {
  const fault = fileSystemFault(error)
  const code = fault instanceof Fault ? fault.code : 'INTERNAL'
  const told = fault instanceof Fault && fault.detail !== '' ? `${fault.detail}; ` : ''
  const names = paths.map((path) => basename(path)).join(', ')
  return new Fault(code, `${told}not removed again, and maybe there: ${names}`, error)
}

/**
 * A number not below `from` whose name looks free, found with O(log n) look-ups. link(2) decides.
 */
function freeNumber(directory: string, name: string, from: number, maxBytes: number): number {
  const isTaken = (number: number) => isThere(join(directory, numberedName(name, number, maxBytes)))
  let step = 1
  while (isTaken(from + step - 1)) step *= 2
  // The name is taken at `low` (or `low` is just below `from`) and free at `high`.
  let low = from + Math.floor(step / 2) - 1
  let high = from + step - 1
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (isTaken(middle)) low = middle
    else high = middle
  }
  return high
}

/**
 * Whether an error of link(2) may mean that there are no hard links. File systems disagree on the
 * code: EPERM, ENOTSUP, EINVAL (CIFS), EIO (rclone), EXDEV (OpenAFS). Where it meant something
 * else, the placeholder fails with that error again.
 */
export function meansNoLinks(code: string): boolean {
  return !realErrors.has(code)
}

function isAt(path: string, inode: number): boolean {
  return lookedUp(path)?.ino === inode
}

/** Undefined when two attempts cannot find it out. */
function isSurelyAt(path: string, inode: number): boolean | undefined {
  return attempt(() => isAt(path, inode)) ?? attempt(() => isAt(path, inode))
}

/** The inode of the file at `path`; undefined when something else is there. */
function linkNew(file: Received, path: string): number | undefined {
  try {
    linkSync(file.path, path)
  } catch (error) {
    const code = errorCode(error)
    const isPlaced = isSurelyAt(path, file.inode)
    if (isPlaced === undefined) throw maybeThereFault([path], error)
    if (isPlaced) return file.inode
    if (code === 'EEXIST') return undefined
    if (meansNoLinks(code)) return renameNew(file, path) ? file.inode : undefined
    throw error
  }
  if (isSurelyAt(path, file.inode) !== false) return file.inode
  const inode = attempt(() => inodeOfName(file, path))
  if (inode !== undefined) return inode
  attempt(() => unlinkSync(path))
  throw new Fault(
    'DIRECTORY_UNUSABLE',
    '',
    new Error(`another file took the place of ${file.path}`),
  )
}

/**
 * Mounts such as sshfs number names, not files: each further name of a file has another inode. The
 * inode at `path` there; undefined where a second link shows that inodes are of files, and where
 * the received file is no longer the one that we wrote.
 */
function inodeOfName(file: Received, path: string): number | undefined {
  const second = join(dirname(file.path), `.ht${randomId()}.part`)
  linkSync(file.path, second)
  try {
    if (!isAt(file.path, file.inode) || isAt(second, file.inode)) return undefined
    return lookedUp(path)?.ino
  } finally {
    unlinkSync(second)
  }
}

/**
 * For file systems without hard links: an empty placeholder takes the name, and the file replaces
 * it. A note beside the received file records the name, so that the sweep can remove the
 * placeholder of a process that was killed.
 */
function renameNew(file: Received, path: string): boolean {
  if (isThere(path)) return false
  const note = `${file.path}.name`
  let hasPlaceholder = false
  try {
    writeFileSync(note, basename(path), { flag: 'wx', mode: 0o600 })
    const fd = createPlaceholder(path)
    hasPlaceholder = true
    closeSync(fd)
    renameSync(file.path, path)
  } catch (error) {
    const isPlaced = hasPlaceholder && isSurelyAt(path, file.inode)
    if (isPlaced !== true) {
      if (hasPlaceholder) attempt(() => unlinkSync(path))
      if (hasPlaceholder && attempt(() => isThere(path)) !== false)
        throw maybeThereFault([path], error)
      attempt(() => unlinkSync(note))
      if (!hasPlaceholder && errorCode(error) === 'EEXIST') return false
      throw error
    }
  }
  attempt(() => unlinkSync(note))
  return true
}

/**
 * Not opened for writing: whoever watches the directory must not take it for a whole file. rclone
 * makes files only for writing, and answers EIO.
 */
function createPlaceholder(path: string): number {
  try {
    return openSync(path, createForReading, 0o600)
  } catch (error) {
    if (errorCode(error) !== 'EIO') throw error
    return openSync(path, createNew, 0o600)
  }
}

/**
 * Keeps the file at `path` under a second name, or as a copy. False when there is no file any more.
 */
function keepAside(path: string, kept: string): boolean {
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

const createForReading =
  constants.O_RDONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
/** Others may take each name that we find free, but not forever. */
const maxTries = 10_000
const realErrors = new Set(['EEXIST', 'ENOSPC', 'EDQUOT', 'EROFS', 'ENOENT', 'ENAMETOOLONG'])
const maxNameBytes = 255
