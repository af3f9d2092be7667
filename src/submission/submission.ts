// What one visitor sends in one go, however many requests it takes: when it began, who may add to
// it, its number, its batches and its receipt. All that this room knows is in the notes, where
// nobody rewrites what another wrote. It refuses what comes from somebody else (NOT_YOURS) and what
// comes a day after the beginning (SUBMISSION_CLOSED). The decision 016 has the protocol.

import { Fault } from '../fault.ts'
import type { Storage } from '../storage/storage.ts'

/** A submission that has begun. */
export type Submission = {
  /** Its name in the notes. */
  readonly key: string
  /** Its number, for people: `7F3K-92QD-M4`. */
  readonly receipt: string
  /** When it began, as in `2026-11-28`: its batches are noted under that day. */
  readonly day: string
  /** ISO 8601, UTC. */
  readonly time: string
  /** Where its files go: the components of a path below the directory. */
  readonly folder: readonly string[]
}

/** Who adds to it. */
export type Adding = {
  /** The invitation or the user; '' where there is neither. An address does not count. */
  readonly who: string
  /** A later piece of an upload that was admitted before. */
  readonly isResumed: boolean
  /** Where the files go, if it begins now. `receipt`: its number. */
  folder(receipt: string): readonly string[]
}

/** The submission with this id, which begins unless it has. */
export function openSubmission(storage: Storage, id: string, adding: Adding): Submission {
  const { who, isResumed } = adding
  const key = storage.notes.nameOf(id)
  const found = findBegin(storage, key) ?? begin(storage, key, adding)
  if (isResumed) return submissionOf(key, found)
  if (found.who !== '' && found.who !== who) throw new Fault('NOT_YOURS')
  const age = Date.now() - Date.parse(found.time)
  if (age > dayMilliseconds) throw new Fault('SUBMISSION_CLOSED')
  return submissionOf(key, found)
}

/** Undefined when nothing is known of it. */
export function findSubmission(storage: Storage, id: string): Submission | undefined {
  const key = storage.notes.findName(id)
  if (key === undefined) return undefined
  const begin = findBegin(storage, key) ?? laterBegin(storage, key)
  return begin === undefined ? undefined : submissionOf(key, begin)
}

/** The number that a key stands for: 50 of its 128 bits, in the alphabet of Crockford's base 32. */
export function numberOf(key: string): string {
  const letters = Array.from({ length: 10 }, (_, i) => {
    return alphabet[Number.parseInt(key.slice(2 * i, 2 * i + 2), 16) % alphabet.length]
  }).join('')
  return `${letters.slice(0, 4)}-${letters.slice(4, 8)}-${letters.slice(8)}`
}

export function parseBegin(note: Uint8Array | undefined): Begin | undefined {
  if (note === undefined) return undefined
  // A whole note says what this program wrote.
  return JSON.parse(Buffer.from(note).toString()) as Begin
}

type Begin = { readonly time: string; readonly who: string; readonly folder: readonly string[] }

function submissionOf(key: string, { time, folder }: Begin): Submission {
  return { key, receipt: numberOf(key), day: time.slice(0, 10), time, folder }
}

/** What power cuts damaged keeps its key, so the next suffix counts. */
function findBegin({ notes }: Storage, key: string): Begin | undefined {
  for (const suffix of suffixes) {
    const name = `${beginKind}/${key}${suffix}`
    if (!notes.isThere(name)) return undefined
    const begin = parseBegin(notes.read(name))
    if (begin === undefined) continue
    // Who made it may not have made it durable yet. Two beginnings would be two submissions.
    if (Date.now() - Date.parse(begin.time) < youngMilliseconds) notes.sync(name)
    return begin
  }
  return undefined
}

function begin(storage: Storage, key: string, { who, isResumed, folder }: Adding): Begin {
  const later = laterBegin(storage, key)
  if (later !== undefined && !isResumed) throw new Fault('SUBMISSION_CLOSED')
  if (later !== undefined) return later
  const made = { time: new Date().toISOString(), who, folder: folder(numberOf(key)) }
  const content = Buffer.from(JSON.stringify(made))
  for (const suffix of suffixes) {
    if (storage.notes.create(`${beginKind}/${key}${suffix}`, content)) return made
    const found = findBegin(storage, key)
    if (found !== undefined) return found
  }
  throw new Fault('DIRECTORY_UNUSABLE', '', new Error('three notes of one beginning are damaged'))
}

/** The note of the beginning is gone after a day: then a batch shows that there was one. */
function laterBegin({ notes }: Storage, key: string): Begin | undefined {
  const day = notes.list(batchKind, maxDays).find((day) => {
    return notes.isThere(`${batchKind}/${day}/${key}-1`)
  })
  return day === undefined ? undefined : { time: `${day}T00:00:00.000Z`, who: '', folder: [] }
}

/** The kinds of notes. */
export const beginKind = 'begin'
export const batchKind = 'batch'
export const dayMilliseconds = 86_400_000
const youngMilliseconds = 60_000
const maxDays = 10_000
const suffixes = ['', '-2', '-3']
/** Without look-alikes: no I, L, O and U. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
