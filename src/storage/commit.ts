// Makes whole files visible: all files of one request or none, under the names that `on_conflict`
// allows, and durable before anybody is told. placement.ts does it for one file. It refuses a taken
// name with NAME_TAKEN when `on_conflict` is "reject".

import { lstatSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../fault.ts'
import { attempt, errorCode } from '../system-error.ts'
import type { Directory } from './directory.ts'
import { isThere, syncDirectory, translated } from './files.ts'
import { fitting } from './name-limit.ts'
import {
  maybeThereFault,
  type Placed,
  placeInstead,
  placeNew,
  placeNumbered,
  takeBack,
} from './placement.ts'
import type { Storage } from './storage.ts'
import { announce } from './watchers.ts'
import { directoriesOf, openWay, placeOf, removeMade, requireSame, type Way } from './way.ts'

/** A file that is completely on disk. `place`: where it should go, as PendingFile has it. */
export type Whole = {
  readonly path: string
  readonly inode: number
  readonly place: string
  readonly size: number
}

/** Does what Storage.commit() promises. */
export function commit<Result>(
  directory: Directory,
  files: readonly Whole[],
  before: Parameters<Storage['commit']>[1],
  accept: (stored: readonly string[]) => Result,
): Result {
  const { durable } = directory.settings
  const placed: Arrived[] = []
  const directories = () => {
    return directoriesOf(
      directory.path,
      placed.map(({ way }) => way),
    )
  }
  try {
    return translated(() => {
      before(files.map(({ place, size, inode }) => ({ place, size, mark: String(inode) })))
      for (const file of files) placed.push(place(directory, file, placed))
      for (const file of files) attempt(() => unlinkSync(file.path))
      if (durable) for (const path of directories()) syncDirectory(path)
      const result = accept(placed.map(({ path }) => placeOf(directory.path, path)))
      for (const { kept } of placed) if (kept !== '') attempt(() => unlinkSync(kept))
      announce(placed.map(({ path }) => path))
      return result
    })
  } catch (error) {
    const remaining = placed.reverse().filter((one) => !takenBack(one))
    if (durable) for (const path of directories()) attempt(() => syncDirectory(path))
    if (remaining.length === 0) throw error
    throw maybeThereFault(
      remaining.map(({ path }) => path),
      error,
    )
  }
}

type Arrived = Placed & { readonly way: Way }

function place(directory: Directory, file: Whole, before: readonly Placed[]): Arrived {
  for (let tries = 1; ; tries++) {
    const way = openWay(directory.path, file.place)
    try {
      const placed = { ...placeIn(directory, file, way.path, before), way }
      requireStill(placed)
      return placed
    } catch (error) {
      removeMade(way)
      // Another request made the folder, failed, and removed it again.
      const isGone = errorCode(error) === 'ENOENT' && !isThere(way.path)
      if (!isGone || tries === maxTries) throw error
    }
  }
}

/** `folder`: the path of the folder that gets the file. */
function placeIn(
  directory: Directory,
  file: Whole,
  folder: string,
  before: readonly Placed[],
): Placed {
  const wanted = file.place.slice(file.place.lastIndexOf('/') + 1)
  const received = { path: file.path, inode: file.inode, directory: directory.path }
  const { name } = fitting(folder, wanted)
  const path = join(folder, name)
  switch (directory.settings.onConflict) {
    case 'rename':
      return placeNumbered(received, folder, wanted)
    case 'reject': {
      const placed = placeNew(received, path)
      if (placed === undefined) throw new Fault('NAME_TAKEN', name)
      return placed
    }
    case 'overwrite': {
      // Two files of one request may have the same name: both were told that it is free.
      const inode = lstatSync(path, { throwIfNoEntry: false })?.ino
      const isOurs = before.some((placed) => placed.inode === inode)
      if (isOurs) return placeNumbered(received, folder, wanted)
      return placeInstead(received, path, directory.incoming.randomFile('kept'))
    }
  }
}

/** Takes the file back where a folder on its way was replaced meanwhile. */
function requireStill(placed: Arrived): void {
  try {
    requireSame(placed.way)
  } catch (error) {
    if (!takeBack(placed)) throw maybeThereFault([placed.path], error)
    throw error
  }
}

/** False when the file may still be there. */
function takenBack(placed: Arrived): boolean {
  const isGone = takeBack(placed)
  removeMade(placed.way)
  return isGone
}

/** Others may remove the folder that we found, but not forever. */
const maxTries = 100
