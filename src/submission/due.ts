// What requests do for those before them, after their reply: they close submissions of which
// nothing came for a quarter of an hour, decide for requests that died, and remove notes that
// nobody needs any more. `clean` does all of it at once.

import type { Settings } from '../settings/settings.ts'
import type { EntryName, Storage } from '../storage/storage.ts'
import { attempt } from '../system-error.ts'
import { submissionOfEntry } from './batch.ts'
import { close, tellWhole } from './closing.ts'
import { batchKind, beginKind, dayMilliseconds, parseBegin } from './submission.ts'

/**
 * After the reply to a request. Where nothing is to be done it costs one listing. What a deliverer
 * may do, outbox.ts leaves to it.
 */
export function lookAfter(storage: Storage, settings: Settings): void {
  const now = Date.now()
  const names = settings.notify.length > 0 ? [] : storage.entries.list()
  if (names.some((name) => isQuiet(name, now) || isUntold(name, settings))) {
    doWhatIsDue(storage, settings)
  }
  // Usually the first request of a day makes a folder.
  if (storage.notes.hasNewFolder()) sweepRecord(storage, settings, maxSwept)
}

/** Looks at so many of what is open or untold, others each time, and does what is due. */
export function doWhatIsDue(storage: Storage, settings: Settings, atMost = 100): void {
  const now = Date.now()
  const names = storage.entries.list()
  const last = new Map<string, EntryName>()
  for (const name of names) {
    const { submission, startedAt } = name
    if (startedAt >= (last.get(submission)?.startedAt ?? 0)) last.set(submission, name)
  }
  const due = inTurns(names, atMost, (name) => {
    const { submission } = name
    return submission === ''
      ? isQuiet(name, now) || isUntold(name, settings)
      : isQuiet(last.get(submission) ?? name, now)
  })
  const closed = new Set<string>()
  throughAll([
    ...due.map((name) => () => storage.entries.resolve(name)),
    ...due.map(({ name, submission }) => () => {
      const entry = closed.has(submission) ? undefined : storage.entries.read(name)
      if (entry === undefined) return
      if (entry.isWhole) return tellWhole(storage, name, entry, settings)
      closed.add(submission)
      close(storage, submissionOfEntry(entry), settings)
    }),
  ])
}

/** Removes at most so many notes of each kind. Returns how many it removed. */
export function sweepRecord(storage: Storage, settings: Settings, atMost: number): number {
  const names = storage.entries.list()
  const open = new Set(names.flatMap(({ submission, base }) => [submission, base]))
  const lifetime = settings.recordLifetimeSeconds * 1000
  return (
    sweepDays(storage, 'verdict', dayMilliseconds, open, atMost) +
    sweepDays(storage, batchKind, Math.max(lifetime, dayMilliseconds), open, atMost) +
    sweepBeginnings(storage, open, atMost)
  )
}

/** Notes under days that are over for so long. What is open or untold stays. */
function sweepDays(
  { notes }: Storage,
  kind: string,
  lifetime: number,
  open: ReadonlySet<string>,
  atMost: number,
): number {
  let count = 0
  for (const day of notes.list(kind, maxDays)) {
    // The clocks of two hosts may be a day apart.
    const age = Math.abs(Date.now() - Date.parse(day))
    if (age < lifetime + 2 * dayMilliseconds || count >= atMost) continue
    const names = notes.list(`${kind}/${day}`, maxNames)
    const old = names.filter((name) => !open.has(name.replace(/-\d+$/, '')))
    for (const name of old.slice(0, atMost - count)) {
      attempt(() => notes.remove(`${kind}/${day}/${name}`))
      count++
    }
    if (old.length === names.length) attempt(() => notes.remove(`${kind}/${day}`))
  }
  return count
}

/** A day after it began, a submission takes nothing more, and its batches say that it was there. */
function sweepBeginnings({ notes }: Storage, open: ReadonlySet<string>, atMost: number): number {
  const old = inTurns(notes.list(beginKind, maxNames), atMost, (name) => {
    if (open.has(name.slice(0, keyLength))) return false
    const note = notes.read(`${beginKind}/${name}`)
    const begin = parseBegin(note)
    return begin === undefined || Date.now() - Date.parse(begin.time) > 2 * dayMilliseconds
  })
  for (const name of old) attempt(() => notes.remove(`${beginKind}/${name}`))
  return old.length
}

/** Those of at most so many items that are meant, from another item on each time. */
export function inTurns<Item>(
  items: readonly Item[],
  atMost: number,
  isMeant: (item: Item) => boolean,
): Item[] {
  const start = Math.floor(Math.random() * items.length)
  const turned = [...items.slice(start), ...items.slice(0, start)]
  return turned.filter(isMeant).slice(0, atMost)
}

/** What fails does not keep the rest from being done, and is thrown afterwards. */
function throughAll(actions: readonly (() => void)[]): void {
  const errors: unknown[] = []
  for (const action of actions) {
    try {
      action()
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw errors[0]
}

function isQuiet({ startedAt }: EntryName, now: number): boolean {
  // The name says the minute.
  return now - startedAt > quietMilliseconds + 60_000
}

/** What came as a whole is told with its reply, unless that takes more than a note. */
function isUntold({ submission }: EntryName, { receiptFile }: Settings): boolean {
  return submission === '' && receiptFile
}

const quietMilliseconds = 15 * 60_000
const keyLength = 32
/** What 20,000 requests of a day leave takes a fifth of a second. */
const maxSwept = 20_000
const maxDays = 10_000
const maxNames = 100_000
