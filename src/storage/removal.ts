// Knows a file again that was stored, years or minutes ago, and removes it if it is still that
// file: a plain file of the same size that nobody has changed since, with no symlink and no mount
// on its way. Whatever else is there is the owner's, and stays. Folders stay too.

import { unlinkSync } from 'node:fs'
import { Fault } from '../fault.ts'
import { lookedUp, readSmall } from './files.ts'
import type { StoredAt } from './storage.ts'
import { isPlace, pathOf } from './way.ts'

/** `directory`: the path of the upload directory. */
export function isUnchanged(directory: string, file: StoredAt): boolean {
  if (!isPlace(file.stored) || !hasWay(directory, file.stored)) return false
  const stats = lookedUp(`${directory}/${file.stored}`)
  if (stats?.isFile() !== true || stats.size !== file.size) return false
  return Math.abs(stats.mtimeMs - file.modifiedAt) <= roughMilliseconds
}

/** Whether a plain file with exactly these bytes is there. */
export function holds(directory: string, place: string, bytes: Uint8Array): boolean {
  if (!isPlace(place) || !hasWay(directory, place)) return false
  return readSmall(pathOf(directory, place), bytes.length)?.equals(bytes) === true
}

/** False when it is changed or gone. */
export function removeUnchanged(directory: string, file: StoredAt): boolean {
  if (!isUnchanged(directory, file)) return false
  unlinkSync(`${directory}/${file.stored}`)
  return true
}

/** False when something that is no folder of this file system is in the way, such as a symlink. */
function hasWay(directory: string, place: string): boolean {
  try {
    pathOf(directory, place)
    return true
  } catch (error) {
    if (error instanceof Fault) return false
    throw error
  }
}

/** FAT keeps every other second, and a copy may keep whole ones. */
const roughMilliseconds = 2000
