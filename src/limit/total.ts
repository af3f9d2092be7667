// How much the directory may hold. It is counted once an hour, and the count is an empty note; what
// began after it is added. Before anything is refused the directory is counted anew, so that what
// the owner has deleted counts. An upload that is being received is held by an entry until it is
// stored, so that it counts wherever a count meets it: never too little, for a moment too much.

import type { Notes, Storage } from '../storage/storage.ts'
import { attempt } from '../system-error.ts'
import { type Amount, type Bounds, type Entry, entriesIn, fits, sumOf, write } from './limit.ts'

type Count = Amount & { readonly startedAt: number }

/** Adds an entry; undefined when the directory would hold too much. Returns its key. */
export function addToTotal(
  { notes, total }: Pick<Storage, 'notes' | 'total'>,
  entry: Entry,
  bounds: Bounds,
): string | undefined {
  const key = write(notes, totalFolder, entry)
  const last = lastCount(notes, entry.time)
  if (last !== undefined && fits(plus(last, since(notes, last, [], entry.id)), bounds)) return key
  // Held before the count and stored during it, an upload may be in neither otherwise.
  const held = entriesIn(notes, totalFolder).filter(({ isHeld }) => isHeld)
  const startedAt = Date.now()
  const count = { startedAt, ...total() }
  keep(notes, { startedAt, ...plus(count, sumOf(held)) })
  if (fits(plus(count, since(notes, count, held, entry.id)), bounds)) return key
  attempt(() => notes.remove(key))
  return undefined
}

/** What the count does not have: what began after it, what is being received, and `own`. */
function since(notes: Notes, count: Count, held: readonly Entry[], own: string): Amount {
  const entries = [...entriesIn(notes, totalFolder), ...held]
  const open = new Set(entries.filter(({ isHeld }) => isHeld).map(({ id }) => id))
  const isSince = ({ id, time }: Entry) => time >= count.startedAt || open.has(id) || id === own
  return sumOf(entries.filter(isSince))
}

function lastCount(notes: Notes, now: number): Count | undefined {
  const counts = notes.list(countFolder, Infinity).map((name) => {
    const [startedAt = 0, bytes = 0, files = 0] = name.split('-').map(Number)
    return { startedAt, bytes, files }
  })
  const last = counts.sort((a, b) => b.startedAt - a.startedAt)[0]
  return last !== undefined && Math.abs(now - last.startedAt) < hourMilliseconds ? last : undefined
}

/** Keeps the count, and removes what is in it and older counts. */
function keep(notes: Notes, { startedAt, bytes, files }: Count): void {
  const name = [startedAt, bytes, files].join('-')
  notes.create(`${countFolder}/${name}`)
  for (const other of notes.list(countFolder, maxSwept)) {
    const isOlder = Number(other.split('-')[0]) < startedAt - hourMilliseconds
    if (isOlder) attempt(() => notes.remove(`${countFolder}/${other}`))
  }
  for (const entry of notes.list(totalFolder, maxSwept)) {
    // Another process may still use the count before this one.
    const isOlder = Number(entry.split('-')[0]) < startedAt - dayMilliseconds
    if (isOlder) attempt(() => notes.remove(`${totalFolder}/${entry}`))
  }
}

function plus(one: Amount, other: Amount): Amount {
  return { bytes: one.bytes + other.bytes, files: one.files + other.files }
}

const totalFolder = 'limits/total'
const countFolder = 'limits/count'
const hourMilliseconds = 3_600_000
const dayMilliseconds = 86_400_000
const maxSwept = 1000
