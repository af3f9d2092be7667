// What came in, for the owner: every batch that is still known, and what is in none yet, and which
// files are old. It reads notes and changes nothing.

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

/**
 * In the order of their times; what is in no batch has the number 0. `since`: in ms since 1970;
 * `receipt`: of one submission alone, '' for all.
 */
export function listBatches(
  storage: Storage,
  settings: Settings,
  { since, receipt }: { readonly since: number; readonly receipt: string },
): Batch[] {
  const noted = [...closedBatches(storage, since), ...openBatches(storage)]
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
  return closedBatches(storage, 0)
    .filter(({ time }) => Date.parse(time) < before)
    .filter(({ members }) => !members.some((verdict) => untold.has(verdict)))
    .flatMap(({ files }) => files)
}

function closedBatches({ notes }: Storage, since: number): NotedBatch[] {
  // A batch is noted under the day on which its submission began, which may be the day before.
  const days = notes.list(batchKind, maxDays).filter((day) => {
    return Date.parse(day) + 3 * dayMilliseconds >= since
  })
  return days.flatMap((day) =>
    notes.list(`${batchKind}/${day}`, maxNames).flatMap((name) => {
      const batch = parseBatch(notes.read(`${batchKind}/${day}/${name}`))
      return batch === undefined ? [] : [batch]
    }),
  )
}

/** What comes as a whole has a batch as soon as it is stored. */
function openBatches(storage: Storage) {
  const { entries } = storage
  const names = entries.list().filter(({ submission }) => submission !== '')
  const first = new Map(names.map(({ submission, name }) => [submission, name]))
  return [...first.values()].flatMap((name) => {
    const entry = entries.read(name)
    const batch = entry && openBatch(storage, submissionOfEntry(entry))
    return batch === undefined ? [] : [batch]
  })
}

const maxDays = 10_000
const maxNames = 1_000_000
