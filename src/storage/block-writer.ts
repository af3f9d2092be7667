// Writes the bytes of an upload to its file, gathered to whole blocks. A file begins after the
// headers of its part, so what a pipe holds would be written from the middle of one page to the
// middle of another each time: a tenth to a fifth more time on ext4 (docs/performance.md). Checks
// neither claims nor limits; callers do, before write() and before flush().

import { writeSync } from 'node:fs'
import { Fault } from '../fault.ts'
import { writeAll } from '../system-error.ts'
import { translated } from './files.ts'

export const blockBytes = 64 * 1024

/** Every write(2) but the first and the last is one whole block, aligned to its size. */
export class BlockWriter {
  /**
   * Length of the file with all that was accepted; after a failure, with what is certainly in it.
   */
  endBytes: number
  readonly #fd: number
  readonly #block: Buffer
  /** Length of the file without what is gathered. */
  #position: number

  /**
   * `position`: where to write, in bytes. `block`: of blockBytes, used by nobody else until
   * flush().
   */
  constructor(fd: number, position: number, block: Buffer) {
    this.#fd = fd
    this.#block = block
    this.#position = position
    this.endBytes = position
  }

  /** Takes all of it; what does not fill a block is in the file after flush() only. */
  write(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const count = Math.min(blockBytes - (this.endBytes % blockBytes), bytes.length - at)
      bytes.copy(this.#block, this.endBytes - this.#position, at, at + count)
      at += count
      this.endBytes += count
      if (this.endBytes % blockBytes === 0) this.flush()
    }
  }

  /** Throws DISK_FULL and the like; what was gathered is forgotten then. */
  flush(): void {
    const [from, to] = [this.#position, this.endBytes]
    const isWhole = to - from === blockBytes
    this.endBytes = from
    writeAt(this.#fd, isWhole ? this.#block : this.#block.subarray(0, to - from), from)
    this.#position = to
    this.endBytes = to
  }
}

/** Writes all of it at `position`, in bytes, however often the system takes only a part. */
export function writeAt(fd: number, bytes: Buffer, position: number): void {
  translated(() =>
    writeAll(bytes, (at) => {
      const count = writeSync(fd, bytes, at, bytes.length - at, position + at)
      if (count === 0) throw new Fault('DISK_FULL', '', new Error('write(2) takes nothing'))
      return count
    }),
  )
}
