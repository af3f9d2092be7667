// Reads the state of an upload in pieces from its files in `incoming/`: `KEY.data` holds the
// bytes, `KEY.journal` (journal.ts) says how many of them are safe. It changes nothing.

import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../fault.ts'
import { attempt } from '../system-error.ts'
import type { Directory } from './directory.ts'
import { emptyMilliseconds } from './incoming.ts'
import { type Journal, readJournal } from './journal.ts'

export type UploadState = Journal & {
  /** When it will be swept, by the clock of the file system, in ms since 1970. */
  readonly expiresAt: number
  /** False where there are no hard links and the data file itself got the name. */
  readonly hasData: boolean
  /** Its name in the directory, if a sender died right after giving it that name. */
  readonly placedAs: string | undefined
}

/** Throws NO_SUCH_UPLOAD. */
export function existing(directory: Directory, key: string): UploadState {
  const state = readState(directory, key)
  if (state === undefined) throw new Fault('NO_SUCH_UPLOAD')
  return state
}

/** Undefined when there is no journal, or neither data nor a record of what was stored. */
export function readState(directory: Directory, key: string): UploadState | undefined {
  const { incoming, settings, path } = directory
  const journal = readJournal(incoming.file(key, 'journal'))
  if (journal === undefined) return undefined
  const { header, touchedAt, stored } = journal
  const data = lstatSync(incoming.file(key, 'data'), { throwIfNoEntry: false })
  const hasData = data?.isFile() === true
  const lifetime = settings.partialLifetimeSeconds * 1000
  const isEmpty = stored === undefined && journal.offset === 0
  const expiresAt = touchedAt + (isEmpty ? Math.min(lifetime, emptyMilliseconds) : lifetime)
  if (stored !== undefined) return { ...journal, expiresAt, hasData, placedAs: undefined }
  const mayBePlaced = hasData ? data.nlink > 1 : journal.isMoving
  const placedAs = mayBePlaced ? placedName(path, header) : undefined
  if (placedAs !== undefined)
    return { ...journal, offset: header.size, expiresAt, hasData, placedAs }
  if (!hasData) return undefined
  // The journal can say more than the data file has only after two failures in a row.
  const offset = Math.min(journal.offset, data.size)
  return { ...journal, offset, expiresAt, hasData, placedAs }
}

/** The name that the data file has in the directory, if it has one. */
function placedName(path: string, { inode, size }: Journal['header']): string | undefined {
  return readdirSync(path).find((name) => {
    const stats = attempt(() => lstatSync(join(path, name)))
    return stats?.isFile() === true && stats.ino === inode && stats.size === size
  })
}
