// What a sender has done so far, counted without a running sum that processes would have to share:
// each thing done is an empty note whose key says when it was and how much. Whoever adds one lists
// them all afterwards, adds up, and takes its own back when the sum is over the bounds. Of two that
// add at the same moment at least one sees the other: so the bounds are never exceeded, and two at
// the edge may both be refused. Nothing is locked, and a process that is killed leaves at most an
// entry that counts too much.

import { randomId } from '../random-id.ts'
import type { Storage } from '../storage/storage.ts'
import { attempt } from '../system-error.ts'

/** What is counted together. */
export type Tally = {
  /** Of the key; 'tries'. Letters and digits. */
  readonly kind: string
  /** Whom it counts for; '' for all senders together. */
  readonly sender: string
  /** How long an entry counts, in ms: at most a day. */
  readonly milliseconds: number
}

export type Amount = { readonly bytes: number; readonly files: number }

/** Each 0 for no limit. */
export type Bounds = { readonly maxBytes: number; readonly maxFiles: number }

export type Added = {
  /** Takes it back. Never throws. */
  remove(): void
}

export type Over = {
  /** When the oldest entry ends to count. */
  readonly retrySeconds: number
}

type Notes = Storage['notes']

/** Adds an entry, unless the sum would be over the bounds. */
export function add(storage: Storage, tally: Tally, amount: Amount, bounds: Bounds): Added | Over {
  const { notes } = storage
  const now = Date.now()
  const [today, ...before] = foldersOf(storage, tally, now)
  const name = [now, amount.bytes, amount.files, randomId()].join('-')
  const key = `${today}/${name}`
  notes.create(key)
  const remove = () => void attempt(() => notes.remove(key))
  const newest = entriesIn(notes, today)
  const entries = [...newest, ...before.flatMap((folder) => entriesIn(notes, folder))]
  const counted = entries.filter(({ time }) => Math.abs(now - time) < tally.milliseconds)
  const bytes = counted.reduce((sum, entry) => sum + entry.bytes, 0)
  const files = counted.reduce((sum, entry) => sum + entry.files, 0)
  // The first of a folder is rare enough to look for what is over.
  if (newest.length === 1) sweep(notes, now)
  if (!isOver(bytes, bounds.maxBytes) && !isOver(files, bounds.maxFiles)) return { remove }
  remove()
  const oldest = Math.min(...counted.map(({ time }) => time))
  return { retrySeconds: Math.max(1, Math.ceil((oldest + tally.milliseconds - now) / 1000)) }
}

function isOver(sum: number, most: number): boolean {
  return most > 0 && sum > most
}

/** That of today, into which new entries go, and that of yesterday. */
function foldersOf({ secret }: Storage, { kind, sender }: Tally, now: number): [string, string] {
  // A sender may be any text, and an address is nobody's business.
  const name = `${kind}-${secret.name(`sender ${sender}`)}`
  const day = Math.floor(now / dayMilliseconds)
  return [`limits/${day}/${name}`, `limits/${day - 1}/${name}`]
}

type Entry = Amount & { readonly time: number }

function entriesIn(notes: Notes, folder: string): readonly Entry[] {
  return notes.list(folder, Infinity).map((name) => {
    const [time = 0, bytes = 0, files = 0] = name.split('-', 3).map(Number)
    return { time, bytes, files }
  })
}

/** Removes some entries of days that count no more. */
function sweep(notes: Notes, now: number): void {
  const yesterday = Math.floor(now / dayMilliseconds) - 1
  let room = maxSwept
  for (const day of notes.list('limits', maxSwept)) {
    if (!(Number(day) < yesterday)) continue
    for (const folder of notes.list(`limits/${day}`, room)) {
      const path = `limits/${day}/${folder}`
      for (const name of notes.list(path, room)) {
        attempt(() => notes.remove(`${path}/${name}`))
        room--
      }
      attempt(() => notes.remove(path))
    }
    attempt(() => notes.remove(`limits/${day}`))
  }
}

const dayMilliseconds = 86_400_000
const maxSwept = 200
