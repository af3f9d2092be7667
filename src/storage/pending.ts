// A file of one request while it is received. It has a random name in `incoming/`, is whole on
// disk after end(), and becomes visible only when commit.ts gives it its name.

import { closeSync, fstatSync, type Stats, unlinkSync, utimesSync } from 'node:fs'
import { steadyMilliseconds } from '../clock.ts'
import { attempt } from '../system-error.ts'
import { BlockWriter } from './block-writer.ts'
import type { Directory } from './directory.ts'
import { createFile, finishFile, translated } from './files.ts'
import type { PendingFile } from './storage.ts'

export class Pending implements PendingFile {
  readonly place: string
  readonly path: string
  /** Known after end(). Distinguishes our file from another one that took its name meanwhile. */
  inode = 0
  /** Known after end(), in ms since 1970. */
  modifiedAt = 0
  /** What the file system said of the empty file: its owner, and the time. */
  readonly created: Stats
  readonly #directory: Directory
  readonly #writer: BlockWriter
  #fd: number
  #nextTouch = steadyMilliseconds() + touchMilliseconds

  constructor(directory: Directory, place: string, path: string) {
    this.place = place
    this.path = path
    this.#directory = directory
    directory.space.require(0, 1)
    const { fd, stats } = createFile(path)
    this.#fd = fd
    this.created = stats
    this.#writer = new BlockWriter(this.#fd, 0, directory.block, directory.space)
  }

  get size(): number {
    return this.#writer.endBytes
  }

  write(bytes: Buffer): void {
    this.#writer.write(bytes)
    if (steadyMilliseconds() < this.#nextTouch) return
    this.#nextTouch = steadyMilliseconds() + touchMilliseconds
    // However slowly the bytes come, a sweep must see that the files of this request are in use. A
    // write takes the time from the clock of the file system.
    this.#writer.flush()
    const { mtimeMs } = fstatSync(this.#fd)
    for (const file of this.#directory.received) file.touch(mtimeMs)
  }

  /** `time`: in ms since 1970. */
  touch(time: number): void {
    attempt(() => {
      utimesSync(this.path, time / 1000, time / 1000)
      this.modifiedAt = Math.round(time)
    })
  }

  /** Every error counts, even one of close(2). */
  end(): void {
    this.#writer.flush()
    translated(() => {
      const { fileMode, durable } = this.#directory.settings
      const { inode, modifiedAt } = finishFile(this.#fd, fileMode, durable)
      this.inode = inode
      this.modifiedAt = modifiedAt
      const fd = this.#fd
      this.#fd = -1
      closeSync(fd)
    })
    this.#directory.received.add(this)
  }

  discard(): void {
    if (this.#fd !== -1) attempt(() => closeSync(this.#fd))
    this.#fd = -1
    this.#directory.received.delete(this)
    attempt(() => unlinkSync(this.path))
  }
}

const touchMilliseconds = 60_000
