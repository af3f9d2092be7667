// Makes a received file visible under a name, and takes that back. link(2) takes the name, since it
// never overwrites. Where the file system has no hard links, an exclusive placeholder takes the
// name and the file replaces it. Throws the errors of the file system, and NAME_TAKEN.
// An error does not prove that nothing happened: over NFS the reply to a call that succeeded can
// get lost. So before a failure is believed, the file system is asked whether the name is ours.

import {
  closeSync,
  constants,
  linkSync,
  lstatSync,
  openSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { Fault } from '../fault.ts'
import { randomId } from '../random-id.ts'
import { attempt, errorCode } from '../system-error.ts'
import { keepAside } from './aside.ts'
import { numberedName } from './filename.ts'
import { createNew, fileSystemFault, isThere, lookedUp, meansNoLinks, readSmall } from './files.ts'
import type { Folder } from './folder.ts'
import { fitting } from './name-limit.ts'
import { folderOf, nameOf } from './path.ts'
import { isPlace, pathOf, placeOf } from './way.ts'

/** A file that is completely on disk, under a random name. */
export type Received = {
  readonly path: string
  readonly inode: number
  /** The upload directory. */
  readonly directory: string
  readonly hidden: Folder
}

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

/**
 * Places the file under the name or, if that is taken, under a numbered one: `name-2.ext`, …
 * `folder`: the path of the folder that gets it. `start`: the number to begin with; 1 is the name
 * itself. `naming`: called with each path before that is tried.
 */
export function placeNumbered(
  file: Received,
  folder: string,
  wanted: string,
  start: number,
  naming: (path: string) => void,
): Placed {
  const { name, maxBytes } = fitting(folder, wanted)
  let number = start
  for (let tries = 0; tries < maxTries; tries++) {
    const path = `${folder}/${number === 1 ? name : numberedName(name, number, maxBytes)}`
    naming(path)
    const placed = placeNew(file, path)
    if (placed !== undefined) return placed
    number = freeNumber(folder, name, number + 1, maxBytes)
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
  throw new Fault('NAME_TAKEN', nameOf(path))
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
  const place = readSmall(note, maxPlaceBytes)?.toString() ?? ''
  if (!isThere(note.slice(0, -'.name'.length)) || !isPlace(place)) return
  const path = pathOf(directory, place)
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
  const names = paths.map(nameOf).join(', ')
  return new Fault(code, `${told}not removed again, and maybe there: ${names}`, error)
}

/**
 * A number not below `from` whose name looks free, found with O(log n) look-ups. link(2) decides.
 */
function freeNumber(folder: string, name: string, from: number, maxBytes: number): number {
  const isTaken = (number: number) => isThere(`${folder}/${numberedName(name, number, maxBytes)}`)
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
    file.hidden.shown(folderOf(path), () => linkSync(file.path, path))
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
  const second = `${folderOf(file.path)}/.ht${randomId()}.part`
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
    const place = placeOf(file.directory, path)
    writeFileSync(note, place, { flag: 'wx', mode: 0o600 })
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

const createForReading =
  constants.O_RDONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
/** Others may take each name that we find free, but not forever. */
const maxTries = 10_000
/** A path has fewer on Linux. */
const maxPlaceBytes = 4096
