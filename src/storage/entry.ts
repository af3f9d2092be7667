// What is noted of one request that stored something, its entry: JSON in a note, and the keys under
// which such notes are. The name of a *storing* note says its minute, its submission and the base
// of its verdict's key, so that one listing tells what is open without reading anything.

import { parsedObject } from './journal.ts'
import type { Draft, Entry, EntryFile, EntryName, Origin } from './storage.ts'

/** The kind of the notes that list what is open or untold. */
export const storing = 'storing'

export const undoneNote: Uint8Array = Buffer.from('{"undone":true}')

export function encodeEntry(
  { origin, id, time, answers, metadata = '' }: Draft,
  files: readonly EntryFile[],
  verdict: string,
): Buffer {
  const { submission, day, isWhole, receipt, sender, folder } = origin
  const head = { verdict, submission, day, isWhole, receipt, id, time, sender, folder }
  return Buffer.from(JSON.stringify({ ...head, answers, files, metadata }))
}

/** Undefined for a note that is not there, not whole, or not an entry. */
export function parseEntry(note: Uint8Array | undefined): Entry | undefined {
  const value = note === undefined ? undefined : parsedObject(Buffer.from(note).toString())
  if (value === undefined || !Array.isArray(value['files'])) return undefined
  const texts = ['verdict', 'submission', 'day', 'receipt', 'id', 'time']
  if (!texts.every((name) => typeof value[name] === 'string')) return undefined
  // A whole note says what this program wrote.
  return value as unknown as Entry
}

export function parseVerdict(note: Uint8Array | undefined): Entry | 'undone' | undefined {
  if (note !== undefined && Buffer.from(undoneNote).equals(note)) return 'undone'
  return parseEntry(note)
}

/** `base`: of the verdict's key. */
export function entryName(milliseconds: number, origin: Origin, base: string): string {
  return `${minuteOf(milliseconds)}-${origin.isWhole ? '0' : origin.submission}-${base}`
}

/** Undefined for what this program does not write. */
export function parseEntryName(name: string): EntryName | undefined {
  const match = /^(\d{12})-(0|[0-9a-f]{32})-([0-9a-f]{32})(-[0-9a-f]{8})?(-\d{1,5})?$/.exec(name)
  if (match === null) return undefined
  const [, minute = '', submission = '', base = ''] = match
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(minute) ?? []
  const [year = 0, month = 0, day, hour, minutes] = parts.slice(1).map(Number)
  const startedAt = Date.UTC(year, month - 1, day, hour, minutes)
  return { name, startedAt, submission: submission === '0' ? '' : submission, base }
}

/** As in `2026-11-28`, in UTC. */
export function dayOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10)
}

function minuteOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 16).replace(/\D/g, '')
}
