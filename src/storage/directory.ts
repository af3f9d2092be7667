// The upload directory as one request sees it: its free space, its names, and the files that are
// being received there. It refuses a name that is taken. Only the files of this room use it.

import { Fault } from '../fault.ts'
import type { Settings } from '../settings/settings.ts'
import { blockBytes } from './block-writer.ts'
import { isThere, translated } from './files.ts'
import { Incoming } from './incoming.ts'
import { Notes } from './notes.ts'
import { nameOf } from './path.ts'
import { Space } from './space.ts'
import { pathOf } from './way.ts'

export class Directory {
  readonly path: string
  readonly settings: Settings
  readonly incoming: Incoming
  readonly space: Space
  readonly notes: Notes
  /** The whole files of this request that have no name yet. */
  readonly received = new Set<{ touch(time: number): void }>()
  #block: Buffer | undefined
  #hasSwept = false

  /** `path`: as usableDirectory() returns it. Creates nothing yet. */
  constructor(settings: Settings, path: string) {
    this.settings = settings
    this.path = path
    this.incoming = new Incoming(path)
    this.notes = new Notes(this.incoming.folder, settings.durable)
    this.space = new Space(path, settings.minFreeBytes)
  }

  /** The buffer of the file that is being written. A request writes one file at a time. */
  get block(): Buffer {
    this.#block ??= Buffer.allocUnsafeSlow(blockBytes)
    return this.#block
  }

  /** `place`: as PendingFile has it. */
  requireFreeName(place: string): void {
    const isReject = this.settings.onConflict === 'reject'
    if (!isReject && !place.includes('/')) return
    const path = translated(() => pathOf(this.path, place))
    if (isReject && translated(() => isThere(path))) throw new Fault('NAME_TAKEN', nameOf(path))
  }

  /**
   * Removes what killed processes left; at most once a request. `now`: the time by the clock of the
   * file system, in ms since 1970. `own`: the path of a file that must stay. Returns the keys of
   * unfinished uploads, which it has listed; undefined when it did nothing.
   */
  sweep(now: number, own = ''): string[] | undefined {
    if (this.#hasSwept) return undefined
    this.#hasSwept = true
    return this.incoming.sweep(now, this.settings.partialLifetimeSeconds * 1000, own)
  }
}
