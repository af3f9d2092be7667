// Writes the bytes of an upload to its file in whole blocks. A file begins after the headers of its
// part. Without gathering, each write would start in the middle of one page and end in the middle
// of another, which takes a tenth to a fifth more time on ext4 (docs/performance.md). It refuses
// what there is no room for. Callers check claims and limits before write() and before flush().

import { writeSync } from 'node:fs'
import { Fault } from '../fault.ts'
import { writeAll } from '../system-error.ts'
import { translated } from './files.ts'
import type { Space } from './space.ts'

export const blockBytes = 64 * 1024

/** Every write(2) but the first and the last is one whole block, aligned to its size. */
export class BlockWriter {
  /**
   * The length of the file with everything that was accepted; after a failure, the length that the
   * file certainly has.
   */
  endBytes: number
  readonly #fd: number
  readonly #block: Buffer
  readonly #space: Space
  /** The length of the file without the bytes that are still gathered. */
  #position: number

  /**
   * `position`: where to write, in bytes. `block`: a buffer of blockBytes that nobody else uses
   * until flush().
   */
  constructor(fd: number, position: number, block: Buffer, space: Space) {
    this.#fd = fd
    this.#block = block
    this.#space = space
    this.#position = position
    this.endBytes = position
  }

  /** Accepts all of it. Bytes that do not fill a block reach the file only at flush(). */
  write(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const count = Math.min(blockBytes - (this.endBytes % blockBytes), bytes.length - at)
      bytes.copy(this.#block, this.endBytes - this.#position, at, at + count)
      at += count
      this.endBytes += count
      if (this.endBytes % blockBytes === 0) this.flush()
    }
  }

  /** Throws DISK_FULL and other Faults; the gathered bytes are forgotten then. */
  flush(): void {
    const [from, to] = [this.#position, this.endBytes]
    const isWhole = to - from === blockBytes
    if (to === from) return
    this.endBytes = from
    this.#space.requireNext(to - from)
    writeAt(this.#fd, isWhole ? this.#block : this.#block.subarray(0, to - from), from)
    this.#position = to
    this.endBytes = to
  }
}

/** Writes all of it at `position` (in bytes), even if the system takes it in several parts. */
export function writeAt(fd: number, bytes: Buffer, position: number): void {
  translated(() =>
    writeAll(bytes, (at) => {
      const count = writeSync(fd, bytes, at, bytes.length - at, position + at)
      if (count === 0) throw new Fault('DISK_FULL', '', new Error('write(2) takes nothing'))
      return count
    }),
  )
}
