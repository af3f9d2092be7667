// Batches and receipts, made from what requests have noted. A batch is what was stored of a
// submission and is in no earlier batch; whoever creates the note with its number first decides
// what it has. A receipt is kept nowhere: it is made of the batches and of what is in none yet.

import {
  type Answer,
  type Batch,
  fileUrl,
  type Receipt,
  type RecordedFile,
  type SenderText,
} from '../outcome.ts'
import type { Settings } from '../settings/settings.ts'
import type { Entry, Storage } from '../storage/storage.ts'
import { batchKind, type Submission } from './submission.ts'

/** A batch as it is noted. The names of its files are paths from the directory on. */
export type NotedBatch = {
  readonly receipt: string
  readonly batch: number
  /** ISO 8601, UTC. */
  readonly time: string
  readonly sender: SenderText
  readonly answers: readonly Answer[]
  /** The owner's folder, of which no visitor is told. */
  readonly folder: readonly string[]
  readonly files: readonly NotedFile[]
  /** The keys of the verdicts of its requests. */
  readonly members: readonly string[]
}

/** `modifiedAt`: in ms since 1970, by which the file is known again. */
export type NotedFile = Omit<RecordedFile, 'url'> & { readonly modifiedAt: number }

/** An entry that was stored, and the name under which it is still listed as open or untold. */
type Open = { readonly name: string; readonly entry: Entry }

/** What is known of one submission. */
type Known = {
  readonly batches: readonly NotedBatch[]
  /** What is open or untold. */
  readonly listed: readonly Open[]
  /** What is in no batch, in the order in which it came. */
  readonly open: readonly Open[]
  /** The number of the next batch. */
  readonly next: number
}

/** What the visitor is told; undefined as long as nothing is stored. */
export function receiptOf(
  storage: Storage,
  submission: Submission,
  settings: Settings,
): Receipt | undefined {
  const { batches, open } = knownOf(storage, submission)
  const parts = [...batches, ...(open.length === 0 ? [] : [batchOf(submission, open, 0)])]
  const [first] = parts
  if (first === undefined) return undefined
  const { batch, time } = batches.at(-1) ?? { batch: 0, time: submission.time }
  const { address, ...sender } = first.sender
  const answers = lastAnswers(parts.flatMap((part) => part.answers))
  // A visitor is told of no folder that the owner chose.
  const files = parts.flatMap((part) =>
    part.files.map((file) => ({
      ...told(file, settings),
      stored: below(part.folder, file.stored),
    })),
  )
  return { receipt: submission.receipt, batch, time, sender, answers, files }
}

/** Makes a batch of all that is in none yet; gives its number, 0 if there is nothing. */
export function closeBatch(storage: Storage, submission: Submission): number {
  for (;;) {
    const { batches, open, next } = knownOf(storage, submission)
    if (open.length === 0) return 0
    // A batch that a power cut takes away would be made again, with another content.
    storage.notes.sync(...batches.map(({ batch }) => keyOfBatch(submission, batch)))
    const noted = batchOf(submission, open, next)
    const content = Buffer.from(JSON.stringify(noted))
    if (storage.notes.create(keyOfBatch(submission, next), content)) return next
  }
}

/** The batches that were not told yet, and the names under which their requests are listed. */
export function untoldBatches(
  storage: Storage,
  submission: Submission,
): { readonly noted: NotedBatch; readonly names: readonly string[] }[] {
  const { batches, listed } = knownOf(storage, submission)
  return batches
    .map((noted) => {
      const own = listed.filter(({ entry }) => noted.members.includes(entry.verdict))
      return { noted, names: own.map(({ name }) => name) }
    })
    .filter(({ names }) => names.length > 0)
}

/** What is in no batch yet, under the number 0; undefined when there is nothing. */
export function openBatch(storage: Storage, submission: Submission): NotedBatch | undefined {
  const { open } = knownOf(storage, submission)
  return open.length === 0 ? undefined : batchOf(submission, open, 0)
}

/** Where its files are stored, or are about to be: from the directory on. */
export function placesOf(storage: Storage, submission: Pick<Submission, 'key' | 'day'>): string[] {
  const { entries } = storage
  // Before the batches: what is listed no more is in one.
  const listed = entries.list().filter((one) => one.submission === submission.key)
  const open = listed.flatMap(({ name }) => entries.read(name)?.files ?? [])
  const closed = batchesOf(storage, submission).batches.flatMap(({ files }) => files)
  return [...open, ...closed].map(({ stored }) => stored)
}

