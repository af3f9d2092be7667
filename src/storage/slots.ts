// How many uploads may be unfinished, and which of them give way. Each takes a slot. A sender has a
// share of the slots, so that nobody takes them all. At its share, a sender displaces only its own
// uploads; when all slots are taken, a sender below its share displaces those of anybody. Only an
// upload gives way that nobody has touched for a minute and of which at most 1 MB has arrived: the
// least advanced first, of equal ones the one that is idle for longest. If none is like that, the
// new upload is refused with TOO_MANY_UPLOADS.

import { Fault } from '../fault.ts'

/** An unfinished upload. */
export type Slot = {
  readonly key: string
  /** The keyed hash of who sends it. */
  readonly sender: string
  /** The announced size, in bytes. */
  readonly size: number
  /** The bytes that have arrived. */
  readonly offset: number
  /** In ms since 1970. */
  readonly touchedAt: number
}

type Limits = { readonly maxPartialUploads: number; readonly parallelUploads: number }

/** The slots of one sender. Many visitors who cannot be distinguished have ten times as many. */
export function shareOf({ maxPartialUploads, parallelUploads }: Limits, isShared: boolean): number {
  const share = Math.max(Math.floor(maxPartialUploads / 4), parallelUploads + 1)
  return Math.min(isShared ? 10 * share : share, maxPartialUploads)
}

/**
 * Takes one more of `most` slots. `displace` ends an upload and says whether it could; it cannot
 * while a sender is active. Returns the slots that are still taken.
 */
export function takeOne(
  slots: readonly Slot[],
  most: number,
  now: number,
  displace: (slot: Slot) => boolean,
): Slot[] {
  const left = new Set(slots)
  const yielding = slots.filter((slot) => givesWay(slot, now)).sort(leastAdvanced)
  // Two that began at the same moment can have taken one slot too many.
  if (left.size - yielding.length < most) {
    for (const slot of yielding) {
      if (left.size < most) break
      if (displace(slot)) left.delete(slot)
    }
  }
  if (left.size >= most) throw new Fault('TOO_MANY_UPLOADS', `the limit is ${most}`)
  return [...left]
}

/**
 * The bytes that are still to come of these uploads, as far as they are kept free: for each sender
 * at most a quarter of the room, and nothing for what gives way.
 */
export function announcedBytes(slots: readonly Slot[], roomBytes: number, now: number): number {
  const missing = new Map<string, number>()
  for (const slot of slots) {
    if (givesWay(slot, now)) continue
    const { sender, size, offset } = slot
    missing.set(sender, (missing.get(sender) ?? 0) + size - offset)
  }
  let sum = 0
  for (const bytes of missing.values()) sum += Math.min(bytes, roomBytes / 4)
  return sum
}

/** A time in the future counts by its distance: the clock was set back since. */
function givesWay({ offset, touchedAt }: Slot, now: number): boolean {
  return offset <= 1_000_000 && Math.abs(now - touchedAt) >= 60_000
}

function leastAdvanced(one: Slot, other: Slot): number {
  return one.offset - other.offset || one.touchedAt - other.touchedAt
}
