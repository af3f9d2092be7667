// Uploads in pieces, from the first piece to the last. `ID.data` holds the bytes, `ID.journal`
// (journal.ts) says how many of them are safe, `ID.claim-N` (claim.ts) says which sender may
// append. The last piece stores the file by the same commit as every other file. The journal stays
// for `partial_lifetime`: a sender whose last reply was lost asks again, and nothing is stored
// twice.

import { closeSync, fstatSync, openSync, unlinkSync } from 'node:fs'
import { Fault } from '../fault.ts'
import type { Stored } from '../outcome.ts'
import { attempt } from '../system-error.ts'
import { Append } from './append.ts'
import { Claim, isClaimed } from './claim.ts'
import type { Directory } from './directory.ts'
import { storedName } from './filename.ts'
import { createNew, translated } from './files.ts'
import { createJournal } from './journal.ts'
import { existing, readState, type UploadState } from './state.ts'
import type { Unfinished, UploadHeader } from './storage.ts'

export class UnfinishedUploads implements Unfinished {
  readonly #directory: Directory

  constructor(directory: Directory) {
    this.#directory = directory
  }

  status(id: string): UploadState {
    return translated(() => existing(this.#directory, id))
  }

  requireSettled(id: string): void {
    if (translated(() => isClaimed(this.#directory.incoming, id))) throw new Fault('UPLOAD_BUSY')
  }

  stored(id: string): Stored | undefined {
    return translated(() => readState(this.#directory, id))?.stored
  }

  claim(id: string): Append {
    // An unknown id must fail before a claim file is created for it.
    this.status(id)
    return this.#claimed(id, (claim) => {
      const state = existing(this.#directory, id)
      if (state.stored) throw new Fault('NO_SUCH_UPLOAD', 'it is stored already')
      return new Append(this.#directory, id, claim, state)
    })
  }

  begin(id: string, header: UploadHeader): Append {
    const { incoming } = this.#directory
    translated(() => incoming.open())
    return this.#claimed(id, (claim) => {
      const state = readState(this.#directory, id)
      if (state?.stored) throw new Fault('NO_SUCH_UPLOAD')
      if (state !== undefined) return new Append(this.#directory, id, claim, state)
      this.#requireRoom(header)
      create(this.#directory, id, header)
      try {
        return new Append(this.#directory, id, claim, existing(this.#directory, id), true)
      } catch (error) {
        for (const kind of ['journal', 'data']) attempt(() => unlinkSync(incoming.file(id, kind)))
        throw error
      }
    })
  }

  cancel(id: string): void {
    this.claim(id).remove()
  }

  #claimed(id: string, action: (claim: Claim) => Append): Append {
    return translated(() => {
      const claim = new Claim(this.#directory.incoming, id)
      try {
        return action(claim)
      } catch (error) {
        claim.release()
        throw error
      }
    })
  }

  #requireRoom(header: UploadHeader): void {
    const { incoming, settings } = this.#directory
    attempt(() => this.#directory.sweep(incoming.now()))
    if (incoming.unfinished().length >= settings.maxPartialUploads) {
      throw new Fault('TOO_MANY_UPLOADS', `the limit is ${settings.maxPartialUploads}`)
    }
    this.#directory.space.require(header.size, 2)
    this.#directory.requireFreeName(storedName(header.name))
  }
}

function create({ incoming }: Directory, id: string, header: UploadHeader): void {
  const [data, journal] = [incoming.file(id, 'data'), incoming.file(id, 'journal')]
  // A sender that was killed at this point may have left these files.
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
