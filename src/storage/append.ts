// Appends to an upload in pieces, for the one sender that holds its claim. What is written counts
// once it is published. The last piece stores the file by the same commit as every other file.
// The checksum is computed on the way while all bytes pass through one process. Otherwise the file
// is read once at its end, since the state of a hash cannot be kept from one process to the next.

import { closeSync, fstatSync, ftruncateSync, linkSync, readSync, unlinkSync } from 'node:fs'
import { Fault } from '../fault.ts'
import { type Hash, openHash } from '../hash.ts'
import { attempt } from '../system-error.ts'
import { BlockWriter } from './block-writer.ts'
import type { Claim } from './claim.ts'
import { commit } from './commit.ts'
import type { Directory } from './directory.ts'
import { dayOf } from './entry.ts'
import {
  finishFile,
  lookedUp,
  openPlain,
  readAndWrite,
  syncData,
  syncDirectory,
  translated,
} from './files.ts'
import { note } from './journal.ts'
import { removePlaceholder } from './placement.ts'
import { Recording } from './recording.ts'
import { scan } from './scan.ts'
import type { UploadState } from './state.ts'
import type { Appending, Draft, Finished, Known, UploadHeader } from './storage.ts'
import { addAll } from './sum.ts'
import { nextVerdict, shortened, verdictMilliseconds } from './verdict.ts'
import { announce } from './watchers.ts'

/** `id`: of the upload. `key`: what its files are named after. */
export type Identity = { readonly id: string; readonly key: string }

export class Append implements Appending {
  readonly id: string
  readonly header: UploadHeader
  offset: number
  readonly #directory: Directory
  readonly #key: string
  readonly #claim: Claim
  readonly #state: UploadState
  /** True if this sender began the upload. */
  readonly #isNew: boolean
  /** Asks for a slot, of an upload that has none. */
  #takeSlot: (() => void) | undefined
  /** The names of the journal and the data file are durable. */
  #isNamed: boolean
  #pieces: number
  #data: number
  readonly #writer: BlockWriter
  /** The hash of all bytes so far; undefined when some came through another process. */
  #hash: Hash | undefined

  constructor(
    directory: Directory,
    { id, key }: Identity,
    claim: Claim,
    state: UploadState,
    isNew = false,
    takeSlot?: () => void,
  ) {
    this.id = id
    this.#key = key
    this.header = state.header
    this.offset = state.offset
    this.#directory = directory
    this.#claim = claim
    this.#state = state
    this.#isNew = isNew
    this.#takeSlot = state.takesSlot ? undefined : takeSlot
    this.#isNamed = !isNew
    this.#pieces = state.pieces
    const path = state.hasData ? this.#file('data') : `${directory.path}/${state.placedAs ?? ''}`
    this.#data = openPlain(path, readAndWrite)
    this.#writer = new BlockWriter(this.#data, this.offset, directory.block, directory.space)
    if (this.offset === 0) this.#hash = this.#newHash()
  }

  get endBytes(): number {
    return this.#writer.endBytes
  }

