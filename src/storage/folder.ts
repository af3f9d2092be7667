// `.upload-cgi/` in the upload directory, the one hidden folder of the program. `incoming/` in it
// holds what is unfinished, `notes/` what is remembered, `key/` the secret of secret.ts. It refuses
// a folder that belongs to somebody else, or that others may write to: they could replace a file
// between its check and its commit. Names of files begin with `.ht`, which Apache and LiteSpeed
// never serve, and cannot be guessed, for servers that would.

import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  type Stats,
  statfsSync,
} from 'node:fs'
import { apartMilliseconds } from '../clock.ts'
import { Fault } from '../fault.ts'
import { quoted } from '../finding.ts'
import { randomId } from '../random-id.ts'
import { attempt, errorCode } from '../system-error.ts'
import { isThere, synced, unlessStale } from './files.ts'
import { machineName } from './machine.ts'

export const folderName = '.upload-cgi'

/** What fstat(2) says of a file or a directory. */
export type Entry = { readonly uid: number; readonly gid: number; readonly mode: number }

export class Folder {
  readonly path: string
  /** The path of `incoming/`. */
  readonly incoming: string
  readonly #directory: string
  #isOurs = false
  #device: number | undefined
  #type: number | undefined

  /** `directory`: the upload directory. Creates nothing yet. */
  constructor(directory: string) {
    this.#directory = directory
    this.path = `${directory}/${folderName}`
    this.incoming = `${this.path}/incoming`
  }

  /** Makes the folder and `incoming/`, unless they are there. */
  open(): void {
    unlessStale(() => this.#make())
  }

  /** False when nothing was ever received. Throws DIRECTORY_UNUSABLE for a symlink or a file. */
  exists(): boolean {
    return directoryAt(this.path) !== undefined && directoryAt(this.incoming) !== undefined
  }

  /**
   * Throws DIRECTORY_UNUSABLE unless the folder belongs to the owner of `file`, which this process
   * has just made there, and nobody else may write to it. Our own user id would not do, since NFS
   * and FUSE map owners.
   */
  requireOurs(file: Entry): void {
    if (this.#isOurs) return
    const { uid, mode } = lstatSync(this.path)
    if (uid !== file.uid) {
      const remedy = `chown -R ${file.uid} ${quoted(this.path)}`
      throw unusableFault(`${this.path} belongs to user ${uid}, not to ${file.uid}: ${remedy}`)
    }
    if ((mode & 0o022) !== 0 && this.hasModes()) {
      throw unusableFault(`others may write to ${this.path}: chmod go-w ${quoted(this.path)}`)
    }
    this.#isOurs = true
  }

  /**
   * Whether its file system is one that machines may share: CephFS, or any that FUSE serves. They
   * have no block device, so a local disk is asked nothing more.
   */
  get isShared(): boolean {
    return sharedTypes.has(this.#typeWithoutDevice())
  }

  /** As Storage.machine() has it. */
  get machine(): string {
    return this.isShared || this.#typeWithoutDevice() === nfsType ? machineName() : ''
  }

  /** Runs `action`, which changes names in a folder, so that other machines see it at once. */
  shown<Result>(folder: string, action: () => Result): Result {
    return this.isShared ? synced(folder, action) : action()
  }

  /** Removes both where nothing was received yet. */
  removeEmpty(): void {
    for (const path of [this.incoming, this.path]) rmdirSync(path)
  }

  #make(): void {
    if (directoryAt(this.path) === undefined) {
      synced(this.#directory, () => makeDirectory(this.path))
    }
    const incoming = directoryAt(this.incoming)
    if (incoming === undefined || !inherits(incoming, this.#above())) this.#makeIncoming()
  }

  /** By statfs(2); 0 where the file system has a block device. */
  #typeWithoutDevice(): number {
    const device = this.#device ?? this.#above().dev
    const hasNoDevice = ((device >>> 8) & 0xfff) === 0
    this.#type ??= hasNoDevice ? statfsSync(this.#directory).type : 0
    return this.#type
  }

  /** The upload directory. */
  #above(): Stats {
    const stats = lstatSync(this.#directory)
    this.#device = stats.dev
    return stats
  }

  /** A hidden name for a directory that is made in the upload directory and renamed from there. */
  #hidden(): string {
    return `${this.#directory}/${folderName}-${randomId()}`
  }

  /**
   * Made in the upload directory itself, so that it inherits group, setgid bit and default ACL,
   * which nobody but root could give it afterwards. rename(2) replaces an empty directory and
   * refuses to replace any other.
   */
  #makeIncoming(): void {
    this.#removeHidden()
    const path = this.#hidden()
    this.shown(this.#directory, () => {
      makeDirectory(path)
      synced(this.path, () => this.#place(path))
    })
  }

  #place(path: string): void {
    try {
      renameSync(path, this.incoming)
    } catch (error) {
      attempt(() => rmdirSync(path))
      // Another request made it first, or it is in use and will be made anew another time.
      if (directoryAt(this.incoming) !== undefined) return
      // Some layered file systems cannot rename a directory.
      if (!['EXDEV', 'EPERM', 'ENOTSUP', 'ENOENT'].includes(errorCode(error))) throw error
      makeDirectory(this.incoming)
    }
  }

  /** Removes what a killed process left while it made `incoming/`. Throws nothing. */
  #removeHidden(): void {
    for (const name of attempt(() => readdirSync(this.#directory)) ?? []) {
      if (!/^\.upload-cgi-[0-9a-f]{32}$/.test(name)) continue
      const path = `${this.#directory}/${name}`
      const stats = attempt(() => lstatSync(path))
      const lifetime = hiddenMilliseconds + (this.isShared ? apartMilliseconds : 0)
      if (stats === undefined || Math.abs(Date.now() - stats.mtimeMs) < lifetime) continue
      attempt(() => rmdirSync(path))
    }
  }

  /** Whether the modes of directories mean anything: on some mounts all are 0777. */
  hasModes(): boolean {
    const path = this.#hidden()
    makeDirectory(path)
    try {
      return (lstatSync(path).mode & 0o022) === 0
    } finally {
      attempt(() => rmdirSync(path))
    }
  }
}

/** Undefined when nothing is there. Throws DIRECTORY_UNUSABLE for anything but a directory. */
function directoryAt(path: string): Entry | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined || stats.isDirectory()) return stats
  throw unusableFault(`${path} is not a directory: mv ${quoted(path)} ${quoted(`${path}.moved`)}`)
}

/** One that another process makes at the same time is as good. */
export function makeDirectory(path: string): void {
  try {
    mkdirSync(path, 0o700)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST' || !isThere(path)) throw error
    return
  }
  // A umask can take away what the owner needs.
  const { mode } = lstatSync(path)
  if ((mode & 0o700) !== 0o700) chmodSync(path, (mode & 0o7000) | 0o700)
}

/** Whether it has the group and the setgid bit that the directory hands down. */
export function inherits(incoming: Entry, directory: Entry): boolean {
  const isSetgid = (directory.mode & 0o2000) !== 0
  if (isSetgid !== ((incoming.mode & 0o2000) !== 0)) return false
  return !isSetgid || incoming.gid === directory.gid
}

function unusableFault(reason: string): Fault {
  return new Fault('DIRECTORY_UNUSABLE', '', new Error(reason))
}

/** Another process may be making one right now. */
const hiddenMilliseconds = 60_000
/** By statfs(2): CephFS in the kernel, and FUSE, as which ceph-fuse mounts it. */
const sharedTypes = new Set([0x00c3_6400, 0x6573_5546])
const nfsType = 0x6969
