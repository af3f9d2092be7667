// Makes whole files visible: all files of one request or none, under the names that `on_conflict`
// allows, and durable before anybody is told. placement.ts does it for one file, recording.ts notes
// it. It refuses a taken name with NAME_TAKEN when `on_conflict` is "reject".

import { lstatSync, unlinkSync } from 'node:fs'
import { Fault } from '../fault.ts'
import { attempt, errorCode } from '../system-error.ts'
import type { Directory } from './directory.ts'
import { numberedName } from './filename.ts'
import { isThere, syncDirectory, translated } from './files.ts'
import { fitting } from './name-limit.ts'
import { folderOf, nameOf } from './path.ts'
import {
  maybeThereFault,
  type Placed,
  placeInstead,
  placeNew,
  placeNumbered,
  takeBack,
} from './placement.ts'
import type { Recording } from './recording.ts'
import { announce } from './watchers.ts'
import {
  directoriesOf,
  openWay,
  pathOf,
  placeOf,
  removeMade,
  requireSame,
  type Way,
} from './way.ts'

/** A file that is completely on disk. `place`: where it should go, as PendingFile has it. */
export type Whole = {
  readonly path: string
  readonly inode: number
  readonly place: string
  readonly size: number
  /** In ms since 1970. */
  readonly modifiedAt: number
}

/** Does what Storage.commit() promises. */
export function commit<Result>(
  directory: Directory,
  files: readonly Whole[],
  recording: Recording | undefined,
  accept: (stored: readonly string[]) => Result,
): Result {
  const { durable } = directory.settings
  const placed: Arrived[] = []
  const places: string[] = []
  const numbers = numbersOf(files)
  /** What gets another place than was noted is noted anew, before it gets it. */
  const naming = (i: number) => (path: string) => {
    const place = placeOf(directory.path, path)
    if (places[i] === place) return
    places[i] = place
    recording?.note(places, files)
  }
  try {
    return translated(() => {
      for (const [i, file] of files.entries()) places.push(likelyPlace(directory, file, numbers[i]))
      recording?.note(places, files)
      for (const [i, file] of files.entries()) {
        placed.push(place(directory, file, placed, numbers[i] ?? 1, naming(i)))
      }
      const { incoming } = directory
      incoming.folder.shown(incoming.path, () => {
        for (const file of files) attempt(() => unlinkSync(file.path))
      })
      if (durable) for (const path of waysOf(directory, placed)) syncDirectory(path)
      const result = accept(placed.map(({ path }) => placeOf(directory.path, path)))
      recording?.decide()
      for (const { kept } of placed) if (kept !== '') attempt(() => unlinkSync(kept))
      announce(placed.map(({ path }) => path))
      return result
    })
  } catch (error) {
    takeAllBack(directory, placed, recording, error)
    throw error
  }
}

type Arrived = Placed & { readonly way: Way }

/** Throws a Fault instead of `error` if something could not be taken back. */
function takeAllBack(
  directory: Directory,
  placed: readonly Arrived[],
  recording: Recording | undefined,
  error: unknown,
): void {
  const paths = (some: readonly Placed[]) => some.map(({ path }) => path)
  let isOurs = true
  try {
    if (recording !== undefined) isOurs = recording.undo()
  } catch (cause) {
    throw maybeThereFault(paths(placed), cause)
  }
  if (!isOurs) return
  const remaining = placed.toReversed().filter((one) => !takenBack(one))
  if (directory.settings.durable) {
    for (const path of waysOf(directory, placed)) attempt(() => syncDirectory(path))
  }
  if (remaining.length > 0) throw maybeThereFault(paths(remaining), error)
  recording?.forget()
}

/** The directories to sync. */
function waysOf(directory: Directory, placed: readonly Arrived[]): Iterable<string> {
  const ways = placed.map(({ way }) => way)
  return ways.length === 0 ? [] : directoriesOf(directory.path, ways)
}

/** Files of one request that have the same name get numbers, from 1 in their order. */
function numbersOf(files: readonly Whole[]): number[] {
  const counts = new Map<string, number>()
  return files.map(({ place }) => {
    const number = (counts.get(place) ?? 0) + 1
    counts.set(place, number)
    return number
  })
}

/** The place that the file gets if its name is free. Throws NAME_TAKEN. */
function likelyPlace(directory: Directory, { place }: Whole, number = 1): string {
  const path = pathOf(directory.path, place)
  const isNumbered = number > 1 && directory.settings.onConflict !== 'reject'
  const likely = isNumbered ? `${folderOf(path)}/${numberedName(nameOf(path), number)}` : path
  return placeOf(directory.path, likely)
}

/** `before`: what this request placed already. `number`: that of numbersOf(). */
function place(
  directory: Directory,
  file: Whole,
  before: readonly Placed[],
  number: number,
  naming: (path: string) => void,
): Arrived {
  for (let tries = 1; ; tries++) {
    const way = openWay(directory.path, file.place)
    try {
      const placed = { ...placeIn(directory, file, way.path, before, number, naming), way }
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
  number: number,
  naming: (path: string) => void,
): Placed {
  const wanted = file.place.slice(file.place.lastIndexOf('/') + 1)
  const hidden = directory.incoming.folder
  const received = { path: file.path, inode: file.inode, directory: directory.path, hidden }
  const { name } = fitting(folder, wanted)
  const path = `${folder}/${name}`
  switch (directory.settings.onConflict) {
    case 'rename':
      return placeNumbered(received, folder, wanted, number, naming)
    case 'reject': {
      const placed = placeNew(received, path)
      if (placed === undefined) throw new Fault('NAME_TAKEN', name)
      return placed
    }
    case 'overwrite': {
      // Two files of one request may have the same name: both were told that it is free.
      const inode = lstatSync(path, { throwIfNoEntry: false })?.ino
      const isOurs = before.some((placed) => placed.inode === inode)
      if (isOurs) return placeNumbered(received, folder, wanted, number, naming)
      naming(path)
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