  head(bytes: number): Buffer {
    const head = Buffer.alloc(Math.min(bytes, this.offset))
    const count = translated(() => readSync(this.#data, head, 0, head.length, 0))
    return head.subarray(0, count)
  }

  write(bytes: Buffer): void {
    if (this.endBytes + bytes.length > this.header.size) {
      throw new Fault('BAD_UPLOAD', `more bytes than the ${this.header.size} that were announced`)
    }
    translated(() => this.#claim.beat())
    this.#writer.write(bytes)
    this.#hash?.update(bytes)
  }

  publish(): void {
    const takeSlot = this.endBytes < this.header.size ? this.#takeSlot : undefined
    if (this.endBytes === this.offset && takeSlot === undefined) return
    takeSlot?.()
    this.#takeSlot = undefined
    this.#flush()
    translated(() => {
      if (this.#directory.settings.durable) syncData(this.#data)
      this.#claim.requireOurs()
      this.#note([this.endBytes, this.#pieces + 1])
      this.#pieces++
      this.offset = this.endBytes
    })
  }

  finish<Result>(draft: (known: Known) => Draft, accept: (finished: Finished) => Result): Result {
    try {
      const result = translated(() => this.#finish(draft, accept))
      this.offset = this.endBytes
      for (const kind of ['data', 'journal']) attempt(() => unlinkSync(this.#file(kind)))
      this.release()
      return result
    } catch (error) {
      if (error instanceof Fault && error.code === 'REFUSED_BY_SCAN') this.remove()
      else if (this.offset > 0) attempt(() => this.publish())
      throw error
    }
  }

  #finish<Result>(
    describe: (known: Known) => Draft,
    accept: (finished: Finished) => Result,
  ): Result {
    const { durable, fileMode } = this.#directory.settings
    const { place, size } = this.header
    // A name that was taken meanwhile is known before a large file is read again.
    if (this.#state.placedAs === undefined) {
      this.#directory.requireFreeName(place)
    }
    this.#flush()
    const sha256 = this.#sum()
    const { inode, modifiedAt } = finishFile(this.#data, fileMode, durable)
    if (this.#state.placedAs === undefined) {
      scan([{ place, path: this.#file('data') }], this.#directory.settings)
    }
    const seconds = Math.max(0, (Date.now() - this.#state.header.startedAt) / 1000)
    const pieces = this.endBytes > this.offset ? this.#pieces + 1 : this.#pieces
    this.#claim.requireOurs()
    const known = { sha256, pieces, seconds }
    const draft = shortened(describe(known))
    const recording = this.#recording(draft)
    const { placedAs } = this.#state
    if (placedAs !== undefined) {
      recording.note([placedAs], [{ inode, modifiedAt }])
      const result = accept({ ...known, place: placedAs })
      recording.decide()
      announce([`${this.#directory.path}/${placedAs}`])
      return result
    }
    this.#forgetPlaceholder()
    const path = this.#linked(inode)
    try {
      const file = { path, inode, place, size, modifiedAt }
      return commit(this.#directory, [file], recording, ([stored = '']) =>
        accept({ ...known, place: stored }),
      )
    } finally {
      if (path !== this.#file('data')) attempt(() => unlinkSync(path))
    }
  }

  /** The day of the verdict is noted first, so that two senders cannot choose two days. */
  #recording(draft: Draft): Recording {
    const today = dayOf(Date.now())
    const { verdictDay = '' } = this.#state
    const isRecent = Math.abs(Date.parse(today) - Date.parse(verdictDay)) <= verdictMilliseconds
    if (!isRecent) this.#note({ day: today })
    const verdict = nextVerdict(
      this.#directory.notes,
      draft,
      isRecent ? verdictDay : today,
      this.#key,
    )
    return new Recording(this.#directory, draft, { verdict, base: this.#key })
  }

  /**
   * This may run long after write(): meanwhile another sender may have taken over and stored the
   * file.
   */
  #flush(): void {
    translated(() => this.#claim.requireOurs())
    this.#writer.flush()
  }

  release(): void {
    if (this.#data === -1) return
    // This frees space: the write may have failed because the disk is full.
    if (this.endBytes > this.offset) attempt(() => this.#cutBack())
    attempt(() => closeSync(this.#data))
    this.#data = -1
    this.#claim.release()
  }

  discard(): void {
    if (this.#isNew && this.offset === 0) this.remove()
    else this.release()
  }

  remove(): void {
    if (this.#data === -1) return
    // If another sender took over while this one was silent, all files are that sender's.
    attempt(() => {
      this.#claim.requireOurs()
      attempt(() => unlinkSync(this.#file('journal')))
      attempt(() => unlinkSync(this.#file('data')))
    })
    this.release()
  }

  #file(kind: string): string {
    return this.#directory.incoming.file(this.#key, kind)
  }

  /**
   * Never cuts a file that has a name in the directory too, or that has just lost its other name.
   */
  #cutBack(): void {
    this.#claim.requireOurs()
    if (fstatSync(this.#data).nlink === 1) ftruncateSync(this.#data, this.offset)
  }

  #note(line: unknown): void {
    const { settings, incoming } = this.#directory
    note(this.#file('journal'), line, settings.durable)
    if (settings.durable && !this.#isNamed) syncDirectory(incoming.path)
    this.#isNamed = true
  }

  /** Without hard links, a sender that died may have left an empty placeholder in the directory. */
  #forgetPlaceholder(): void {
    const path = `${this.#file('data')}.name`
    attempt(() => removePlaceholder(path, this.#directory.path))
    attempt(() => unlinkSync(path))
  }

  /** A second name for the data, so that nothing is lost when a commit is taken back. */
  #linked(inode: number): string {
    const path = this.#directory.incoming.randomFile('part')
    try {
      linkSync(this.#file('data'), path)
    } catch {
      return this.#moving()
    }
    const found = attempt(() => lookedUp(path))
    if (found === undefined || found.ino === inode) return path
    // sshfs numbers names, not files: the commit would not know this one again.
    attempt(() => unlinkSync(path))
    return this.#moving()
  }

  /** Without hard links the data file itself is renamed. */
  #moving(): string {
    this.#note({ moving: true })
    return this.#file('data')
  }

  #newHash(): Hash | undefined {
    if (this.#directory.settings.checksum === 'none') return undefined
    return openHash('sha256')
  }

  #sum(): string | undefined {
    const hash = this.#hash ?? this.#newHash()
    if (hash !== undefined && hash !== this.#hash) {
      const isScanned = this.#directory.settings.scanCommand.length > 0
      const beat = () => this.#claim.beat()
      if (!addAll(hash, this.#data, this.header.size, isScanned, beat)) return undefined
    }
    this.#hash = undefined
    return hash?.digest('hex')
  }
}
