// One turn of a deliverer: closes what is quiet, tells what is due, and ends; it never waits for
// what is due later. It is a process of its own, and no request loads it. One at a time has the
// directory, for a quarter of an hour.

import { Fault } from '../fault.ts'
import type { Member } from '../settings/row.ts'
import type { Settings } from '../settings/settings.ts'
import type { Storage } from '../storage/storage.ts'
import {
  keyOfBatch,
  parseBatch,
  submissionOfEntry,
  toldBatch,
  untoldBatches,
  wholeBatch,
} from './batch.ts'
import { doWhatIsDue, inTurns } from './due.ts'
import { type Bundle, bundlesOf, countMail, fixBundle, removeBundle } from './mailings.ts'
import {
  beginDelivery,
  endDelivery,
  giveUp,
  isTurnOver,
  noteHeard,
  noteTold,
  noteTry,
  stateOf,
  sweepOutbox,
  type Untold,
} from './outbox.ts'
import { storeReceiptFile } from './receipt-file.ts'
import { shownMember, tell } from './tell.ts'

export type Delivery = {
  /** Gets one line for the owner. */
  say(line: string): void
  /** What failed before is tried only after a pause. */
  readonly isPauseKept: boolean
}

/** Gives how often somebody heard something; undefined while another deliverer is at work. */
export async function deliver(
  storage: Storage,
  settings: Settings,
  delivery: Delivery,
): Promise<number | undefined> {
  // What came while one was ending saw it at work, and started no other.
  for (let count: number | undefined; ; ) {
    const startedAt = Date.now()
    if (!beginDelivery(storage, startedAt)) return count
    let heard = 0
    try {
      heard = await new Turn(storage, settings, delivery, startedAt).run()
    } finally {
      endDelivery(storage, startedAt)
    }
    count = (count ?? 0) + heard
    if (heard === 0) return count
  }
}

class Turn {
  readonly #storage: Storage
  readonly #settings: Settings
  readonly #delivery: Delivery
  readonly #startedAt: number
  #heard = 0

  constructor(storage: Storage, settings: Settings, delivery: Delivery, startedAt: number) {
    this.#storage = storage
    this.#settings = settings
    this.#delivery = delivery
    this.#startedAt = startedAt
  }

