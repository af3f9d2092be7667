// The notes of one request that stores something. *Storing* lists what is about to become visible;
// it is durable before the first file gets its name. The *verdict*, stored or undone, is exclusive:
// the first one counts, and only *stored* is followed by 201. Whoever created *undone*, and nobody
// else, takes the files back. The decision 016 has the reasons of each step.

import { Fault } from '../fault.ts'
import { randomId } from '../random-id.ts'
import { attempt, errorCode } from '../system-error.ts'
import type { Directory } from './directory.ts'
import { dayOf, encodeEntry, entryName, parseVerdict, storing, undoneNote } from './entry.ts'
import type { Draft } from './storage.ts'

/** Where an entry is noted. `base`: distinguishes it from all others of its day. */
export type Place = { readonly verdict: string; readonly base: string }

/** What the file system says of a file. `modifiedAt`: in ms since 1970. */
type Received = { readonly inode: number; readonly modifiedAt: number }

export class Recording {
  readonly #directory: Directory
  readonly #draft: Draft
  readonly #place: Place
  readonly #startedAt = Date.now()
  #content: Uint8Array = Buffer.alloc(0)
  /** The key of the last *storing*; '' before the first. */
  #key = ''

  constructor(directory: Directory, draft: Draft, place: Place) {
    this.#directory = directory
    this.#draft = draft
    this.#place = place
  }

  /** Call it before the first file gets its name, and before one gets another than was noted. */
  note(names: readonly string[], received: readonly Received[]): void {
    const { notes, incoming } = this.#directory
    const { verdict, base } = this.#place
    const files = this.#draft.files.map((file, i) => {
      const { inode, modifiedAt = 0 } = received[i] ?? {}
      return { ...file, stored: names[i] ?? '', mark: String(inode), modifiedAt }
    })
    const content = encodeEntry(this.#draft, files, verdict)
    const name = entryName(this.#startedAt, this.#draft.origin, base)
    // Another request for the same upload may have died in this minute.
    const key = `${storing}/${name}-${randomId().slice(0, 8)}`
    try {
      incoming.folder.requireOurs(notes.write(key, content))
    } catch (error) {
      attempt(() => notes.remove(key))
      throw error
    }
    // The new one has all that the old one has.
    if (this.#key !== '') attempt(() => notes.remove(this.#key))
    this.#key = key
    this.#content = content
  }

  /** Creates *stored*. Throws when the verdict is another one: then undo() says what to do. */
  decide(): void {
    const { notes } = this.#directory
    const { verdict } = this.#place
    if (!this.#linked()) {
      const decided = parseVerdict(notes.read(verdict))
      // Somebody who took this request for dead, or another sender of the same upload, was faster.
      if (!this.#isOurs())
        throw new Fault(decided === undefined ? 'DIRECTORY_UNUSABLE' : 'TOO_SLOW')
      notes.sync(verdict)
    }
    const { isWhole, isToldAtOnce } = this.#draft.origin
    if (isWhole && isToldAtOnce) attempt(() => notes.remove(this.#key))
  }

  /**
   * Whether the verdict is a new one. It counts as soon as others can see it: if only making it
   * durable failed, whoever acts on it tries that again.
   */
  #linked(): boolean {
    const { notes } = this.#directory
    try {
      return notes.link(this.#key, this.#place.verdict, this.#content)
    } catch (error) {
      if (errorCode(error) === '' || !this.#isOurs()) throw error
      return true
    }
  }

  /**
   * Creates *undone*, before anything is taken back. False when the verdict is there already: then
   * the files are not ours to touch.
   */
  undo(): boolean {
    if (this.#key === '') return true
    try {
      if (this.#directory.notes.create(this.#place.verdict, undoneNote)) return true
    } catch (error) {
      // Without room for a note the files must go all the same. Nobody decides for a request that
      // is so young.
      if (errorCode(error) === '' || !this.#isYoung()) throw error
      return true
    }
    return false
  }

  /** Nothing is visible any more: nothing needs to be known of it. */
  forget(): void {
    if (this.#key === '') return
    const { notes } = this.#directory
    // Of an old one somebody else may be about to decide.
    if (!this.#isYoung()) return
    attempt(() => notes.remove(this.#key))
    attempt(() => notes.remove(this.#place.verdict))
  }

  #isOurs(): boolean {
    const noted = this.#directory.notes.read(this.#place.verdict)
    return noted?.equals(this.#content) === true
  }

  #isYoung(): boolean {
    return Math.abs(Date.now() - this.#startedAt) < youngMilliseconds
  }
}

/** For a request that comes whole. */
export function placeOf({ origin }: Draft): Place {
  const { isWhole, day, submission } = origin
  if (isWhole) return { verdict: `batch/${day}/${submission}-1`, base: submission }
  const base = randomId()
  return { verdict: `verdict/${dayOf(Date.now())}/${base}-1`, base }
}

const youngMilliseconds = 3_600_000
