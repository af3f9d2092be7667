// Reads the state of an upload in pieces from its files in `incoming/`: `KEY.data` holds the bytes,
// `KEY.journal` (journal.ts) says how many of them are safe, and its verdict what was stored. It
// changes nothing.

import { lstatSync, readdirSync } from 'node:fs'
import { Fault } from '../fault.ts'
import { pathBelow, type Stored } from '../outcome.ts'
import { attempt } from '../system-error.ts'
import type { Directory } from './directory.ts'
import { emptyMilliseconds } from './incoming.ts'
import { type Journal, readJournal } from './journal.ts'
import { folderOf } from './path.ts'
import type { Entry } from './storage.ts'
import { findStored, verdictMilliseconds } from './verdict.ts'
import { pathOf, placeOf } from './way.ts'

export type UploadState = Journal & {
  /** When it will be swept, by the clock of the file system, in ms since 1970. */
  readonly expiresAt: number
  /** False where there are no hard links and the data file itself got the name. */
  readonly hasData: boolean
  /** Its place in the directory, if a sender died right after giving it that. */
  readonly placedAs: string | undefined
  /** What was stored, once it is finished: for a sender whose last reply was lost. */
  readonly stored: Stored | undefined
}

/** Throws NO_SUCH_UPLOAD. */
export function existing(directory: Directory, key: string): UploadState {
  const state = readState(directory, key)
  if (state === undefined) throw new Fault('NO_SUCH_UPLOAD')
  return state
}

/** Undefined when there is neither a verdict nor a journal with its data. */
export function readState(directory: Directory, key: string): UploadState | undefined {
  const { incoming, settings, path } = directory
  const journal = readJournal(incoming.file(key, 'journal'))
  const data = lstatSync(incoming.file(key, 'data'), { throwIfNoEntry: false })
  const hasData = data?.isFile() === true
  // Of an upload that is surely unfinished no verdict is looked for.
  const mayBePlaced = journal === undefined || !hasData || data.nlink > 1
  const entry = mayBePlaced ? findStored(directory.notes, key) : undefined
  if (entry !== undefined) return storedState(entry)
  if (journal === undefined) return undefined
  const { header, touchedAt } = journal
  const lifetime = settings.partialLifetimeSeconds * 1000
  const isEmpty = journal.offset === 0
  const expiresAt = touchedAt + (isEmpty ? Math.min(lifetime, emptyMilliseconds) : lifetime)
  const isLinked = hasData ? data.nlink > 1 : journal.isMoving
  const placedAs = isLinked ? foundPlace(path, header) : undefined
  const rest = { ...journal, expiresAt, hasData, placedAs, stored: undefined }
  if (placedAs !== undefined) return { ...rest, offset: header.size }
  if (!hasData) return undefined
  // The journal can say more than the data file has only after two failures in a row.
  return { ...rest, offset: Math.min(journal.offset, data.size) }
}

function storedState({ id, time, receipt, files, metadata, ...entry }: Entry): UploadState {
  const { size = 0, name = '', type = '', field = '', stored: place = '' } = files[0] ?? {}
  const finishedAt = Date.parse(time)
  const folder = entry.folder.join('/')
  const header = { size, name, place, folder, type, field, metadata }
  const told = files.map(({ mark, modifiedAt, ...file }) => ({
    ...file,
    stored: pathBelow(folder, file.stored),
  }))
  const stored = { id, time, receipt, folder, files: told, fields: [] }
  return {
    header: { ...header, inode: -1, startedAt: finishedAt, sender: '', isWhole: false },
    takesSlot: false,
    offset: size,
    pieces: 0,
    touchedAt: finishedAt,
    expiresAt: finishedAt + verdictMilliseconds,
    isMoving: false,
    verdictDay: undefined,
    hasData: false,
    placedAs: undefined,
    stored,
  }
}

/** Where the data file is in the directory, if it has a name there. */
function foundPlace(
  directory: string,
  { inode, size, place }: Journal['header'],
): string | undefined {
  const folder = folderOf(pathOf(directory, place))
  const found = attempt(() => readdirSync(folder))?.find((name) => {
    const stats = attempt(() => lstatSync(`${folder}/${name}`))
    return stats?.isFile() === true && stats.ino === inode && stats.size === size
  })
  return found === undefined ? undefined : placeOf(directory, `${folder}/${found}`)
}