  async run(): Promise<number> {
    const { notify, receiptFile } = this.#settings
    doWhatIsDue(this.#storage, this.#settings)
    const untold = untoldOf(this.#storage)
    for (const one of untold) this.#storage.notes.sync(one.key)
    if (receiptFile) for (const one of untold) this.#storeReceipt(one)
    for (const member of notify) {
      if (member.kind === 'mail') await this.#mailAll(member, untold)
      else for (const one of untold) await this.#tellOne(member, one)
    }
    for (const one of untold) this.#finish(one)
    sweepOutbox(this.#storage, this.#startedAt)
    return this.#heard
  }

  async #mailAll(member: Member, untold: readonly Untold[]): Promise<void> {
    const bundles = bundlesOf(this.#storage, member)
    const bundled = new Set(bundles.flatMap(({ keys }) => keys))
    const single = untold.filter(({ key }) => !bundled.has(key))
    const untried = single.filter((one) => this.#state(member, one) === 'untried')
    const more = fixBundle(
      this.#storage,
      member,
      untried.map(({ key }) => key),
      Date.now(),
    )
    for (const bundle of more === undefined ? bundles : [...bundles, more]) {
      await this.#mailBundle(member, bundle, untold)
    }
    for (const one of single) {
      if (more === undefined || !more.keys.includes(one.key)) await this.#tellOne(member, one)
    }
  }

  async #mailBundle(member: Member, bundle: Bundle, untold: readonly Untold[]): Promise<void> {
    const waiting = untold.filter(({ key }) => bundle.keys.includes(key))
    const states = waiting.map((one) => this.#state(member, one))
    if (states.every((state) => state === 'heard' || state === 'lost')) {
      return removeBundle(this.#storage, member, bundle)
    }
    if (states.includes('later')) return
    // Those that were told of meanwhile are in it too: it is always the same mail.
    const noted = bundle.keys.map((key) => parseBatch(this.#storage.notes.read(key)))
    const [first, ...others] = noted.filter((one) => one !== undefined)
    if (first === undefined) return
    const batches = [
      toldBatch(first, this.#settings),
      ...others.map((one) => toldBatch(one, this.#settings)),
    ] as const
    if (await this.#attempt(member, waiting, { batches, id: bundle.id, isTest: false })) {
      removeBundle(this.#storage, member, bundle)
    }
  }

  async #tellOne(member: Member, untold: Untold): Promise<void> {
    const state = this.#state(member, untold)
    if (state !== 'untried' && state !== 'due') return
    const batch = toldBatch(untold.noted, this.#settings)
    const id = `${batch.receipt}-${batch.batch}`
    await this.#attempt(member, [untold], { batches: [batch], id, isTest: false })
  }

  /** `untold`: what the member has heard of when it has heard this. */
  async #attempt(
    member: Member,
    untold: readonly Untold[],
    news: Parameters<typeof tell>[1],
  ): Promise<boolean> {
    const now = Date.now()
    if (isTurnOver(this.#startedAt, now)) return false
    if (member.kind === 'mail' && !countMail(this.#storage, member, now)) return false
    for (const one of untold) noteTry(this.#storage, one, member, now)
    const { isHeard, text } = await tell(member, news, this.#settings)
    if (text !== '') this.#delivery.say(`notify: ${text}`)
    if (isHeard) {
      for (const one of untold) noteHeard(this.#storage, one, member)
      this.#heard++
      return true
    }
    for (const one of untold) {
      if (!giveUp(this.#storage, one, member, now)) continue
      const { receipt } = one.noted
      this.#delivery.say(`notify: ${shownMember(member)} never heard of ${receipt}: given up`)
    }
    return false
  }

  #storeReceipt(untold: Untold): void {
    if (this.#state(receiptFileMember, untold) === 'heard') return
    try {
      storeReceiptFile(this.#storage, untold.noted, this.#settings)
      noteHeard(this.#storage, untold, receiptFileMember)
    } catch (error) {
      // People are told all the same. It stays listed, and is tried again.
      if (!(error instanceof Fault)) throw error
      this.#delivery.say(`receipt_file: ${untold.noted.receipt}: ${error.message}`)
    }
  }

  #finish(untold: Untold): void {
    const { notify, receiptFile } = this.#settings
    const members = receiptFile ? [...notify, receiptFileMember] : notify
    const isTold = members.every((member) => {
      const state = this.#state(member, untold)
      return state === 'heard' || state === 'lost'
    })
    if (isTold) noteTold(this.#storage, untold, [...notify, receiptFileMember])
  }

  #state(member: Member, untold: Untold) {
    const { isPauseKept } = this.#delivery
    return stateOf(this.#storage, untold, member, Date.now(), isPauseKept)
  }
}

/** The batches that are closed and still listed, at most so many, others each time. */
function untoldOf(storage: Storage): Untold[] {
  const { entries } = storage
  const names = inTurns(entries.list(), maxLooked, () => true)
  const seen = new Set<string>()
  return names.flatMap(({ name, submission }) => {
    const entry = seen.has(submission) ? undefined : entries.read(name)
    if (entry === undefined) return []
    if (submission !== '') {
      seen.add(submission)
      const opened = submissionOfEntry(entry)
      return untoldBatches(storage, opened).map(({ noted, names }) => {
        return { key: keyOfBatch(opened, noted.batch), noted, names }
      })
    }
    const stored = entries.verdict(entry)
    if (stored === undefined || stored === 'undone') return []
    return [{ key: stored.verdict, noted: wholeBatch(stored), names: [name] }]
  })
}

/** The file of a receipt is written once, as somebody is told once. */
const receiptFileMember: Member = { kind: 'program', text: '' }
const maxLooked = 500