/** The submission that the request of an entry belongs to. */
export function submissionOfEntry({ submission, day, time, receipt, folder }: Entry): Submission {
  return { key: submission, day, time, receipt, folder }
}

/** Undefined for a note that says that nothing was stored, or that is not whole. */
export function parseBatch(note: Uint8Array | undefined): NotedBatch | undefined {
  if (note === undefined) return undefined
  const value = JSON.parse(Buffer.from(note).toString())
  if ('undone' in value) return undefined
  if ('batch' in value) return value as NotedBatch
  return wholeBatch(value as Entry)
}

/** What came as a whole is its own batch. */
export function wholeBatch(entry: Entry): NotedBatch {
  const { receipt, time, sender, answers, folder, verdict } = entry
  const members = [verdict]
  return { receipt, batch: 1, time, sender, answers, folder, files: filesOf(entry), members }
}

/** As the owner is told of it. */
export function toldBatch(noted: NotedBatch, settings: Settings): Batch {
  const { receipt, batch, time, sender, answers } = noted
  const files = noted.files.map((file) => told(file, settings))
  return { receipt, batch, time, sender, answers, files }
}

export function keyOfBatch({ day, key }: Pick<Submission, 'key' | 'day'>, number: number): string {
  return `${batchKind}/${day}/${key}-${number}`
}

function knownOf(storage: Storage, submission: Submission): Known {
  const { entries } = storage
  // Before the batches: what is listed here is in a batch already, or will be in the next one.
  const names = entries.list().filter((name) => name.submission === submission.key)
  const noted = names.flatMap(({ name }) => {
    const entry = entries.read(name)
    return entry === undefined ? [] : [{ name, entry }]
  })
  const verdicts = entries.verdicts(noted.map(({ entry }) => entry))
  const listed = noted.flatMap(({ name }, i) => {
    const entry = verdicts[i]
    return entry === undefined || entry === 'undone' ? [] : [{ name, entry }]
  })
  const { batches, next } = batchesOf(storage, submission)
  const members = new Set(batches.flatMap((batch) => batch.members))
  const open = new Map(
    listed
      .filter(({ entry }) => !members.has(entry.verdict))
      .map((one) => [one.entry.verdict, one] as const),
  )
  const inOrder = [...open.values()].sort((one, other) =>
    one.entry.time < other.entry.time ? -1 : 1,
  )
  return { batches, listed, open: inOrder, next }
}

function batchesOf(
  { notes }: Storage,
  submission: Pick<Submission, 'key' | 'day'>,
): Pick<Known, 'batches' | 'next'> {
  const batches: NotedBatch[] = []
  let next = 1
  for (; notes.isThere(keyOfBatch(submission, next)); next++) {
    // A number that a power cut damaged is void.
    const batch = parseBatch(notes.read(keyOfBatch(submission, next)))
    if (batch !== undefined) batches.push(batch)
  }
  return { batches, next }
}

function batchOf(
  { receipt, folder }: Submission,
  open: readonly Open[],
  batch: number,
): NotedBatch {
  const entries = open.map(({ entry }) => entry)
  return {
    receipt,
    batch,
    time: new Date().toISOString(),
    sender: entries[0]?.sender ?? {},
    answers: lastAnswers(entries.flatMap(({ answers }) => answers)),
    folder: entries[0]?.folder ?? folder,
    files: entries.flatMap(filesOf),
    members: entries.map(({ verdict }) => verdict),
  }
}

function filesOf({ files }: Entry): NotedFile[] {
  return files.map(({ stored, name, size, type, sha256, modifiedAt }) => {
    return { stored, name, size, type, sha256, modifiedAt }
  })
}

function told({ modifiedAt, ...file }: NotedFile, settings: Settings): RecordedFile {
  const url = fileUrl(settings, { folder: '' }, file)
  return url === undefined ? file : { ...file, url }
}

/** The path below the folder. */
function below(folder: readonly string[], stored: string): string {
  const prefix = folder.map((name) => `${name}/`).join('')
  return stored.startsWith(prefix) ? stored.slice(prefix.length) : stored
}

/** The last answer of a name counts. */
function lastAnswers(answers: readonly Answer[]): Answer[] {
  return [...new Map(answers.map((answer) => [answer.name, answer])).values()]
}
