// The only file that creates, links or removes uploads. Called by upload.ts, blocking throughout.
// What is being received lies in `.incoming/` inside the upload directory, under random names; it becomes
// visible by link(2), which never overwrites, after it is safe on disk. Several hosts may share the
// directory over NFS: nothing here relies on locks, process ids or the local clock.
// Not here: names (filename.ts), limits (upload.ts).

import {
  closeSync,
  constants,
  fchmodSync,
  fdatasyncSync,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { freeBytes, syncDirectory } from './directory.ts'
import { errorCode, Fault, fileSystemFault, translated } from './fault.ts'
import { numberedName } from './filename.ts'
import type { Settings } from './settings.ts'

/** How often free space is looked at while a file arrives. */
const freeSpaceCheckBytes = 16 * 1024 * 1024
const maxSweptEntries = 1000
const incomingName = /^[0-9a-f]{32}\.(part|kept)$/

/** A file whose name is still to come: create · write · end, then Store.commit or discard. */
export class PendingFile {
  readonly path: string
  size = 0
  /** Tells our file from another that took its name meanwhile. */
  inode = 0
  readonly #store: Store
  #fd: number
  #nextCheckBytes = freeSpaceCheckBytes

  constructor(store: Store, path: string) {
    this.path = path
    this.#store = store
    this.#fd = openSync(path, createNew, 0o600)
  }

  /** Writes all of it, however often the system takes only a part. */
  write(bytes: Buffer): void {
    translated(() => {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at)
    })
    this.size += bytes.length
    if (this.size < this.#nextCheckBytes) return
    this.#nextCheckBytes = this.size + freeSpaceCheckBytes
    this.#store.requireSpace(0)
  }

  /** The file is whole: sets its mode, makes it durable, closes it. All errors count. */
  end(): void {
    translated(() => {
      const { fileMode, durable } = this.#store.settings
      fchmodSync(this.#fd, fileMode)
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

type Placed = { readonly pending: PendingFile; readonly path: string; readonly kept: string }

export class Store {
  readonly settings: Settings
  readonly directory: string
  readonly #incoming: string
  #hasSwept = false

  /** `directory`: as usableDirectory() gives it. Nothing is created yet. */
  constructor(settings: Settings, directory: string) {
    this.settings = settings
    this.directory = directory
    this.#incoming = join(this.directory, '.incoming')
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
      this.#openIncoming()
      const pending = new PendingFile(this, this.#randomPath('part'))
      if (!this.#hasSwept) attempt(() => this.#sweep(pending.touchedAt()))
      this.#hasSwept = true
      return pending
    })
  }

  /** With `on_conflict = "reject"`: throws NAME_TAKEN before anything is received in vain. */
  requireFreeName(name: string): void {
    if (this.settings.onConflict !== 'reject') return
    if (isThere(join(this.directory, name))) throw new Fault('NAME_TAKEN', name)
  }

  /**
   * Makes ended files visible, all or none, and durable. `names` as storedName() makes them, one for
   * each file; gives the names under which they are stored.
   */
  commit(files: readonly PendingFile[], names: readonly string[]): string[] {
    const placed: Placed[] = []
    try {
      return translated(() => {
        const stored = files.map((pending, i) => {
          const place = this.#place(pending, names[i] ?? 'upload')
          placed.push(place)
          return place.path.slice(this.directory.length + 1)
        })
        for (const { pending } of placed) attempt(() => unlinkSync(pending.path))
        if (this.settings.durable) syncDirectory(this.directory)
        for (const { kept } of placed) if (kept !== '') attempt(() => unlinkSync(kept))
        return stored
      })
    } catch (error) {
      for (const place of placed.reverse()) takeBack(place)
      if (this.settings.durable) attempt(() => syncDirectory(this.directory))
      throw error
    }
  }

  #place(pending: PendingFile, name: string): Placed {
    if (this.settings.onConflict === 'overwrite') return this.#replace(pending, name)
    let number = 1
    for (;;) {
      const path = join(this.directory, number === 1 ? name : numberedName(name, number))
      const isPlaced = linkNew(pending, path)
      if (isPlaced) return { pending, path, kept: '' }
      if (this.settings.onConflict === 'reject') throw new Fault('NAME_TAKEN', name)
      number = this.#freeNumber(name, number + 1)
    }
  }

  /** A number from `from` on that looks free, in O(log n) looks; link(2) has the last word. */
  #freeNumber(name: string, from: number): number {
    const isTaken = (number: number) => isThere(join(this.directory, numberedName(name, number)))
    let step = 1
    while (isTaken(from + step - 1)) step *= 2
    // Taken at `low` (or low is just before `from`), free at `high`.
    let low = from + Math.floor(step / 2) - 1
    let high = from + step - 1
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if (isTaken(middle)) low = middle
      else high = middle
    }
    return high
  }

  /** `overwrite`: what was there is kept aside until the whole request is stored. */
  #replace(pending: PendingFile, name: string): Placed {
    const path = join(this.directory, name)
    for (;;) {
      if (linkNew(pending, path)) return { pending, path, kept: '' }
      const existing = lstatSync(path, { throwIfNoEntry: false })
      if (existing?.isDirectory()) throw new Fault('NAME_TAKEN', name)
      const kept = this.#randomPath('kept')
      // Gone meanwhile: then the name is free and the next link takes it.
      if (existing === undefined || !keepAside(path, kept)) continue
      try {
        renameSync(pending.path, path)
      } catch (error) {
        attempt(() => renameSync(kept, path))
        throw error
      }
      return { pending, path, kept }
    }
  }

  #openIncoming(): void {
    try {
      mkdirSync(this.#incoming, 0o700)
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error
      if (lstatSync(this.#incoming).isDirectory()) return
      throw new Fault('DIRECTORY_UNUSABLE', '', new Error(`${this.#incoming} is not a directory`))
    }
  }

  #randomPath(kind: 'part' | 'kept'): string {
    const { randomBytes } = process.getBuiltinModule('node:crypto')
    return join(this.#incoming, `${randomBytes(16).toString('hex')}.${kind}`)
  }

  /** Removes what killed processes left. Never a symlink, never a name that is not ours. */
  #sweep(now: number): void {
    const oldest = now - this.settings.partialLifetimeSeconds * 1000
    for (const name of readdirSync(this.#incoming).slice(0, maxSweptEntries)) {
      if (!incomingName.test(name)) continue
      const path = join(this.#incoming, name)
      attempt(() => {
        const stats = lstatSync(path)
        if (stats.isFile() && stats.mtimeMs < oldest) unlinkSync(path)
      })
    }
  }
}

function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined
  } catch (error) {
    throw fileSystemFault(error)
  }
}

/** True when the file is now at `path`, false when something else is. */
function linkNew(pending: PendingFile, path: string): boolean {
  try {
    linkSync(pending.path, path)
    return true
  } catch (error) {
    const code = errorCode(error)
    if (lacksLinks.has(code)) return renameNew(pending, path)
    // Over NFS the answer to a link that was made can get lost, and its repetition fails.
    if (statSync(pending.path).nlink > 1) return true
    if (code !== 'EEXIST') throw error
    return false
  }
}

/** The same on a file system without hard links: a placeholder takes the name, then is replaced. */
function renameNew(pending: PendingFile, path: string): boolean {
  try {
    closeSync(openSync(path, createNew, 0o600))
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw error
  }
  try {
    renameSync(pending.path, path)
    return true
  } catch (error) {
    attempt(() => unlinkSync(path))
    throw error
  }
}

/** False when there is nothing at `path` any more. */
function keepAside(path: string, kept: string): boolean {
  try {
    linkSync(path, kept)
    return true
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ENOENT') return false
    if (!lacksLinks.has(code)) throw error
    renameSync(path, kept)
    return true
  }
}

function takeBack({ pending, path, kept }: Placed): void {
  attempt(() => {
    const isOurs = lstatSync(path).ino === pending.inode
    if (isOurs && kept === '') unlinkSync(path)
    else if (isOurs) renameSync(kept, path)
    else if (kept !== '') unlinkSync(kept)
  })
}

/** For cleaning up, where there is nothing better to do about a failure than to go on. */
function attempt(action: () => void): void {
  try {
    action()
  } catch {}
}

const createNew = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
const lacksLinks = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'ENOSYS'])
