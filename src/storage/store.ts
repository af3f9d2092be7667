// What creates and removes uploads; placement.ts beside it gives them their names. Called by upload.ts,
// blocking throughout.
// What is being received lies in `.incoming/` inside the upload directory, under random names; it becomes
// visible by link(2), which never overwrites, after it is safe on disk. Several hosts may share the
// directory over NFS: nothing here relies on locks, process ids or the local clock.
// Not here: names (filename.ts), limits (upload.ts).

import {
  closeSync,
  fchmodSync,
  fdatasyncSync,
  fstatSync,
  lstatSync,
  openSync,
  unlinkSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { Fault } from '../fault.ts'
import type { Settings } from '../settings/settings.ts'
import { attempt, errorCode } from '../system-error.ts'
import { BlockWriter, blockBytes } from './block-writer.ts'
import { createNew, isThere, translated } from './files.ts'
import { Incoming } from './incoming.ts'
import {
  maybeThere,
  type Placed,
  placeInstead,
  placeNew,
  placeNumbered,
  type Received,
  takeBack,
} from './placement.ts'
import { freeBytes, syncDirectory } from './usable.ts'

/** How often free space is looked at while a file arrives. */
export const freeSpaceCheckBytes = 16 * 1024 * 1024

/** A file whose name is still to come: create · write · end, then Store.commit or discard. */
export class PendingFile {
  readonly path: string
  /** Tells our file from another that took its name meanwhile. */
  inode = 0
  readonly #store: Store
  readonly #writer: BlockWriter
  #fd: number
  #nextCheckBytes = freeSpaceCheckBytes

  constructor(store: Store, path: string) {
    this.path = path
    this.#store = store
    this.#fd = openSync(path, createNew, 0o600)
    this.#writer = new BlockWriter(this.#fd, 0, store.block)
  }

  /** In bytes. */
  get size(): number {
    return this.#writer.end
  }

  /** Takes all of it; it is in the file after end() only. */
  write(bytes: Buffer): void {
    this.#writer.write(bytes)
    if (this.size < this.#nextCheckBytes) return
    this.#nextCheckBytes = this.size + freeSpaceCheckBytes
    this.#store.requireSpace(0)
  }

  /** The file is whole: sets its mode, makes it durable, closes it. All errors count. */
  end(): void {
    this.#writer.flush()
    translated(() => {
      const { fileMode, durable } = this.#store.settings
      setMode(this.#fd, fileMode)
      this.inode = fstatSync(this.#fd).ino
      if (durable) fdatasyncSync(this.#fd)
      const fd = this.#fd
      this.#fd = -1
      closeSync(fd)
    })
  }

  /** The time by the clock of whoever keeps the directory, in ms. */
  touchedAt(): number {
    return fstatSync(this.#fd).mtimeMs
  }

  /** Removes what was received. Never throws: it runs while something else has failed already. */
  discard(): void {
    if (this.#fd !== -1) attempt(() => closeSync(this.#fd))
    this.#fd = -1
    attempt(() => unlinkSync(this.path))
  }
}

export class Store {
  readonly settings: Settings
  readonly directory: string
  readonly incoming: Incoming
  #block: Buffer | undefined
  #hasSwept = false

  /** `directory`: as usableDirectory() gives it. Nothing is created yet. */
  constructor(settings: Settings, directory: string) {
    this.settings = settings
    this.directory = directory
    this.incoming = new Incoming(directory)
  }

  /** For the file that is being written: one at a time in a request. */
  get block(): Buffer {
    this.#block ??= Buffer.allocUnsafeSlow(blockBytes)
    return this.#block
  }

  /** Throws DISK_FULL unless `bytes` more would leave `min_free_space`. */
  requireSpace(bytes: number): void {
    const { minFreeBytes } = this.settings
    if (minFreeBytes === 0) return
    const free = translated(() => freeBytes(this.directory))
    if (free !== undefined && free - bytes < minFreeBytes) throw new Fault('DISK_FULL')
  }

  create(): PendingFile {
    return translated(() => {
      this.incoming.open()
      const pending = new PendingFile(this, this.incoming.randomFile('part'))
      attempt(() => this.sweep(pending.touchedAt(), pending.path))
      return pending
    })
  }

  /** Once a request: removes what killed processes left. `now`: by the clock of the directory, in ms. */
  sweep(now: number, own = ''): void {
    if (this.#hasSwept) return
    this.#hasSwept = true
    this.incoming.sweep(now - this.settings.partialLifetimeSeconds * 1000, own)
  }

  /** With `on_conflict = "reject"`: throws NAME_TAKEN before anything is received in vain. */
  requireFreeName(name: string): void {
    if (this.settings.onConflict !== 'reject') return
    if (translated(() => isThere(join(this.directory, name)))) throw new Fault('NAME_TAKEN', name)
  }

  /**
   * Makes ended files visible, all or none, and durable. `names` as storedName() makes them, one for
   * each file. `accept` gets the names under which they are stored and makes what commit() returns;
   * should it throw, all is taken back.
   */
  commit<Result>(
    files: readonly Received[],
    names: readonly string[],
    accept: (stored: readonly string[]) => Result,
  ): Result {
    const placed: Placed[] = []
    try {
      return translated(() => {
        for (const [i, file] of files.entries()) {
          placed.push(this.#place(file, names[i] ?? 'upload', placed))
        }
        for (const file of files) attempt(() => unlinkSync(file.path))
        if (this.settings.durable) syncDirectory(this.directory)
        const result = accept(placed.map(({ path }) => basename(path)))
        for (const { kept } of placed) if (kept !== '') attempt(() => unlinkSync(kept))
        return result
      })
    } catch (error) {
      const remaining = placed.reverse().filter((place) => !takeBack(place))
      if (this.settings.durable) attempt(() => syncDirectory(this.directory))
      if (remaining.length === 0) throw error
      throw maybeThere(
        remaining.map(({ path }) => path),
        error,
      )
    }
  }

  #place(file: Received, name: string, before: readonly Placed[]): Placed {
    const path = join(this.directory, name)
    switch (this.settings.onConflict) {
      case 'rename':
        return placeNumbered(file, this.directory, name)
      case 'reject': {
        const placed = placeNew(file, path)
        if (placed === undefined) throw new Fault('NAME_TAKEN', name)
        return placed
      }
      case 'overwrite': {
        // Two files of one request may have one name; both were promised a place.
        const inode = lstatSync(path, { throwIfNoEntry: false })?.ino
        const isOurs = before.some((placed) => placed.inode === inode)
        if (isOurs) return placeNumbered(file, this.directory, name)
        return placeInstead(file, path, this.incoming.randomFile('kept'))
      }
    }
  }
}

export function setMode(fd: number, mode: number): void {
  try {
    fchmodSync(fd, mode)
  } catch (error) {
    // The file is ours: these say that the file system has one mode for all files (vfat, some FUSE).
    if (!['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'].includes(errorCode(error))) throw error
  }
}
