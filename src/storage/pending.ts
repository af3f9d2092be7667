// A file of one request while it is received. It has a random name in `.incoming/`, is whole on
// disk after end(), and becomes visible only when commit.ts gives it its name.

import { closeSync, fstatSync, openSync, unlinkSync } from 'node:fs'
import { attempt } from '../system-error.ts'
import { BlockWriter } from './block-writer.ts'
import type { Directory } from './directory.ts'
import { createNew, finishFile, translated } from './files.ts'
import type { PendingFile } from './storage.ts'

export class Pending implements PendingFile {
  readonly name: string
  readonly path: string
  /** Known after end(). Distinguishes our file from another one that took its name meanwhile. */
  inode = 0
  readonly #directory: Directory
  readonly #writer: BlockWriter
  #fd: number

  constructor(directory: Directory, name: string, path: string) {
    this.name = name
    this.path = path
    this.#directory = directory
    directory.space.require(0, 1)
    this.#fd = openSync(path, createNew, 0o600)
    this.#writer = new BlockWriter(this.#fd, 0, directory.block, directory.space)
  }

  get size(): number {
    return this.#writer.endBytes
  }

  write(bytes: Buffer): void {
    this.#writer.write(bytes)
  }

  /** Every error counts, even one of close(2). */
  end(): void {
    this.#writer.flush()
    translated(() => {
      const { fileMode, durable } = this.#directory.settings
      this.inode = finishFile(this.#fd, fileMode, durable)
      const fd = this.#fd
      this.#fd = -1
      closeSync(fd)
    })
  }

  /** When the file was last written, by the clock of the file system, in ms since 1970. */
  touchedAt(): number {
    return fstatSync(this.#fd).mtimeMs
  }

  discard(): void {
    if (this.#fd !== -1) attempt(() => closeSync(this.#fd))
    this.#fd = -1
    attempt(() => unlinkSync(this.path))
  }
}
