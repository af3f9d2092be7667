// Uploads in pieces: what lies in `.incoming/` between the first piece and the last. Called by piece.ts (POST)
// and tus.ts. `ID.data` holds the bytes, `ID.journal` (journal.ts) what is known of them, `ID.claim-N`
// (claim.ts) who appends. The last piece stores the file by the same commit as every other. The journal stays
// for `partial_lifetime` as receipt: a sender whose last reply was lost asks again, and nothing is stored twice.
// Not here: limits and names (piece.ts, tus.ts), replies (app.ts).

import { closeSync, fstatSync, lstatSync, openSync, readdirSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../fault.ts'
import type { Stored } from '../outcome.ts'
import { attempt } from '../system-error.ts'
import { Append } from './append.ts'
import { Claim, isClaimed } from './claim.ts'
import { storedName } from './filename.ts'
import { createNew, translated } from './files.ts'
import { createJournal, type Journal, type PartialHeader, readJournal } from './journal.ts'
import type { Store } from './store.ts'

export type PartialState = Journal & {
  /** When it will be swept, by the clock of the directory, in ms since 1970. */
  readonly expiresAt: number
  /** False where there are no hard links and the data itself got the name. */
  readonly hasData: boolean
  /** The name it has in the directory, when a sender died right after giving it. */
  readonly placedAs: string | undefined
}

/** The uploads of one directory. Ids are 32 hex digits, and secrets. */
export class Partials {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  /** How an upload stands; nothing is claimed. Throws NO_SUCH_UPLOAD. */
  look(id: string): PartialState {
    return translated(() => require(this.#store, id))
  }

  /** Throws UPLOAD_BUSY while a sender is at work. Nothing is claimed. */
  requireSettled(id: string): void {
    if (translated(() => isClaimed(this.#store.incoming, id))) throw new Fault('UPLOAD_BUSY')
  }

  /** Of an upload that is stored; undefined for any other id. */
  receipt(id: string): Stored | undefined {
    return translated(() => read(this.#store, id))?.stored
  }

  /** To go on with one. Throws NO_SUCH_UPLOAD, also when it is stored, and UPLOAD_BUSY. */
  claim(id: string): Append {
    this.look(id)
    return this.#claimed(id, (claim) => {
      const state = require(this.#store, id)
      if (state.stored) throw new Fault('NO_SUCH_UPLOAD', 'it is stored already')
      return new Append(this.#store, id, claim, state)
    })
  }

  /** A new one. When there is one with this id, that: the caller looks whether it is the same. */
  begin(id: string, header: PartialHeader): Append {
    const { incoming } = this.#store
    translated(() => incoming.open())
    return this.#claimed(id, (claim) => {
      const state = read(this.#store, id)
      if (state?.stored) throw new Fault('NO_SUCH_UPLOAD')
      if (state !== undefined) return new Append(this.#store, id, claim, state)
      this.#requireRoom(header)
      create(this.#store, id, header)
      try {
        return new Append(this.#store, id, claim, require(this.#store, id), true)
      } catch (error) {
        for (const kind of ['journal', 'data']) attempt(() => unlinkSync(incoming.file(id, kind)))
        throw error
      }
    })
  }

  /** Removes what has arrived. Throws NO_SUCH_UPLOAD, also when it is stored, and UPLOAD_BUSY. */
  cancel(id: string): void {
    this.claim(id).remove()
  }

  #claimed(id: string, action: (claim: Claim) => Append): Append {
    return translated(() => {
      const claim = new Claim(this.#store.incoming, id)
      try {
        return action(claim)
      } catch (error) {
        claim.release()
        throw error
      }
    })
  }

  #requireRoom(header: PartialHeader): void {
    const { incoming, settings } = this.#store
    attempt(() => this.#store.sweep(incoming.now()))
    if (incoming.unfinished().length >= settings.maxPartialUploads) {
      throw new Fault('TOO_MANY_UPLOADS', `the limit is ${settings.maxPartialUploads}`)
    }
    this.#store.requireSpace(header.size)
    this.#store.requireFreeName(storedName(header.name))
  }
}

function create(store: Store, id: string, header: PartialHeader): void {
  const { incoming } = store
  const [data, journal] = [incoming.file(id, 'data'), incoming.file(id, 'journal')]
  // What a sender left that was killed right here.
  for (const path of [data, journal]) attempt(() => unlinkSync(path))
  let fd = -1
  try {
    fd = openSync(data, createNew, 0o600)
    const { ino: inode } = fstatSync(fd)
    createJournal(journal, { ...header, inode, startedAt: Date.now() })
  } catch (error) {
    for (const path of [data, journal]) attempt(() => unlinkSync(path))
    throw error
  } finally {
    if (fd !== -1) attempt(() => closeSync(fd))
  }
}

function require(store: Store, id: string): PartialState {
  const state = read(store, id)
  if (state === undefined) throw new Fault('NO_SUCH_UPLOAD')
  return state
}

/** Undefined when there is no journal, or neither data nor receipt. */
function read(store: Store, id: string): PartialState | undefined {
  const { incoming, settings, directory } = store
  const journal = readJournal(incoming.file(id, 'journal'))
  if (journal === undefined) return undefined
  const { header, touchedAt, stored } = journal
  const data = lstatSync(incoming.file(id, 'data'), { throwIfNoEntry: false })
  const hasData = data?.isFile() === true
  const expiresAt = touchedAt + settings.partialLifetimeSeconds * 1000
  if (stored !== undefined) return { ...journal, expiresAt, hasData, placedAs: undefined }
  const mayBePlaced = hasData ? data.nlink > 1 : journal.isMoving
  const placedAs = mayBePlaced ? placedName(directory, header) : undefined
  if (placedAs !== undefined)
    return { ...journal, offset: header.size, expiresAt, hasData, placedAs }
  if (!hasData) return undefined
  // What the journal says can only be more after two failures in a row.
  const offset = Math.min(journal.offset, data.size)
  return { ...journal, offset, expiresAt, hasData, placedAs }
}

/** The name in the directory of the file that was the data, when a sender died right after giving it. */
function placedName(directory: string, { inode, size }: Journal['header']): string | undefined {
  return readdirSync(directory).find((name) => {
    const stats = attempt(() => lstatSync(join(directory, name)))
    return stats?.isFile() === true && stats.ino === inode && stats.size === size
  })
}
