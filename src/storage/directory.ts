// The upload directory as one request sees it: its free space, its names, and the files that are
// being received there. It refuses a request for want of space and a name that is taken. Only the
// files of this room use it.

import { statfsSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../fault.ts'
import type { Settings } from '../settings/settings.ts'
import { blockBytes } from './block-writer.ts'
import { isThere, translated } from './files.ts'
import { Incoming } from './incoming.ts'

/** Free space is checked each time that this many bytes of a file have arrived. */
export const freeSpaceCheckBytes = 16 * 1024 * 1024

export class Directory {
  readonly path: string
  readonly settings: Settings
  readonly incoming: Incoming
  #block: Buffer | undefined
  #hasSwept = false

  /** `path`: as usableDirectory() returns it. Creates nothing yet. */
  constructor(settings: Settings, path: string) {
    this.settings = settings
    this.path = path
    this.incoming = new Incoming(path)
  }

  /** The buffer of the file that is being written. A request writes one file at a time. */
  get block(): Buffer {
    this.#block ??= Buffer.allocUnsafeSlow(blockBytes)
    return this.#block
  }

  requireSpace(bytes: number): void {
    const { minFreeBytes } = this.settings
    if (minFreeBytes === 0) return
    const free = translated(() => freeBytes(this.path))
    if (free !== undefined && free - bytes < minFreeBytes) throw new Fault('DISK_FULL')
  }

  requireFreeName(name: string): void {
    if (this.settings.onConflict !== 'reject') return
    if (translated(() => isThere(join(this.path, name)))) throw new Fault('NAME_TAKEN', name)
  }

  /**
   * Removes what killed processes left; at most once a request. `now`: the time by the clock of the
   * file system, in ms since 1970. `own`: the path of a file that must stay.
   */
  sweep(now: number, own = ''): void {
    if (this.#hasSwept) return
    this.#hasSwept = true
    this.incoming.sweep(now - this.settings.partialLifetimeSeconds * 1000, own)
  }
}

/** The bytes that this user may still write there; undefined where the file system does not say. */
export function freeBytes(path: string): number | undefined {
  const { blocks, bavail, bsize } = statfsSync(path)
  return blocks > 0 ? bavail * bsize : undefined
}
