// How much the directory may hold. It is counted once an hour, and the count is an empty note; what
// began after it is added. Before anything is refused the directory is counted anew, so that what
// the owner has deleted counts. What is being received is held by an entry until it is stored, and
// a new upload in pieces until it is created. Its final entry is added meanwhile. So whatever a
// count meets is in the directory, held, or final after the count began: never too little, for a
// moment too much.
// Where machines share the directory, no times of two of them are compared: each counts by itself,
// and notes what of the others is in its count.

import type { Notes, Storage } from '../storage/storage.ts'
import { attempt } from '../system-error.ts'
import { type Amount, type Bounds, type Entry, entriesIn, fits, sumOf, write } from './limit.ts'

/** A count, by the machine that made it. */
type Count = Amount & {
  readonly startedAt: number
  readonly machine: string
  /** The unfinished uploads that are in it, as far as that is known. */
  readonly uploads: ReadonlySet<string>
  /** What of other machines is in it, as markOf() has it. */
  known(): ReadonlySet<string>
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
  const last = lastCount(notes, own)
  if (last !== undefined && fits(plus(last, since(notes, last, [])), bounds)) return key
  // Each entry that is final by now was held before: so all of this comes in this order.
  const startedAt = Date.now()
  const known = entriesIn(notes, totalFolder).filter(
    ({ isHeld, machine }) => !isHeld && machine !== own.machine,
  )
  const marks = new Set(known.map(markOf))
  // Held before the count and stored during it, an upload may be in neither otherwise.
  const before = entriesIn(notes, totalFolder).filter(({ isHeld }) => isHeld)
  const total = storage.total()
  const count = { startedAt, machine: own.machine, known: () => marks, ...total }
  const held = before.filter(({ id }) => !total.uploads.has(id))
  keep(notes, { ...count, ...plus(count, sumOf(held)) })
  if (fits(plus(count, since(notes, count, held)), bounds)) return key
  attempt(() => notes.remove(key))
  return undefined
}

/** What the count does not have: what began after it, and what is held. */
function since(notes: Notes, count: Count, held: readonly Entry[]): Amount {
  const entries = [...entriesIn(notes, totalFolder), ...held]
  const isOpen = ({ isHeld, id }: Entry) => isHeld && !count.uploads.has(id)
  const open = new Set(entries.filter(isOpen).map(({ id }) => id))
  const isOfOther = ({ machine }: Entry) => machine !== count.machine
  const known = entries.some(isOfOther) ? count.known() : new Set()
  const isAfter = (entry: Entry) =>
    isOfOther(entry) ? !known.has(markOf(entry)) : entry.time >= count.startedAt
  return sumOf(entries.filter((entry) => isAfter(entry) || open.has(entry.id)))
}

/** The last one of this machine: by its clock it is known which one that is. */
function lastCount(notes: Notes, { time, machine }: Entry): Count | undefined {
  const counts = notes.list(countFolder, Infinity).map((name) => {
    const [startedAt = 0, bytes = 0, files = 0] = name.split('-', 3).map(Number)
    const known = () => marksIn(notes.read(`${countFolder}/${name}`))
    const uploads = new Set<string>()
    return { startedAt, bytes, files, machine: machineOf(name), uploads, known }
  })
  const ours = counts.filter((count) => count.machine === machine)
  const last = ours.sort((a, b) => b.startedAt - a.startedAt)[0]
  return last !== undefined && Math.abs(time - last.startedAt) < hourMilliseconds ? last : undefined
}

/** Keeps the count, and removes what is in it and older counts. */
function keep(notes: Notes, { startedAt, bytes, files, machine, known }: Count): void {
  const name = [startedAt, bytes, files, machine].filter(String).join('-')
  const text = [...known()].join('\n')
  notes.create(`${countFolder}/${name}`, text === '' ? undefined : Buffer.from(text))
  for (const other of notes.list(countFolder, maxSwept)) {
    // The clock of another machine may be far off.
    const lifetime = machineOf(other) === machine ? hourMilliseconds : dayMilliseconds
    const isOlder = Number(other.split('-')[0]) < startedAt - lifetime
    if (isOlder) attempt(() => notes.remove(`${countFolder}/${other}`))
  }
  for (const entry of notes.list(totalFolder, maxSwept)) {
    // Another process may still use the count before this one.
    const isOlder = Number(entry.split('-')[0]) < startedAt - dayMilliseconds
    if (isOlder) attempt(() => notes.remove(`${totalFolder}/${entry}`))
  }
}

function machineOf(count: string): string {
  return count.split('-')[3] ?? ''
}

/** The time tells the entries of one upload apart. */
function markOf({ time, id }: Entry): string {
  return `${time}-${id}`
}

/** What is not known counts twice until the next count, which comes before anything is refused. */
function marksIn(note: Uint8Array | undefined): ReadonlySet<string> {
  const text = Buffer.from(note ?? []).toString('latin1')
  return new Set(text.split('\n'))
}

function plus(one: Amount, other: Amount): Amount {
  return { bytes: one.bytes + other.bytes, files: one.files + other.files }
}

const totalFolder = 'limits/total'
const countFolder = 'limits/count'
const hourMilliseconds = 3_600_000
const dayMilliseconds = 86_400_000
const maxSwept = 1000
