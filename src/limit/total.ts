// How much the directory may hold. It is counted once an hour, and the count is a note; what began
// after it is added. Before anything is refused the directory is counted anew, so that what the
// owner has deleted counts. What is being received is held by an entry until it is stored, and a
// new upload in pieces until it is created. Its final entry is added meanwhile. So whatever a count
// meets is in the directory, held, or final after the count began: never too little, for a moment
// too much. A count notes what was held, since only the final entry says how much that is.
// Where machines share the directory, no times of two of them are compared: each counts by itself,
// and notes what of the others is in its count.

import type { Notes, Storage } from '../storage/storage.ts'
import { attempt } from '../system-error.ts'
import { type Amount, type Bounds, type Entry, entriesIn, fits, sumOf, write } from './limit.ts'

type Count = Amount & {
  /** Whether it has the upload of this final entry. */
  has(entry: Entry): boolean
  /** The unfinished uploads that are in it, as far as that is known. */
  readonly uploads: ReadonlySet<string>
}

type Made = {
  readonly startedAt: number
  readonly machine: string
  readonly total: Amount
  /** The final entries of other machines whose uploads are in it. */
  readonly ofOthers: readonly Entry[]
  /** The ids of uploads that were held, and may not be in it. */
  readonly open: ReadonlySet<string>
}

/** Adds an entry; undefined when the directory would hold too much. Returns its key. */
export function addToTotal(
  storage: Pick<Storage, 'notes' | 'total' | 'machine'>,
  entry: Entry,
  bounds: Bounds,
): string | undefined {
  const { notes } = storage
  const own = { ...entry, machine: storage.machine() }
  const key = write(notes, totalFolder, own)
  const last = lastCount(notes, own.machine)
  if (last !== undefined && fits(plus(last, since(notes, last, [])), bounds)) return key
  // Each entry that is final by now was held before: so all of this comes in this order.
  const startedAt = Date.now()
  const final = entriesIn(notes, totalFolder).filter(({ isHeld }) => !isHeld)
  // Held before the count and stored during it, an upload may be in neither otherwise.
  const before = entriesIn(notes, totalFolder).filter(({ isHeld }) => isHeld)
  const total = storage.total()
  const marks = new Set(final.map(markOf))
  const count = { ...total, has: (entry: Entry) => marks.has(markOf(entry)) }
  const held = before.filter(({ id }) => !total.uploads.has(id))
  const ofOthers = final.filter(({ machine }) => machine !== own.machine)
  // The entry that makes `own` final comes after the count.
  const open = new Set(held.map(({ id }) => id))
  if (own.isHeld) open.delete(own.id)
  keep(notes, { startedAt, machine: own.machine, total, ofOthers, open })
  if (fits(plus(count, since(notes, count, held)), bounds)) return key
  attempt(() => notes.remove(key))
  return undefined
}

/** What the count does not have: what became final after it, and what is held. */
function since(notes: Notes, count: Count, held: readonly Entry[]): Amount {
  const entries = [...entriesIn(notes, totalFolder), ...held]
  const isOpen = ({ isHeld, id }: Entry) => isHeld && !count.uploads.has(id)
  const open = new Set(entries.filter(isOpen).map(({ id }) => id))
  const isAfter = (entry: Entry) => !entry.isHeld && !count.has(entry)
  return sumOf(entries.filter((entry) => isAfter(entry) || open.has(entry.id)))
}

/** The last one of this machine: by its clock it is known which one that is. */
function lastCount(notes: Notes, machine: string): Count | undefined {
  const ours = notes.list(countFolder, Infinity).filter((name) => machineOf(name) === machine)
  const [name = ''] = ours.sort((a, b) => timeOf(b) - timeOf(a))
  const [startedAt = 0, bytes = 0, files = 0, open = 0] = name.split('-', 4).map(Number)
  const age = Date.now() - startedAt
  // It is of the future where the clock was set back since.
  if (age < 0 || age >= hourMilliseconds) return undefined
  let lines: ReadonlySet<string> | undefined
  const has = (entry: Entry) => {
    const isOurs = entry.machine === machine
    if (isOurs && open === 0) return entry.time < startedAt
    lines ??= linesIn(notes.read(`${countFolder}/${name}`))
    if (lines.size < open || lines.has(entry.id)) return false
    return isOurs ? entry.time < startedAt : lines.has(markOf(entry))
  }
  return { bytes, files, has, uploads: new Set() }
}

/** Keeps a count, and removes what is in it and counts that are not used any more. */
function keep(notes: Notes, { startedAt, machine, total, ofOthers, open }: Made): void {
  const { bytes, files } = total
  const lines = [...ofOthers.map(markOf), ...open]
  const name = [startedAt, bytes, files, open.size, machine].filter(String).join('-')
  const text = lines.join('\n')
  notes.create(`${countFolder}/${name}`, text === '' ? undefined : Buffer.from(text))
  const now = Date.now()
  for (const other of notes.list(countFolder, maxSwept)) {
    // The clock of another machine may be far off.
    const isOurs = machineOf(other) === machine
    const isOlder = timeOf(other) < startedAt - (isOurs ? hourMilliseconds : dayMilliseconds)
    if (isOlder || (isOurs && timeOf(other) > now)) {
      attempt(() => notes.remove(`${countFolder}/${other}`))
    }
  }
  for (const entry of notes.list(totalFolder, maxSwept)) {
    // Another process may still use the count before this one.
    const isOlder = timeOf(entry) < startedAt - dayMilliseconds
    if (isOlder) attempt(() => notes.remove(`${totalFolder}/${entry}`))
  }
}

/** Of a count or an entry. */
function timeOf(name: string): number {
  return Number(name.split('-')[0])
}

function machineOf(count: string): string {
  return count.split('-')[4] ?? ''
}

/** The time tells the entries of one upload apart. */
function markOf({ time, id }: Entry): string {
  return `${time}-${id}`
}

/** What is not known counts twice until the next count, which comes before anything is refused. */
function linesIn(note: Uint8Array | undefined): ReadonlySet<string> {
  const text = Buffer.from(note ?? []).toString('latin1')
  return new Set(text.split('\n').filter(Boolean))
}

function plus(one: Amount, other: Amount): Amount {
  return { bytes: one.bytes + other.bytes, files: one.files + other.files }
}

const totalFolder = 'limits/total'
const countFolder = 'limits/count'
const hourMilliseconds = 3_600_000
const dayMilliseconds = 86_400_000
const maxSwept = 1000
