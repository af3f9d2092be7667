// What a sender has done so far, counted without a running sum that processes would have to share:
// each thing done is an empty note whose key says when it was and how much. Whoever adds one lists
// them all afterwards, adds up, and takes its own back when the sum is over the bounds. Of two that
// add at the same moment at least one sees the other: so the bounds are never exceeded, and two at
// the edge may both be refused. Nothing is locked, and a process that is killed leaves at most an
// entry that counts too much for a day.

import { apartMilliseconds } from '../clock.ts'
import { randomId } from '../random-id.ts'
import type { Notes, Storage } from '../storage/storage.ts'
import { attempt } from '../system-error.ts'

/** What is counted together. */
export type Tally = {
  /** Of the key, such as `tries`. */
  readonly kind: string
  /** Whom it counts for. */
  readonly sender: string
  /** How long an entry counts, in ms: at most a day, or Infinity. */
  readonly milliseconds: number
}

export type Amount = { readonly bytes: number; readonly files: number }

/** Each 0 for no limit. */
export type Bounds = { readonly maxBytes: number; readonly maxFiles: number }

export type Entry = Amount & {
  readonly time: number
  /** Held for an upload that is being received; it counts for a day at most. */
  readonly isHeld: boolean
  /** Entries of one id are of one upload, which counts once. */
  readonly id: string
  /** By whose clock the time is, as Storage.machine() has it. */
  readonly machine: string
}

export type Over = {
  /** When the oldest entry ends to count; undefined for never. */
  readonly retrySeconds: number | undefined
}

/** Adds an entry, unless the sum would be over the bounds. Returns the key of the entry. */
export function add(
  storage: Pick<Storage, 'notes' | 'machine'>,
  tally: Tally,
  entry: Entry,
  bounds: Bounds,
): string | Over {
  const { notes } = storage
  const [today, ...before] = foldersOf(storage, tally, entry.time)
  const key = write(notes, today, entry)
  const newest = entriesIn(notes, today)
  const entries = [...newest, ...before.flatMap((folder) => entriesIn(notes, folder))]
  const since = entry.time - tally.milliseconds
  const counted = entries.filter(({ time }) => time > since && isSure(time, entry.time))
  // The first entry of a folder is rare enough to look for what is over.
  if (newest.length === 1) sweep(notes, entry.time)
  if (fits(sumOf(counted), bounds)) return key
  attempt(() => notes.remove(key))
  const oldest = Math.min(...counted.map(({ time }) => time))
  const seconds = Math.max(1, Math.ceil((oldest - since) / 1000))
  return { retrySeconds: Number.isFinite(seconds) ? seconds : undefined }
}

/** What counts of a tally that never ends. Changes nothing. */
export function sumSoFar({ notes }: Pick<Storage, 'notes'>, { kind, sender }: Tally): Amount {
  const name = notes.findName(senderId(sender))
  return name === undefined ? sumOf([]) : sumOf(entriesIn(notes, endlessFolder(kind, name)))
}

/** What counts for the limits of an invitation, until it ends. */
export function invitationTally({ token }: { readonly token: string }): Tally {
  return { kind: 'invitation', sender: token, milliseconds: Infinity }
}

/** An entry of now. `id`: of the upload; random unless given. */
export function entryOf({ bytes, files }: Amount, isHeld: boolean, id = randomId()): Entry {
  return { time: Date.now(), bytes, files, isHeld, id, machine: '' }
}

export function write(notes: Notes, folder: string, entry: Entry): string {
  const { time, bytes, files, isHeld, id, machine } = entry
  const parts = [time, bytes, files, isHeld ? 'held' : 'final', id, machine].filter(String)
  const key = `${folder}/${parts.join('-')}`
  notes.create(key)
  return key
}

export function entriesIn(notes: Notes, folder: string): readonly Entry[] {
  const now = Date.now()
  const entries = notes.list(folder, Infinity).map((name) => {
    const [time = '', bytes, files, kind, id = '', machine = ''] = name.split('-')
    return {
      ...{ time: Number(time), bytes: Number(bytes), files: Number(files) },
      ...{ isHeld: kind === 'held', id, machine },
    }
  })
  return entries.filter(({ time, isHeld }) => !isHeld || now - time < dayMilliseconds)
}

/**
 * Of an upload that is held and final the final entry counts, since it is exact. An id that a
 * client uses again is that of one upload on the same day alone, and the largest one counts.
 */
export function sumOf(entries: readonly Entry[]): Amount {
  const final = new Set(entries.filter(({ isHeld }) => !isHeld).map(({ id }) => id))
  const counted = new Map<string, Entry>()
  for (const entry of entries) {
    if (entry.isHeld && final.has(entry.id)) continue
    const key = `${entry.id}-${Math.floor(entry.time / dayMilliseconds)}`
    if (entry.bytes >= (counted.get(key)?.bytes ?? 0)) counted.set(key, entry)
  }
  let [bytes, files] = [0, 0]
  for (const entry of counted.values()) {
    bytes += entry.bytes
    files += entry.files
  }
  return { bytes, files }
}

export function fits({ bytes, files }: Amount, { maxBytes, maxFiles }: Bounds): boolean {
  return (maxBytes === 0 || bytes <= maxBytes) && (maxFiles === 0 || files <= maxFiles)
}

/** A time far in the future is that of a clock which was set back since. */
function isSure(time: number, now: number): boolean {
  return time < now + dayMilliseconds
}

/**
 * The folder for new entries, and for those of a day that of yesterday. Where machines share the
 * directory, it may be tomorrow already by the clock of another one.
 */
function foldersOf(
  { notes, machine }: Pick<Storage, 'notes' | 'machine'>,
  { kind, sender, milliseconds }: Tally,
  now: number,
): [string, ...string[]] {
  const name = notes.nameOf(senderId(sender))
  if (milliseconds === Infinity) return [endlessFolder(kind, name)]
  const day = Math.floor(now / dayMilliseconds)
  const isLate = Math.floor((now + apartMilliseconds) / dayMilliseconds) > day
  const days = isLate && machine() !== '' ? [day - 1, day + 1] : [day - 1]
  return [
    `limits/${day}/${kind}-${name}`,
    ...days.map((other) => `limits/${other}/${kind}-${name}`),
  ]
}

function endlessFolder(kind: string, name: string): string {
  return `limits/${kind}-${name}`
}

/** A sender may be any text, and whose address it is should not be read from a name. */
function senderId(sender: string): string {
  return `sender ${sender}`
}

/** Removes some entries of days that count no more. */
function sweep(notes: Notes, now: number): void {
  const yesterday = Math.floor((now - apartMilliseconds) / dayMilliseconds) - 1
  for (const day of notes.list('limits', maxSwept)) {
    if (!(Number(day) < yesterday)) continue
    for (const folder of notes.list(`limits/${day}`, maxSwept)) {
      const path = `limits/${day}/${folder}`
      for (const name of notes.list(path, maxSwept)) attempt(() => notes.remove(`${path}/${name}`))
      attempt(() => notes.remove(path))
    }
    attempt(() => notes.remove(`limits/${day}`))
  }
}

const dayMilliseconds = 86_400_000
const maxSwept = 200
