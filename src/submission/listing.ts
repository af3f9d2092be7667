// What came in, for the owner: every batch that is still known, and what is in none yet, and which
// files are old. It reads notes and changes nothing. What cannot be read does not hide the rest.

import { Fault } from '../fault.ts'
import type { Batch } from '../outcome.ts'
import type { Settings } from '../settings/settings.ts'
import type { Storage } from '../storage/storage.ts'
import {
  type NotedBatch,
  type NotedFile,
  openBatch,
  parseBatch,
  submissionOfEntry,
  toldBatch,
} from './batch.ts'
import { batchKind, dayMilliseconds } from './submission.ts'

/** Gets the key of a note or of a folder of notes that cannot be read, and the error. */
export type Unread = (key: string, error: unknown) => void

/**
 * In the order of their times; what is in no batch has the number 0. `since`: in ms since 1970;
 * `receipt`: of one submission alone, '' for all.
 */
export function listBatches(
  storage: Storage,
  settings: Settings,
  { since, receipt }: { readonly since: number; readonly receipt: string },
  unread: Unread,
): Batch[] {
  const noted = [...closedBatches(storage, since, unread), ...openBatches(storage, unread)]
  return noted
    .filter((one) => Date.parse(one.time) >= since)
    .filter((one) => receipt === '' || one.receipt === receipt)
    .map((one) => toldBatch(one, settings))
    .sort((one, other) => (one.time < other.time ? -1 : 1))
}

/**
 * The files of batches that are older, but not those of which somebody in `notify` has not heard:
 * a program there may be about to move them. `before`: in ms since 1970.
 */
export function filesBefore(storage: Storage, before: number): NotedFile[] {
  const untold = new Set(
    storage.entries.list().flatMap(({ name }) => storage.entries.read(name)?.verdict ?? []),
  )
  return closedBatches(storage, 0, (_, error) => {
    throw error
  })
    .filter(({ time }) => Date.parse(time) < before)
    .filter(({ members }) => !members.some((verdict) => untold.has(verdict)))
    .flatMap(({ files }) => files)
}

function closedBatches({ notes }: Storage, since: number, unread: Unread): NotedBatch[] {
  const keysIn = (key: string) =>
    readable(key, unread, () => notes.list(key, maxNames))?.map((name) => `${key}/${name}`) ?? []
  // A batch is noted under the day on which its submission began, which may be the day before.
  const days = keysIn(batchKind).filter((key) => {
    return Date.parse(key.slice(batchKind.length + 1)) + 3 * dayMilliseconds >= since
  })
  return days.flatMap(keysIn).flatMap((key) => {
    return readable(key, unread, () => parseBatch(notes.read(key))) ?? []
  })
}

/** What comes as a whole has a batch as soon as it is stored. */
function openBatches(storage: Storage, unread: Unread): NotedBatch[] {
  const { entries } = storage
  const all = readable(storing, unread, () => entries.list()) ?? []
  const seen = new Set([''])
  return all.flatMap(({ name, submission }) => {
    if (seen.has(submission)) return []
    const batch = readable(`${storing}/${name}`, unread, () => {
      const entry = entries.read(name)
      // One that a power cut damaged does not hide the others of its submission.
      if (entry === undefined) return undefined
      seen.add(submission)
      return openBatch(storage, submissionOfEntry(entry))
    })
    return batch ?? []
  })
}

/** Undefined when the file system refuses it. */
function readable<Result>(key: string, unread: Unread, read: () => Result): Result | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    unread(key, error.cause)
    return undefined
  }
}

const storing = 'storing'
const maxNames = 1_000_000
