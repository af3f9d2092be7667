// The verdict of an upload in pieces, found by the upload's key: a sender whose last reply was lost
// asks again, is told what was stored, and nothing is stored twice. It is under a day, so that a
// whole day is swept together, and is kept for a day at least. What a client may make long is cut.

import type { StoredFile } from '../outcome.ts'
import { dayOf, parseVerdict } from './entry.ts'
import type { Notes } from './notes.ts'
import type { Draft, Entry } from './storage.ts'

export const verdictMilliseconds = 86_400_000

/** Undefined when this upload was not finished within the last day. */
export function findStored(notes: Notes, key: string): Entry | undefined {
  // The clocks of two hosts that share the directory may be a day apart.
  for (const days of [0, -1, 1, -2]) {
    const day = dayOf(Date.now() + days * verdictMilliseconds)
    for (const kind of ['batch', 'verdict']) {
      const { entry } = lastOf(notes, `${kind}/${day}/${key}`)
      if (entry !== undefined) return entry
    }
  }
  return undefined
}

/**
 * The key of the next verdict of an upload: one that a power cut damaged keeps its key, and so does
 * one that says that nothing was stored.
 */
export function nextVerdict(notes: Notes, { origin }: Draft, day: string, key: string): string {
  const prefix = `${origin.isWhole ? 'batch' : 'verdict'}/${day}/${key}`
  return `${prefix}-${lastOf(notes, prefix).number}`
}

/** `number`: of the verdict that says that it is stored, else of the next one. */
function lastOf(notes: Notes, prefix: string): { entry?: Entry; number: number } {
  for (let number = 1; ; number++) {
    if (!notes.isThere(`${prefix}-${number}`)) return { number }
    const entry = parseVerdict(notes.read(`${prefix}-${number}`))
    if (entry !== undefined && entry !== 'undone') return { entry, number }
  }
}

export function shortened(draft: Draft): Draft {
  const { metadata = '' } = draft
  const short = (file: StoredFile): StoredFile => ({
    ...file,
    name: cut(file.name, 1024),
    type: cut(file.type, 256),
    field: cut(file.field, 256),
  })
  const isLong = JSON.stringify(metadata).length > 2048
  return { ...draft, files: draft.files.map(short), metadata: isLong ? '' : metadata }
}

/** JSON may need six bytes for a character. */
function cut(text: string, bytes: number): string {
  return JSON.stringify(text).length > bytes ? text.slice(0, Math.floor(bytes / 6)) : text
}
