// At most so many mails an hour to one member. What is over that waits, and goes into one mail when
// there is room again. A note says which batches are in it before it is sent, so that each
// repetition has the same batches and the same Message-ID.

import type { Member } from '../settings/row.ts'
import type { Storage } from '../storage/storage.ts'
import { attempt } from '../system-error.ts'
import { memberName } from './outbox.ts'

/** Several batches in one mail. */
export type Bundle = {
  readonly id: string
  /** The keys of their notes. */
  readonly keys: readonly string[]
}

/** Those of this member that were fixed and not heard. */
export function bundlesOf({ notes }: Storage, member: Member): Bundle[] {
  const prefix = `${bundle}/${memberName(notes, member)}`
  return notes.list(prefix, maxNames).flatMap((id) => {
    const note = notes.read(`${prefix}/${id}`)
    return note === undefined ? [] : [{ id, keys: JSON.parse(Buffer.from(note).toString()) }]
  })
}

/** Undefined where each batch has a mail of its own, and while there is no room for a mail. */
export function fixBundle(
  { notes }: Storage,
  member: Member,
  keys: readonly string[],
  now: number,
): Bundle | undefined {
  const name = memberName(notes, member)
  if (keys.length < 2 || !notes.isThere(`${over}/${name}`)) return undefined
  if (notes.list(hourOf(name, now), maxMails).length === maxMails) return undefined
  // It is named after its first batch: of two deliverers, one makes it.
  const id = `bundle-${keys[0]?.slice(keys[0].lastIndexOf('/') + 1)}`
  if (!notes.create(`${bundle}/${name}/${id}`, Buffer.from(JSON.stringify(keys)))) return undefined
  attempt(() => notes.remove(`${over}/${name}`))
  return { id, keys }
}

export function removeBundle({ notes }: Storage, member: Member, { id }: Bundle): void {
  attempt(() => notes.remove(`${bundle}/${memberName(notes, member)}/${id}`))
}

/** Counts a mail that is about to be sent; false when this hour has no room for it. */
export function countMail({ notes }: Storage, member: Member, now: number): boolean {
  const name = memberName(notes, member)
  const prefix = hourOf(name, now)
  for (const hour of notes.list(`${mailed}/${name}`, maxNames)) {
    const old = `${mailed}/${name}/${hour}`
    if (old !== prefix) removeHour(notes, old)
  }
  const count = notes.list(prefix, maxMails).length
  if (count < maxMails) return notes.create(`${prefix}/${count}`)
  notes.create(`${over}/${name}`)
  return false
}

function hourOf(name: string, now: number): string {
  return `${mailed}/${name}/${Math.floor(now / hourMilliseconds)}`
}

function removeHour(notes: Storage['notes'], prefix: string): void {
  for (const name of notes.list(prefix, maxNames)) attempt(() => notes.remove(`${prefix}/${name}`))
  attempt(() => notes.remove(prefix))
}

const bundle = 'bundle'
const mailed = 'mailed'
const over = 'over'
const hourMilliseconds = 3_600_000
const maxMails = 20
const maxNames = 100_000
