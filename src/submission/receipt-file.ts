// With `receipt_file = true`: the receipt of a batch as a text file beside its files, for owners
// who have no shell. It is written in the owner's language, and is no part of the record.

import type { Settings } from '../settings/settings.ts'
import type { Storage } from '../storage/storage.ts'
import { type NotedBatch, toldBatch } from './batch.ts'

/** Stores it. */
export function storeReceiptFile(storage: Storage, noted: NotedBatch, settings: Settings): void {
  const { receipt, batch } = noted
  const number = batch === 1 ? '' : `-${batch}`
  const place = [...noted.folder, `receipt-${receipt}${number}.txt`].join('/')
  const file = storage.create(place)
  try {
    file.write(Buffer.from(receiptText(noted, settings)))
    file.end()
    storage.commit([file], undefined, () => undefined)
  } catch (error) {
    file.discard()
    throw error
  }
}

function receiptText(noted: NotedBatch, settings: Settings): string {
  const { receipt, time, sender, answers, files } = toldBatch(noted, settings)
  const who = [sender.invitation, sender.user, sender.address].filter((text) => text !== undefined)
  const lines = [
    receipt,
    time,
    ...(who.length === 0 ? [] : [who.map(oneLine).join(', ')]),
    '',
    ...answers.map(({ label, value }) => `${oneLine(label)}: ${indented(value)}`),
    ...(answers.length === 0 ? [] : ['']),
    ...files.map(({ stored, size, sha256 }) => `${stored}\t${size}\t${sha256 ?? '-'}`),
  ]
  return `${lines.join('\r\n')}\r\n`
}

/** Nothing that a visitor wrote looks like a line of ours. */
function indented(text: string): string {
  return text
    .split(/\r\n|\r|\n/)
    .map(oneLine)
    .join('\r\n    ')
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
}
