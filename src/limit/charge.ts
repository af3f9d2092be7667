// Charges one upload to all limits that it counts for: of its sender, of its invitation, of the
// directory. It is held with what is announced before anything is received, and settled with what
// it is before anything is stored; of an upload in pieces, both before it is created. Nothing is
// written while no limit is set.

import { Fault } from '../fault.ts'
import type { Sender } from '../http/sender.ts'
import { randomId } from '../random-id.ts'
import type { Invitation } from '../settings/row.ts'
import type { Settings } from '../settings/settings.ts'
import type { Storage } from '../storage/storage.ts'
import { attempt } from '../system-error.ts'
import type { Charge } from '../upload/receiver.ts'
import {
  type Amount,
  add,
  type Bounds,
  type Entry,
  entryOf,
  invitationTally,
  type Over,
} from './limit.ts'
import { addToTotal } from './total.ts'

type Limit = {
  /** A count of the directory can miss what is about to be created there. */
  readonly isOfDirectory: boolean
  /** The key of the new entry, unless it is refused. */
  add(entry: Entry): string | Over | undefined
  fault(retrySeconds: number | undefined): Fault
}

export function openCharge(
  storage: Storage,
  settings: Settings,
  sender: Sender,
  invitation: Invitation | undefined,
): Charge | undefined {
  const limits = limitsOf(storage, settings, sender, invitation)
  return limits.length === 0 ? undefined : new LimitCharge(storage, limits)
}

class LimitCharge implements Charge {
  readonly #storage: Storage
  readonly #limits: readonly Limit[]
  #id = randomId()
  #held: readonly string[] = []
  #settled: readonly string[] = []

  constructor(storage: Storage, limits: readonly Limit[]) {
    this.#storage = storage
    this.#limits = limits
  }

  hold(bytes: number): void {
    this.#held = this.#add({ bytes, files: 1 }, true)
  }

  begin(upload: string, bytes: number): void {
    // By its id it is known in a count of the directory, which may have it already.
    this.#id = this.#storage.notes.nameOf(upload)
    const ofDirectory = this.#limits.filter(({ isOfDirectory }) => isOfDirectory)
    this.#held = this.#add({ bytes, files: 1 }, true, ofDirectory)
    this.settle({ bytes, files: 1 })
  }

  settle(amount: Amount): void {
    this.#settled = this.#add(amount, false)
  }

  done(): void {
    this.#remove(this.#held)
    this.#held = []
    this.#settled = []
  }

  undo(): void {
    this.#remove([...this.#held, ...this.#settled])
    this.done()
  }

  /** All or none. */
  #add(amount: Amount, isHeld: boolean, limits = this.#limits): readonly string[] {
    const keys: string[] = []
    for (const limit of limits) {
      const added = limit.add(entryOf(amount, isHeld, this.#id))
      if (typeof added !== 'string') {
        this.#remove(keys)
        throw limit.fault(added?.retrySeconds)
      }
      keys.push(added)
    }
    return keys
  }

  #remove(keys: readonly string[]): void {
    for (const key of keys) attempt(() => this.#storage.notes.remove(key))
  }
}

function limitsOf(
  storage: Storage,
  settings: Settings,
  { key: sender, isShared }: Sender,
  invitation: Invitation | undefined,
): readonly Limit[] {
  const { maxSenderBytes, maxSenderFiles, maxTotalBytes, maxTotalFiles } = settings
  const limits: Limit[] = []
  if (maxSenderBytes > 0 || maxSenderFiles > 0) {
    const tally = { kind: 'sender', sender, milliseconds: dayMilliseconds }
    const times = isShared ? 10 : 1
    const bounds = { maxBytes: times * maxSenderBytes, maxFiles: times * maxSenderFiles }
    limits.push({
      isOfDirectory: false,
      add: (entry) => add(storage, tally, entry, bounds),
      fault: (seconds) => new Fault('SENDER_LIMIT', '', undefined, retry(seconds)),
    })
  }
  if (invitation !== undefined && !isEndless(invitation)) {
    const tally = invitationTally(invitation)
    limits.push({
      isOfDirectory: false,
      add: (entry) => add(storage, tally, entry, invitation),
      fault: () => new Fault('INVITATION_ENDED'),
    })
  }
  if (maxTotalBytes > 0 || maxTotalFiles > 0) {
    const bounds = { maxBytes: maxTotalBytes, maxFiles: maxTotalFiles }
    limits.push({
      isOfDirectory: true,
      add: (entry) => addToTotal(storage, entry, bounds),
      fault: () => new Fault('TOTAL_LIMIT'),
    })
  }
  return limits
}

function isEndless({ maxBytes, maxFiles }: Bounds): boolean {
  return maxBytes === 0 && maxFiles === 0
}

function retry(retrySeconds: number | undefined) {
  return retrySeconds === undefined ? {} : { retrySeconds }
}

const dayMilliseconds = 86_400_000
