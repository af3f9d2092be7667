// How much room there is for uploads: bytes above `min_free_space`, and inodes, since files that
// are almost empty can fill a file system as well. It refuses what would take the last of either.
// It looks before every write(2), because other senders write at the same time: so any number of
// them takes at most one buffer each out of what is to stay free.

import { statfsSync } from 'node:fs'
import { steadyMilliseconds } from '../clock.ts'
import { Fault } from '../fault.ts'
import { translated } from './files.ts'

export class Space {
  readonly #path: string
  readonly #minFreeBytes: number
  /** When there was last plenty of room, by the steady clock in ms. */
  #plentyAt = -Infinity

  /** `minFreeBytes`: 0 leaves it to the file system to refuse what it has no room for. */
  constructor(path: string, minFreeBytes: number) {
    this.#path = path
    this.#minFreeBytes = minFreeBytes
  }

  /** The bytes that uploads may still take. */
  roomBytes(): number {
    if (this.#minFreeBytes === 0) return Infinity
    return translated(() => freeSpace(this.#path)).bytes - this.#minFreeBytes
  }

  /** Throws DISK_FULL unless there is room for `bytes` more, and for `files` more inodes. */
  require(bytes: number, files = 0): void {
    if (this.#minFreeBytes === 0) return
    const free = translated(() => freeSpace(this.#path))
    if (free.bytes - bytes < this.#minFreeBytes) throw new Fault('DISK_FULL')
    if (free.files - files >= free.reservedFiles) return
    const cause = new Error(`only ${free.files} inodes are left, for files of any size`)
    throw new Fault('DISK_FULL', '', cause)
  }

  /**
   * Before each write(2) of `bytes`. While there is plenty of room it looks only ten times a
   * second, since on a network file system each look is a question to another machine.
   */
  requireNext(bytes: number): void {
    if (this.#minFreeBytes === 0) return
    const now = steadyMilliseconds()
    if (now - this.#plentyAt < 100) return
    const room = this.roomBytes()
    if (room < bytes) throw new Fault('DISK_FULL')
    if (room > plentyBytes) this.#plentyAt = now
  }
}

export type FreeSpace = {
  /** What this user may still write; Infinity where the file system does not say. */
  readonly bytes: number
  /** How many files can still be made; Infinity where inodes have no limit. */
  readonly files: number
  /** The inodes that uploads leave to others: 1000, or a twentieth of a small file system. */
  readonly reservedFiles: number
}

/** A file system that does not say, or has no limit, reports 0 in total. */
export function freeSpace(path: string): FreeSpace {
  const { blocks, bavail, bsize, files, ffree } = statfsSync(path)
  return {
    bytes: blocks > 0 ? bavail * bsize : Infinity,
    // Of CephFS, which has no limit, it is -1 without a sign.
    files: files > 0 && ffree < 2 ** 63 ? ffree : Infinity,
    reservedFiles: Math.min(1000, Math.floor(files / 20)),
  }
}

/** More than all senders together write in a tenth of a second. */
const plentyBytes = 1024 * 1024 * 1024
