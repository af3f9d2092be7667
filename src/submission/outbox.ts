// What is still to be told, and to whom. A batch is an entry of the outbox for as long as its
// requests are listed; empty notes say who heard of it. Each member of `notify` is told at least
// once, each time with the same id and content. Who heard is not told again because another did
// not; who did not hear is tried again after a growing pause, and given up after three days. What
// a deliverer does with this is in deliver.ts. The decision 018 has the reasons.

import { randomId } from '../random-id.ts'
import type { Member } from '../settings/row.ts'
import type { Settings } from '../settings/settings.ts'
import type { EntryName, Storage } from '../storage/storage.ts'
import { attempt } from '../system-error.ts'
import type { NotedBatch } from './batch.ts'
import { dayMilliseconds } from './submission.ts'

/** A batch that somebody has not heard of. */
export type Untold = {
  /** Of the note of the batch. */
  readonly key: string
  readonly noted: NotedBatch
  /** The names under which its requests are listed until it is told. */
  readonly names: readonly string[]
}

/** Whether a request has left something for a deliverer, and none is at work. */
export function isDeliveryDue(
  { entries, notes }: Storage,
  { notify }: Settings,
  hasClosed: boolean,
): boolean {
  if (notify.length === 0) return false
  const now = Date.now()
  const isClosed = ({ submission, startedAt }: EntryName) => {
    return submission === '' || now - startedAt > quietMilliseconds
  }
  if (!hasClosed && !entries.list().some(isClosed)) return false
  return !notes.isThere(deliveringKey(now))
}

/** False while another deliverer is at work: it has this quarter of an hour. */
export function beginDelivery({ notes }: Storage, now: number): boolean {
  for (const quarter of notes.list(delivering, maxNames)) {
    const isOver = Math.abs(Number(quarter) - quarterOf(now)) > 1
    if (isOver) attempt(() => notes.remove(`${delivering}/${quarter}`))
  }
  return notes.create(deliveringKey(now))
}

export function endDelivery({ notes }: Storage, startedAt: number): void {
  attempt(() => notes.remove(deliveringKey(startedAt)))
}

/** Whether the turn of a deliverer that began then is over. */
export function isTurnOver(startedAt: number, now: number): boolean {
  return quarterOf(now) !== quarterOf(startedAt)
}

/** What one member knows of one batch, or whether it is to be told now. */
export type Hearing = 'heard' | 'lost' | 'untried' | 'due' | 'later'

/** `isPauseKept`: false for whoever asks that all is tried now. */
export function stateOf(
  { notes }: Storage,
  untold: Untold,
  member: Member,
  now: number,
  isPauseKept: boolean,
): Hearing {
  const key = memberKey(notes, untold, member)
  if (notes.isThere(`${heard}/${key}`)) return 'heard'
  if (notes.isThere(`${lost}/${key}`)) return 'lost'
  const tries = notes.list(`${tried}/${key}`, maxNames).map(Number)
  if (tries.length === 0) return 'untried'
  const last = Math.max(...tries)
  const pause = Math.min(maxPause, minPause * 2 ** Math.min(tries.length - 1, 10))
  return !isPauseKept || Math.abs(now - last) >= pause ? 'due' : 'later'
}

/** Before each try, so that one that kills the deliverer counts too. */
export function noteTry({ notes }: Storage, untold: Untold, member: Member, now: number): void {
  notes.create(`${tried}/${memberKey(notes, untold, member)}/${now}`)
}

export function noteHeard({ notes }: Storage, untold: Untold, member: Member): void {
  const key = `${heard}/${memberKey(notes, untold, member)}`
  if (!notes.create(key)) notes.sync(key)
}

/** True if it is given up now: nobody tries for longer than three days. */
export function giveUp({ notes }: Storage, untold: Untold, member: Member, now: number): boolean {
  if (now - Date.parse(untold.noted.time) < lostMilliseconds) return false
  return notes.create(`${lost}/${memberKey(notes, untold, member)}`)
}

/** All have heard or were given up. What was noted meanwhile goes last. */
export function noteTold(storage: Storage, untold: Untold, told: readonly Member[]): void {
  const { notes, entries } = storage
  for (const name of untold.names) attempt(() => entries.remove(name))
  for (const member of told) {
    const key = memberKey(notes, untold, member)
    removeAll(notes, `${tried}/${key}`, true)
    attempt(() => notes.remove(`${heard}/${key}`))
  }
}

/** How many times somebody was given up in the last month, for `check`. */
export function lostCount({ notes }: Storage): number {
  const days = notes.list(lost, maxNames)
  return days.reduce((sum, day) => sum + notes.list(`${lost}/${day}`, maxNames).length, 0)
}

/** Removes what a change of `notify` or a death left, and what was given up a month ago. */
export function sweepOutbox({ notes }: Storage, now: number): void {
  for (const kind of [heard, tried, lost]) {
    const days = kind === lost ? 31 : 5
    for (const day of notes.list(kind, maxNames)) {
      if (Math.abs(now - Date.parse(day)) < days * dayMilliseconds) continue
      for (const name of notes.list(`${kind}/${day}`, maxNames)) {
        removeAll(notes, `${kind}/${day}/${name}`, kind === tried)
      }
      attempt(() => notes.remove(`${kind}/${day}`))
    }
  }
}

/** What a deliverer has to say: the next request puts it into the error log. Bounded. */
export function noteSaying({ notes }: Storage, line: string): void {
  const waiting = notes.list(said, maxSayings)
  if (waiting.length < maxSayings) notes.create(`${said}/${randomId()}`, Buffer.from(line))
}

export function takeSayings({ notes }: Storage): string[] {
  return notes.list(said, maxSayings).flatMap((name) => {
    const line = notes.read(`${said}/${name}`)
    attempt(() => notes.remove(`${said}/${name}`))
    return line === undefined ? [] : [Buffer.from(line).toString()]
  })
}

function removeAll(notes: Storage['notes'], key: string, isFolder: boolean): void {
  for (const name of isFolder ? notes.list(key, maxNames) : []) {
    attempt(() => notes.remove(`${key}/${name}`))
  }
  attempt(() => notes.remove(key))
}

/** `day/batch-member`. */
function memberKey(notes: Storage['notes'], { key, noted }: Untold, member: Member): string {
  const batch = key.slice(key.lastIndexOf('/') + 1)
  return `${noted.time.slice(0, 10)}/${batch}-${memberName(notes, member)}`
}

/** A keyed hash, since an address may be a secret. */
export function memberName(notes: Storage['notes'], { text }: Member): string {
  return notes.nameOf(`member ${text}`).slice(0, 16)
}

function deliveringKey(now: number): string {
  return `${delivering}/${quarterOf(now)}`
}

function quarterOf(now: number): number {
  return Math.floor(now / quietMilliseconds)
}

const delivering = 'delivering'
const heard = 'heard'
const tried = 'tried'
const lost = 'lost'
const said = 'said'
const maxSayings = 20
const quietMilliseconds = 15 * 60_000
const lostMilliseconds = 3 * dayMilliseconds
const minPause = 60_000
const maxPause = 4 * 3_600_000
const maxNames = 100_000
