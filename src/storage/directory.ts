// The directory that uploads go to, as one request sees it: its room, its names, and what is
// received there. The files beside this one put uploads into it; nothing outside this room gets it.

import { statfsSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../fault.ts'
import type { Settings } from '../settings/settings.ts'
import { blockBytes } from './block-writer.ts'
import { isThere, translated } from './files.ts'
import { Incoming } from './incoming.ts'

/** How often free space is asked for while a file arrives. */
export const freeSpaceCheckBytes = 16 * 1024 * 1024

export class Directory {
  readonly path: string
  readonly settings: Settings
  readonly incoming: Incoming
  #block: Buffer | undefined
  #hasSwept = false

  /** `path`: as usableDirectory() gives it. Nothing is created yet. */
  constructor(settings: Settings, path: string) {
    this.settings = settings
    this.path = path
    this.incoming = new Incoming(path)
  }

  /** For the file that is being written: one at a time in a request. */
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
   * Once a request: removes what killed processes left. `now`: by the clock of whoever keeps the
   * directory, in ms. `own`: the path of a file that must stay.
   */
  sweep(now: number, own = ''): void {
    if (this.#hasSwept) return
    this.#hasSwept = true
    this.incoming.sweep(now - this.settings.partialLifetimeSeconds * 1000, own)
  }
}

/** Bytes that we may still write there; undefined where the file system does not tell. */
export function freeBytes(path: string): number | undefined {
  const { blocks, bavail, bsize } = statfsSync(path)
  return blocks > 0 ? bavail * bsize : undefined
}
