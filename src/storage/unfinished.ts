// Uploads in pieces, from the first piece to the last. `KEY.data` holds the bytes, `KEY.journal`
// (journal.ts) says how many of them are safe, `KEY.claim-N` (claim.ts) says which sender may
// append. The last piece stores the file by the same commit as every other file and leaves a
// verdict (verdict.ts).

import { closeSync, unlinkSync } from 'node:fs'
import { Fault } from '../fault.ts'
import type { Stored } from '../outcome.ts'
import { attempt } from '../system-error.ts'
import { Append } from './append.ts'
import { Claim, isClaimed } from './claim.ts'
import type { Directory } from './directory.ts'
import { createFile, translated } from './files.ts'
import { createJournal, type JournalHeader } from './journal.ts'
import { announcedBytes, type Slot, shareOf, takeOne } from './slots.ts'
import { existing, readState, type UploadState } from './state.ts'
import type { Beginning, Unfinished, UploadHeader } from './storage.ts'

export class UnfinishedUploads implements Unfinished {
  readonly #directory: Directory

  constructor(directory: Directory) {
    this.#directory = directory
  }

  status(id: string): UploadState {
    return translated(() => existing(this.#directory, this.#key(id)))
  }

  requireSettled(id: string): void {
    const isBusy = () => {
      const key = this.#directory.incoming.find(id)
      return key !== undefined && isClaimed(this.#directory.incoming, key)
    }
    if (translated(isBusy)) throw new Fault('UPLOAD_BUSY')
  }

  stored(id: string): Stored | undefined {
    return translated(() => {
      const key = this.#directory.incoming.find(id)
      return key === undefined ? undefined : readState(this.#directory, key)?.stored
    })
  }

  claim(id: string): Append {
    // An unknown id must fail before a claim file is created for it.
    this.status(id)
    return this.#claimed(this.#key(id), (claim, key) => {
      const state = existing(this.#directory, key)
      if (state.stored) throw new Fault('NO_SUCH_UPLOAD', 'it is stored already')
      return new Append(this.#directory, { id, key }, claim, state)
    })
  }

  begin(id: string, header: UploadHeader, beginning: Beginning): Append {
    const { incoming, settings } = this.#directory
    const named = translated(() => incoming.opened(() => incoming.name(id)))
    return this.#claimed(named, (claim, key) => {
      const state = readState(this.#directory, key)
      if (state?.stored) throw new Fault('NO_SUCH_UPLOAD')
      const sender = incoming.name(`sender ${beginning.sender.key}`)
      const share = shareOf(settings, beginning.sender.isShared)
      const takeSlot = () => this.#takeSlot(sender, share, header.size)
      const identity = { id, key }
      if (state !== undefined) {
        return new Append(this.#directory, identity, claim, state, false, takeSlot)
      }
      // Only what is new, and while nobody else can begin it: what is sent again counts once.
      return beginning.charged(() => {
        this.#directory.requireFreeName(header.place)
        this.#directory.space.require(header.size, 2)
        if (!beginning.isWhole) takeSlot()
        else attempt(() => this.#directory.sweep(incoming.now()))
        // Where the limits have to be counted, this has taken long.
        claim.beat()
        create(this.#directory, key, { ...header, sender, isWhole: beginning.isWhole })
        try {
          const created = existing(this.#directory, key)
          return new Append(this.#directory, identity, claim, created, true, takeSlot)
        } catch (error) {
          for (const kind of ['journal', 'data']) {
            attempt(() => unlinkSync(incoming.file(key, kind)))
          }
          throw error
        }
      })
    })
  }

  cancel(id: string): void {
    this.claim(id).remove()
  }

  /** Throws NO_SUCH_UPLOAD while no upload was ever begun. */
  #key(id: string): string {
    const key = this.#directory.incoming.find(id)
    if (key === undefined) throw new Fault('NO_SUCH_UPLOAD')
    return key
  }

  #claimed(key: string, action: (claim: Claim, key: string) => Append): Append {
    return translated(() => {
      const { incoming } = this.#directory
      const claim = incoming.opened(() => new Claim(incoming, key))
      try {
        return action(claim, key)
      } catch (error) {
        claim.release()
        throw error
      }
    })
  }

  /** Throws TOO_MANY_UPLOADS and DISK_FULL. `share`: how many slots the sender may take. */
  #takeSlot(sender: string, share: number, size: number): void {
    const { incoming, settings, space } = this.#directory
    const now = translated(() => incoming.now())
    const slots = this.#slots(this.#directory.sweep(now) ?? incoming.unfinished())
    const room = space.roomBytes()
    if (size > room - announcedBytes(slots, room, now)) throw new Fault('DISK_FULL')
    const displace = (slot: Slot) => this.#displace(slot)
    const own = slots.filter((slot) => slot.sender === sender)
    const others = slots.filter((slot) => slot.sender !== sender)
    const kept = takeOne(own, share, now, displace)
    takeOne([...kept, ...others], settings.maxPartialUploads, now, displace)
  }

  /** Those that others may be waiting for; not what one request brings as a whole. */
  #slots(keys: readonly string[]): Slot[] {
    const slots: Slot[] = []
    for (const key of keys) {
      const state = attempt(() => readState(this.#directory, key))
      if (state === undefined || state.stored !== undefined || !state.takesSlot) continue
      const { header, offset, touchedAt } = state
      slots.push({ key, sender: header.sender, size: header.size, offset, touchedAt })
    }
    return slots
  }

  /** False when a sender is active, or was meanwhile. */
  #displace({ key, offset }: Slot): boolean {
    try {
      const append = this.#claimed(key, (claim) => {
        return new Append(this.#directory, { id: '', key }, claim, existing(this.#directory, key))
      })
      if (append.offset > offset) append.release()
      else append.remove()
      return append.offset === offset
    } catch (error) {
      if (error instanceof Fault) return false
      throw error
    }
  }
}

type NewHeader = Omit<JournalHeader, 'inode' | 'startedAt'>

function create({ incoming }: Directory, key: string, header: NewHeader): void {
  const [data, journal] = [incoming.file(key, 'data'), incoming.file(key, 'journal')]
  // A sender that was killed at this point may have left these files.
  for (const path of [data, journal]) attempt(() => unlinkSync(path))
  let fd = -1
  try {
    const created = createFile(data)
    fd = created.fd
    createJournal(journal, { ...header, inode: created.stats.ino, startedAt: Date.now() })
  } catch (error) {
    for (const path of [data, journal]) attempt(() => unlinkSync(path))
    throw error
  } finally {
    if (fd !== -1) attempt(() => closeSync(fd))
  }
}
