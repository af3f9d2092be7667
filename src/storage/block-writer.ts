// What writes the bytes of an upload to its file, gathered to blocks. Called by store.ts and append.ts.
// Files lie behind the headers of their part, so what a pipe holds would be written from the middle of a
// page to the middle of another, each time: a tenth to a fifth more time on ext4 (docs/performance.md).
// Looks at no claim and no limit: who calls it does, before write() and before flush().

import { writeSync } from 'node:fs'
import { Fault } from '../fault.ts'
import { translated } from './files.ts'

export const blockBytes = 64 * 1024

/** Each write(2) is one block, at a multiple of its size; all but the first and the last. */
export class BlockWriter {
  /** How long the file is with all that was taken; after a failure, with what surely is in it. */
  end: number
  readonly #fd: number
  readonly #block: Buffer
  /** How long the file is without what is gathered. */
  #position: number

  /** `position`: where to write, in bytes. `block`: of blockBytes, used by nobody else until flush(). */
  constructor(fd: number, position: number, block: Buffer) {
    this.#fd = fd
    this.#block = block
    this.#position = position
    this.end = position
  }

  /** Takes all of it; what does not fill a block is in the file after flush() only. */
  write(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const count = Math.min(blockBytes - (this.end % blockBytes), bytes.length - at)
      bytes.copy(this.#block, this.end - this.#position, at, at + count)
      at += count
      this.end += count
      if (this.end % blockBytes === 0) this.flush()
    }
  }

  /** Throws DISK_FULL and the like; what was gathered is forgotten then. */
  flush(): void {
    const [from, to] = [this.#position, this.end]
    const isWhole = to - from === blockBytes
    this.end = from
    writeAll(this.#fd, isWhole ? this.#block : this.#block.subarray(0, to - from), from)
    this.#position = to
    this.end = to
  }
}

/** Writes all of it, at `position`, however often the system takes only a part. */
export function writeAll(fd: number, bytes: Buffer, position: number): void {
  translated(() => {
    for (let at = 0; at < bytes.length; ) {
      const count = writeSync(fd, bytes, at, bytes.length - at, position + at)
      if (count === 0) throw new Fault('DISK_FULL', '', new Error('write(2) takes nothing'))
      at += count
    }
  })
}
