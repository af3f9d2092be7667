// The one sender who may append to an upload in pieces: write · publish · … · finish or release. Made by partial.ts
// for piece.ts and tus.ts. What is written counts once it is published; the last piece stores the file by the
// same commit as every other, all or nothing.
// The sum: while all bytes go through one process it is made on the way; else the file is read once at its
// end, since the state of a hash cannot be kept from one process to the next.

import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  linkSync,
  openSync,
  readSync,
  unlinkSync,
} from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../fault.ts'
import type { Stored } from '../outcome.ts'
import { attempt } from '../system-error.ts'
import { BlockWriter } from './block-writer.ts'
import type { Claim } from './claim.ts'
import { storedName } from './filename.ts'
import { translated } from './files.ts'
import { note, type PartialHeader } from './journal.ts'
import { removePlaceholder } from './placement.ts'
import { freeSpaceCheckBytes, type Store, setMode } from './store.ts'
import type { PartialState } from './unfinished.ts'
import { syncDirectory } from './usable.ts'

export type Finished = {
  /** As it is called in the directory. */
  readonly name: string
  readonly sha256: string | undefined
  readonly pieces: number
  /** From the first piece to the last. */
  readonly seconds: number
}

type Hash = { update(bytes: Buffer): unknown; digest(encoding: 'hex'): string }

/** The one sender who may append: write · publish · … · finish, or release; remove to give all up. */
export class Append {
  readonly id: string
  readonly header: PartialHeader
  /** Told to senders: all up to here is safe. */
  offset: number
  readonly #store: Store
  readonly #claim: Claim
  readonly #state: PartialState
  /** Not there before this sender. */
  readonly #isNew: boolean
  /** The names of journal and data are safe. */
  #isNamed: boolean
  #pieces: number
  #data: number
  readonly #writer: BlockWriter
  #nextCheckBytes: number
  /** While all bytes go through here, there is no second reading. */
  #hash: Hash | undefined

  constructor(store: Store, id: string, claim: Claim, state: PartialState, isNew = false) {
    this.id = id
    this.header = state.header
    this.offset = state.offset
    this.#store = store
    this.#claim = claim
    this.#state = state
    this.#isNew = isNew
    this.#isNamed = !isNew
    this.#pieces = state.pieces
    this.#nextCheckBytes = this.offset + freeSpaceCheckBytes
    const path = state.hasData ? this.#file('data') : join(store.directory, state.placedAs ?? '')
    this.#data = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW)
    this.#writer = new BlockWriter(this.#data, this.offset, store.block)
    if (this.offset === 0) this.#hash = this.#newHash()
  }

  /** Up to here it was taken; after a failure, up to where it surely is in the file. */
  get end(): number {
    return this.#writer.end
  }

