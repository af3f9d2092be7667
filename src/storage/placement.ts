// How a received file becomes visible under a name, and how that is taken back. A name is taken by
// link(2), which never overwrites; where the file system has no hard links, an exclusive
// placeholder takes it and is replaced. Errors are the file system's own, or NAME_TAKEN. An error
// does not prove that nothing happened: over NFS the reply to a call that succeeded can get lost.
// So the file system is asked whether the name is ours before a failure is believed.

import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  linkSync,
  lstatSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { Fault } from '../fault.ts'
import { attempt, errorCode } from '../system-error.ts'
import { writeAt } from './block-writer.ts'
import { numberedName, storedName } from './filename.ts'
import { createNew, fileSystemFault, isThere } from './files.ts'

/** A file that is whole on disk under a name of its own. */
export type Received = { readonly path: string; readonly inode: number }

export type Placed = {
  readonly path: string
  /** Tells our file from another that took its name meanwhile. */
  readonly inode: number
  /** Where what was there before is kept; '' when the name was free. */
  readonly kept: string
}

/** Only if the name is free; undefined when it is not. */
export function placeNew(file: Received, path: string): Placed | undefined {
  return linkNew(file, path) ? { path, inode: file.inode, kept: '' } : undefined
}

/** Under the name, or else under the name with a number: `name-2.ext`, … */
export function placeNumbered(file: Received, directory: string, name: string): Placed {
  let number = 1
  for (let tries = 0; tries < maxTries; tries++) {
    const path = join(directory, number === 1 ? name : numberedName(name, number))
    const placed = placeNew(file, path)
    if (placed !== undefined) return placed
    number = freeNumber(directory, name, number + 1)
  }
  throw new Fault('NAME_TAKEN', name)
}

/**
 * In place of the file that has the name, if one has. There is no moment at which neither is there.
 * What was there is kept at `kept`. Throws NAME_TAKEN for what is not a regular file.
 */
export function placeInstead(file: Received, path: string, kept: string): Placed {
  for (let tries = 0; tries < maxTries; tries++) {
    const placed = placeNew(file, path)
    if (placed !== undefined) return placed
    const existing = lstatSync(path, { throwIfNoEntry: false })
    if (existing?.isFile() === false) break
    // Gone meanwhile: then the name is free and the next link takes it.
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

/** What was there before is there again. False when that could not be done. */
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
 * Removes the placeholder that a note names, if its file never replaced it. For the sweep, once a
 * note is old enough; the file beside it may still be there.
 */
export function removePlaceholder(note: string, directory: string): void {
  const name = readFileSync(note, 'utf8')
  if (!isThere(note.slice(0, -'.name'.length)) || storedName(name) !== name) return
  const path = join(directory, name)
  const stats = lstatSync(path)
  if (stats.isFile() && stats.size === 0) unlinkSync(path)
}

/**
 * When a name can be neither removed again nor looked at, all that is left is to say so. Keeps what
 * `error` says already.
 */
export function maybeThereFault(paths: readonly string[], error: unknown): Fault {
  const fault = fileSystemFault(error)
  const code = fault instanceof Fault ? fault.code : 'INTERNAL'
  const told = fault instanceof Fault && fault.detail !== '' ? `${fault.detail}; ` : ''
  const names = paths.map((path) => basename(path)).join(', ')
  return new Fault(code, `${told}not removed again, and maybe there: ${names}`, error)
}

/** A number from `from` on that looks free, in O(log n) looks; link(2) has the last word. */
function freeNumber(directory: string, name: string, from: number): number {
  const isTaken = (number: number) => isThere(join(directory, numberedName(name, number)))
  let step = 1
  while (isTaken(from + step - 1)) step *= 2
  // Taken at `low` (or low is just before `from`), free at `high`.
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
  return lstatSync(path, { throwIfNoEntry: false })?.ino === inode
}

/** Undefined when it cannot be found out, in two looks. */
function isSurelyAt(path: string, inode: number): boolean | undefined {
  return attempt(() => isAt(path, inode)) ?? attempt(() => isAt(path, inode))
}

/** True when the file is now at `path`, false when something else is. */
function linkNew(file: Received, path: string): boolean {
  try {
    linkSync(file.path, path)
    return true
  } catch (error) {
    const code = errorCode(error)
    const isPlaced = isSurelyAt(path, file.inode)
    if (isPlaced === undefined) throw maybeThereFault([path], error)
    if (isPlaced) return true
    if (lacksLinks.has(code)) return renameNew(file, path)
    if (code !== 'EEXIST') throw error
    return false
  }
}

/**
 * Without hard links: an empty placeholder takes the name and is replaced. A note beside the
 * received file says which name, so that a placeholder whose process was killed can be removed by
 * the sweep.
 */
function renameNew(file: Received, path: string): boolean {
  if (isThere(path)) return false
  const note = `${file.path}.name`
  let hasPlaceholder = false
  try {
    writeFileSync(note, basename(path), { flag: 'wx', mode: 0o600 })
    const fd = openSync(path, createNew, 0o600)
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

/** A second name for it, or a copy. False when there is nothing at `path` any more. */
function keepAside(path: string, kept: string): boolean {
  try {
    linkSync(path, kept)
    return true
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ENOENT') return false
    attempt(() => unlinkSync(kept))
    // EPERM is also what a hardened kernel says to a link to a file of another owner.
    if (!lacksLinks.has(code)) throw error
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

/** Not copyFileSync(): that fails where the file system has no modes. */
function copy(from: string, to: string): void {
  const input = openSync(from, constants.O_RDONLY | constants.O_NOFOLLOW)
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

/** Others may take each name that we find free, but not for ever. */
const maxTries = 10_000
const lacksLinks = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'ENOSYS'])
