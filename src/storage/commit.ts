// Makes whole files visible: all files of one request or none, under the names that `on_conflict`
// allows, and durable before anybody is told. placement.ts does it for one file. It refuses a taken
// name with NAME_TAKEN when `on_conflict` is "reject".

import { lstatSync, unlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Fault } from '../fault.ts'
import { attempt } from '../system-error.ts'
import type { Directory } from './directory.ts'
import { syncDirectory, translated } from './files.ts'
import { fitting } from './name-limit.ts'
import {
  maybeThereFault,
  type Placed,
  placeInstead,
  placeNew,
  placeNumbered,
  type Received,
  takeBack,
} from './placement.ts'
import type { Storage } from './storage.ts'
import { announce } from './watchers.ts'

/** A file that is completely on disk, and the name that it should get. */
export type Whole = Received & { readonly name: string; readonly size: number }

/** Does what Storage.commit() promises. */
export function commit<Result>(
  directory: Directory,
  files: readonly Whole[],
  before: Parameters<Storage['commit']>[1],
  accept: (stored: readonly string[]) => Result,
): Result {
  const { durable } = directory.settings
  const placed: Placed[] = []
  try {
    return translated(() => {
      before(files.map(({ name, size, inode }) => ({ name, size, mark: String(inode) })))
      for (const file of files) placed.push(place(directory, file, placed))
      for (const file of files) attempt(() => unlinkSync(file.path))
      if (durable) syncDirectory(directory.path)
      const result = accept(placed.map(({ path }) => basename(path)))
      for (const { kept } of placed) if (kept !== '') attempt(() => unlinkSync(kept))
      announce(placed.map(({ path }) => path))
      return result
    })
  } catch (error) {
    const remaining = placed.reverse().filter((one) => !takeBack(one))
    if (durable) attempt(() => syncDirectory(directory.path))
    if (remaining.length === 0) throw error
    throw maybeThereFault(
      remaining.map(({ path }) => path),
      error,
    )
  }
}

function place(directory: Directory, file: Whole, before: readonly Placed[]): Placed {
  const { name } = fitting(directory.path, file.name)
  const path = join(directory.path, name)
  switch (directory.settings.onConflict) {
    case 'rename':
      return placeNumbered(file, directory.path, file.name)
    case 'reject': {
      const placed = placeNew(file, path)
      if (placed === undefined) throw new Fault('NAME_TAKEN', name)
      return placed
    }
    case 'overwrite': {
      // Two files of one request may have the same name: both were told that it is free.
      const inode = lstatSync(path, { throwIfNoEntry: false })?.ino
      const isOurs = before.some((placed) => placed.inode === inode)
      if (isOurs) return placeNumbered(file, directory.path, file.name)
      return placeInstead(file, path, directory.incoming.randomFile('kept'))
    }
  }
}