  /** Throws BAD_UPLOAD for more than was announced, UPLOAD_BUSY when another sender took over. */
  write(bytes: Buffer): void {
    if (this.end + bytes.length > this.header.size) {
      throw new Fault('BAD_UPLOAD', `more bytes than the ${this.header.size} that were announced`)
    }
    translated(() => this.#claim.keep())
    this.#writer.write(bytes)
    this.#hash?.update(bytes)
    if (this.end < this.#nextCheckBytes) return
    this.#nextCheckBytes = this.end + freeSpaceCheckBytes
    this.#store.requireSpace(0)
  }

  /** What was written counts from now on. */
  publish(): void {
    if (this.end === this.offset) return
    this.#flush()
    translated(() => {
      if (this.#store.settings.durable) fdatasyncSync(this.#data)
      this.#claim.require()
      this.#note([this.end, this.#pieces + 1])
      this.#pieces++
      this.offset = this.end
    })
  }

  /**
   * All is there: stores the file as any other, all or nothing. `accept` gets its name and sum and makes the
   * reply, and the receipt that is kept for a sender who asks again. What was written counts also if it fails,
   * but for a file that came whole and has nothing to go on with.
   */
  finish<Result>(accept: (finished: Finished) => readonly [Result, Stored]): Result {
    try {
      const result = translated(() => this.#finish(accept))
      this.offset = this.end
      attempt(() => unlinkSync(this.#file('data')))
      this.release()
      return result
    } catch (error) {
      if (this.offset > 0) attempt(() => this.publish())
      throw error
    }
  }

  #finish<Result>(accept: (finished: Finished) => readonly [Result, Stored]): Result {
    const { durable, fileMode } = this.#store.settings
    this.#flush()
    const sha256 = this.#sum()
    setMode(this.#data, fileMode)
    if (durable) fdatasyncSync(this.#data)
    const { ino: inode } = fstatSync(this.#data)
    const seconds = Math.max(0, (Date.now() - this.#state.header.startedAt) / 1000)
    const pieces = this.end > this.offset ? this.#pieces + 1 : this.#pieces
    this.#claim.require()
    const keep = ([name = '']: readonly string[]) => {
      const [result, receipt] = accept({ name, sha256, pieces, seconds })
      this.#note({ stored: receipt })
      return result
    }
    const { placedAs } = this.#state
    if (placedAs !== undefined) return keep([placedAs])
    this.#forgetPlaceholder()
    const path = this.#linked()
    try {
      return this.#store.commit([{ path, inode }], [storedName(this.header.name)], keep)
    } finally {
      if (path !== this.#file('data')) attempt(() => unlinkSync(path))
    }
  }

  /** Long after write(), maybe: another sender may have taken over meanwhile, and stored the file. */
  #flush(): void {
    translated(() => this.#claim.require())
    this.#writer.flush()
  }

  /** Ends it; what was published can be gone on with. Never throws. */
  release(): void {
    if (this.#data === -1) return
    // Makes room, for a full disk may be what it failed of.
    if (this.end > this.offset) attempt(() => this.#cutBack())
    attempt(() => closeSync(this.#data))
    this.#data = -1
    this.#claim.release()
  }

  /** Ends it, and removes what was received; of one that was there before, only what was not published. */
  discard(): void {
    if (this.#isNew && this.offset === 0) this.remove()
    else this.release()
  }

  remove(): void {
    if (this.#data === -1) return
    // Another sender may have taken over while this one was silent: then all of it is that one's.
    attempt(() => {
      this.#claim.require()
      attempt(() => unlinkSync(this.#file('journal')))
      attempt(() => unlinkSync(this.#file('data')))
    })
    this.release()
  }

  #file(kind: string): string {
    return this.#store.incoming.file(this.id, kind)
  }

  /** Never what has a name in the directory, or has just lost its other one. */
  #cutBack(): void {
    this.#claim.require()
    if (fstatSync(this.#data).nlink === 1) ftruncateSync(this.#data, this.offset)
  }

  #note(line: unknown): void {
    const { settings, incoming } = this.#store
    note(this.#file('journal'), line, settings.durable)
    if (settings.durable && !this.#isNamed) syncDirectory(incoming.path)
    this.#isNamed = true
  }

  /** A sender that died where there are no hard links may have left its placeholder. */
  #forgetPlaceholder(): void {
    const path = `${this.#file('data')}.name`
    attempt(() => removePlaceholder(path, this.#store.directory))
    attempt(() => unlinkSync(path))
  }

  /** A second name for the data, so that a commit that is taken back loses nothing. */
  #linked(): string {
    const path = this.#store.incoming.randomFile('part')
    try {
      linkSync(this.#file('data'), path)
      return path
    } catch {
      // No hard links here: the data itself moves.
      this.#note({ moving: true })
      return this.#file('data')
    }
  }

  #newHash(): Hash | undefined {
    if (this.#store.settings.checksum === 'none') return undefined
    return process.getBuiltinModule('node:crypto').createHash('sha256')
  }

  #sum(): string | undefined {
    const hash = this.#hash ?? this.#newHash()
    if (hash !== undefined && hash !== this.#hash && !this.#readInto(hash)) return undefined
    this.#hash = undefined
    return hash?.digest('hex')
  }

  /** False when it takes so long that the server in front would give up on us. */
  #readInto(hash: Hash): boolean {
    const buffer = Buffer.allocUnsafeSlow(256 * 1024)
    const startedAt = performance.now()
    for (let at = 0; at < this.header.size; ) {
      const count = readSync(this.#data, buffer, 0, buffer.length, at)
      if (count === 0) throw new Error(`${this.#file('data')} ends at ${at}`)
      hash.update(buffer.subarray(0, count))
      this.#claim.keep()
      at += count
      if (performance.now() - startedAt > maxSumMilliseconds) return false
    }
    return true
  }
}

/** Apache and nginx wait 60 s for a program that is silent. */
const maxSumMilliseconds = 40_000
