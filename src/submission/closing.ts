// What follows when a visitor has finished: what was stored becomes a batch, and the batch is told.
// What is told is listed as open no more.

import type { Receipt } from '../outcome.ts'
import type { Settings } from '../settings/settings.ts'
import type { Entry, Storage } from '../storage/storage.ts'
import {
  closeBatch,
  keyOfBatch,
  type NotedBatch,
  receiptOf,
  untoldBatches,
  wholeBatch,
} from './batch.ts'
import { storeReceiptFile } from './receipt-file.ts'
import { findSubmission, type Submission } from './submission.ts'

/** The visitor has finished. Undefined when nothing is stored. */
export function closeSubmission(
  storage: Storage,
  id: string,
  settings: Settings,
): Receipt | undefined {
  const submission = findSubmission(storage, id)
  if (submission === undefined) return undefined
  close(storage, submission, settings)
  return receiptOf(storage, submission, settings)
}

/** What the visitor is told of it. Undefined when nothing is stored. */
export function findReceipt(storage: Storage, id: string, settings: Settings): Receipt | undefined {
  const submission = findSubmission(storage, id)
  return submission === undefined ? undefined : receiptOf(storage, submission, settings)
}

export function close(storage: Storage, submission: Submission, settings: Settings): void {
  const made = closeBatch(storage, submission)
  // Whoever closed an earlier one may have died before it was told.
  for (const { noted, names } of untoldBatches(storage, submission)) {
    // The one that was made just now is durable.
    if (noted.batch !== made) storage.notes.sync(keyOfBatch(submission, noted.batch))
    tell(storage, noted, names, settings)
  }
}

/** What comes as a whole closes with its reply. `name`: under which it is listed. */
export function tellWhole(storage: Storage, name: string, entry: Entry, settings: Settings): void {
  const stored = storage.entries.verdict(entry)
  if (stored === undefined || stored === 'undone') return
  tell(storage, wholeBatch(stored), [name], settings)
}

/**
 * Tells the owner of a durable batch. `names`: under which its requests are listed until it is
 * told.
 */
function tell(
  storage: Storage,
  noted: NotedBatch,
  names: readonly string[],
  settings: Settings,
): void {
  // Until everybody has heard it stays listed, and that is its entry in the outbox.
  if (settings.notify.length > 0) return
  if (settings.receiptFile) storeReceiptFile(storage, noted, settings)
  for (const name of names) storage.entries.remove(name)
}
