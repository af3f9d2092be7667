// Receipts of uploads in pieces that are finished. A sender whose last reply was lost asks again,
// is told what was stored, and nothing is stored twice. A receipt is a note under the day and the
// key of the upload, so it is found without listing anything, and a whole day is swept together. It
// is kept for a day at least. What a client may make long is cut.

import type { Stored, StoredFile } from '../outcome.ts'
import { attempt } from '../system-error.ts'
import { parsedObject } from './journal.ts'
import type { Notes } from './notes.ts'
import type { UploadHeader } from './storage.ts'

export type Receipt = {
  readonly header: UploadHeader
  readonly stored: Stored
  /** When the upload was finished, in ms since 1970. */
  readonly finishedAt: number
}

export const receiptMilliseconds = 86_400_000

/** Throws the errors of the file system; then there is no receipt. */
export function keepReceipt(notes: Notes, key: string, header: UploadHeader, stored: Stored): void {
  const finishedAt = Date.now()
  const receipt: Receipt = { header: shortened(header), stored: shortenedFiles(stored), finishedAt }
  const content = Buffer.from(JSON.stringify(receipt))
  for (const suffix of suffixes) {
    const path = `${kind}/${dayOf(finishedAt)}/${key}${suffix}`
    try {
      if (notes.create(path, content) || notes.read(path) !== undefined) return
    } catch (error) {
      attempt(() => notes.remove(path))
      throw error
    }
  }
}

/** Undefined when this upload was not finished within the last day. */
export function findReceipt(notes: Notes, key: string): Receipt | undefined {
  // The clocks of two hosts that share the directory may be a day apart.
  for (const days of [0, -1, 1, -2]) {
    const path = `${kind}/${dayOf(Date.now() + days * receiptMilliseconds)}/${key}`
    for (const suffix of suffixes) {
      if (!notes.isThere(`${path}${suffix}`)) break
      const receipt = parsedReceipt(notes.read(`${path}${suffix}`))
      if (receipt !== undefined) return receipt
    }
  }
  return undefined
}

/** Removes some of the receipts that are too old: more than one, so that it keeps pace. */
export function sweepReceipts(notes: Notes, atMost = 20): number {
  const near = [-2, -1, 0, 1].map((days) => dayOf(Date.now() + days * receiptMilliseconds))
  let left = atMost
  for (const day of notes.list(kind, maxDays)) {
    if (near.includes(day) || left <= 0) continue
    const folder = `${kind}/${day}`
    const names = notes.list(folder, left)
    for (const name of names) attempt(() => notes.remove(`${folder}/${name}`))
    left -= names.length
    if (left > 0) attempt(() => notes.remove(folder))
  }
  return atMost - left
}

function dayOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10)
}

function parsedReceipt(bytes: Buffer | undefined): Receipt | undefined {
  if (bytes === undefined) return undefined
  const receipt = parsedObject(bytes.toString())
  // A whole note says what this program wrote.
  return receipt as Receipt | undefined
}

function shortened(header: UploadHeader): UploadHeader {
  const { size, name, place, folder, type, field, metadata } = header
  return {
    size,
    name: cut(name, 1024),
    place,
    folder,
    type: cut(type, 256),
    field: cut(field, 256),
    metadata: JSON.stringify(metadata).length > 2048 ? '' : metadata,
  }
}

function shortenedFiles(stored: Stored): Stored {
  const short = (file: StoredFile): StoredFile => ({
    ...file,
    name: cut(file.name, 1024),
    type: cut(file.type, 256),
    field: cut(file.field, 256),
  })
  return { ...stored, files: stored.files.map(short) }
}

/** JSON may need six bytes for a character. */
function cut(text: string, bytes: number): string {
  return JSON.stringify(text).length > bytes ? text.slice(0, Math.floor(bytes / 6)) : text
}

const kind = 'receipt'
/** A receipt that a power cut damaged keeps its key. */
const suffixes = ['', '-2', '-3']
const maxDays = 100
