// The folders between the upload directory and a file. Makes those that are missing, as open to
// others as the directory is; group, setgid bit and default ACL are inherited. It refuses anything
// in the way that is not a folder of the same file system, such as a symlink or a mount, with
// NAME_TAKEN. Node has no openat(2): so each folder is looked at before a file gets its name there,
// and once more after that, and must be the same one.

import { lstatSync, mkdirSync, rmdirSync, type Stats } from 'node:fs'
import { sep } from 'node:path'
import { Fault } from '../fault.ts'
import { attempt, errorCode } from '../system-error.ts'
import { storedName } from './filename.ts'
import { lookedUp } from './files.ts'
import { fitting } from './name-limit.ts'
import { nameOf } from './path.ts'

export type Way = {
  /** The path of the last folder; without any, of the upload directory. */
  readonly path: string
  /** From the upload directory on, without that. */
  readonly folders: readonly { readonly path: string; readonly inode: number }[]
  /** The paths of those that were made. */
  readonly made: readonly string[]
}

/**
 * Where a file with this place goes, as far as it is known: `place` is as PendingFile has it.
 * Throws NAME_TAKEN when something is in the way.
 */
export function pathOf(directory: string, place: string): string {
  const names = place.split('/')
  let path = directory
  for (const [i, name] of names.entries()) {
    path = `${path}/${fitting(path, name).name}`
    const isFolder = i < names.length - 1
    const stats = isFolder ? lookedUp(path) : undefined
    if (stats !== undefined) requireFolder(path, stats, lstatSync(directory).dev)
  }
  return path
}

/** Looks at the folders of a place, and makes those that are missing. */
export function openWay(directory: string, place: string): Way {
  const names = place.split('/').slice(0, -1)
  const [folders, made]: [{ path: string; inode: number }[], string[]] = [[], []]
  let path = directory
  try {
    for (const name of names) {
      path = `${path}/${fitting(path, name).name}`
      const root = lstatSync(directory)
      if (make(path, root.mode)) made.push(path)
      const stats = lstatSync(path)
      requireFolder(path, stats, root.dev)
      folders.push({ path, inode: stats.ino })
    }
    return { path, folders, made }
  } catch (error) {
    removeMade({ made })
    throw error
  }
}

/** Throws NAME_TAKEN when a folder was replaced since openWay(). */
export function requireSame({ folders }: Way): void {
  for (const { path, inode } of folders) {
    const stats = lookedUp(path)
    if (stats?.ino !== inode || !stats.isDirectory()) throw takenFault(path)
  }
}

/** Removes the folders that openWay() made, unless somebody else uses them by now. Never throws. */
export function removeMade({ made }: Pick<Way, 'made'>): void {
  for (const path of [...made].reverse()) attempt(() => rmdirSync(path))
}

/**
 * The directories to sync before the names of files are durable. All of them, whoever made them:
 * another request may have made a folder just now.
 */
export function directoriesOf(directory: string, ways: readonly Way[]): ReadonlySet<string> {
  const paths = ways.flatMap(({ folders }) => folders.map(({ path }) => path))
  return new Set([...paths.reverse(), directory])
}

/** Whether it is a place as PendingFile has it: what is read from disk may be damaged. */
export function isPlace(text: string): boolean {
  return text.split('/').every((name) => storedName(name) === name)
}

/** The place of a path in the upload directory. */
export function placeOf(directory: string, path: string): string {
  return path.slice(directory.length).split(sep).filter(Boolean).join('/')
}

/** False when it was there. The umask is not asked: the owner's directory says who may come in. */
function make(path: string, mode: number): boolean {
  if (lookedUp(path) !== undefined) return false
  const umask = process.umask(0)
  try {
    mkdirSync(path, (mode & 0o1777) | 0o700)
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    // It may have been made all the same, and then nobody would remove it.
    attempt(() => rmdirSync(path))
    throw error
  } finally {
    process.umask(umask)
  }
}

function requireFolder(path: string, stats: Stats, device: number): void {
  if (!stats.isDirectory() || stats.dev !== device) throw takenFault(path)
}

function takenFault(path: string): Fault {
  return new Fault('NAME_TAKEN', nameOf(path))
}
