// With `receipt_file = true`: the receipt of a batch as a text file beside its files, for owners
// who have no shell. It is written in the owner's language, and is no part of the record.

import { Fault } from '../fault.ts'
import { randomId } from '../random-id.ts'
import type { Settings } from '../settings/settings.ts'
import type { Storage } from '../storage/storage.ts'
import { type NotedBatch, toldBatch } from './batch.ts'

/**
 * Stores it, unless it is there: whoever stored it may have been killed before that was noted.
 * Where something else has its name, it gets a number, whatever `on_conflict` says.
 */
export function storeReceiptFile(storage: Storage, noted: NotedBatch, settings: Settings): void {
  const { receipt, batch, folder } = noted
  const name = `receipt-${receipt}${batch === 1 ? '' : `-${batch}`}`
  // A visitor knows the number of the receipt, and may have sent files with such names.
  const numbers = ['', '-2', '-3', '-4', '-5', '-6', '-7', '-8', '-9']
  const places = numbers.map((number) => [...folder, `${name}${number}.txt`].join('/'))
  const last = [...folder, `receipt-${receipt}-${randomId()}.txt`].join('/')
  const text = Buffer.from(receiptText(noted, settings))
  if (places.some((place) => storage.holds(place, text))) return
  if (places.some((place) => isFree(() => store(storage, place, text)))) return
  store(storage, last, text)
}

function store(storage: Storage, place: string, text: Buffer): void {
  const file = storage.create(place)
  try {
    file.write(text)
    file.end()
    storage.commit([file], undefined, () => undefined)
  } catch (error) {
    file.discard()
    throw error
  }
}

/** False when something else has the name. */
function isFree(action: () => void): boolean {
  try {
    action()
    return true
  } catch (error) {
    if (error instanceof Fault && error.code === 'NAME_TAKEN') return false
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
