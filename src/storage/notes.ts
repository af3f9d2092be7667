// Whole notes: the one answer to many writers without locks, on a local disk and on a distributed
// one. A note appears at once with all of its content, or not at all, and is never rewritten. It
// begins with a format number and ends with a line that proves it whole, since a power cut may
// leave a linked file with 0 bytes. What is not whole counts as absent, and its key stays taken.
// With hard links, link(2) gives a note its key. Without them, a folder that holds the note is
// renamed onto its key, since rename(2) refuses to replace a folder that is not empty.
// The decision 013 has what each costs.

import {
  closeSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  type Stats,
  unlinkSync,
} from 'node:fs'
import { Fault } from '../fault.ts'
import { randomId } from '../random-id.ts'
import { attempt, errorCode } from '../system-error.ts'
import { writeAt } from './block-writer.ts'
import {
  createFile,
  isThere,
  meansNoLinks,
  readOnly,
  readSmall,
  syncData,
  syncDirectory,
} from './files.ts'
import { type Folder, makeDirectory } from './folder.ts'
import { encodeNote, parseNote } from './note.ts'
import { folderOf } from './path.ts'

/**
 * The notes of an upload directory. A key is one or more segments of [0-9a-z-], joined by `/`. All
 * but the last are folders, so that a key names what is listed or swept together.
 */
export class Notes {
  readonly #folder: Folder
  readonly #path: string
  readonly #isDurable: boolean
  /** Whether this process has made a folder for keys. */
  hasNewFolder = false

  /** `folder`: opened. `isDurable`: whether create() makes a note survive a power cut. */
  constructor(folder: Folder, isDurable: boolean) {
    this.#folder = folder
    this.#path = `${folder.path}/notes`
    this.#isDurable = isDurable
  }

  /**
   * False when the key is taken. Without `content` the note is empty: only that it exists counts,
   * and it is never read.
   */
  create(key: string, content?: Uint8Array): boolean {
    const path = this.#file(key)
    return this.#made(path, () => {
      return content === undefined ? this.#touch(path) : this.#place(path, content)
    })
  }

  /**
   * Creates a note of which nobody else can know the key, in fewer calls: while it is written, it
   * is there and not whole. Returns what fstat(2) says of it.
   */
  write(key: string, content: Uint8Array): Stats {
    const path = this.#file(key)
    let stats: Stats | undefined
    this.#made(path, () =>
      this.#exclusively(path, () => {
        stats = writeNote(path, content, this.#isDurable)
      }),
    )
    if (stats === undefined) throw takenFault(path)
    return stats
  }

  /**
   * As create(), with what the note `from` says, which is `content`: a second name for that note
   * where there are hard links.
   */
  link(from: string, key: string, content: Uint8Array): boolean {
    const [source, path] = [this.#file(from), this.#file(key)]
    const inode = lstatSync(source).ino
    return this.#made(path, () =>
      this.#exclusively(path, () => this.#linkTo(source, inode, path, content)),
    )
  }

  /**
   * Makes notes durable, and syncs each of their folders once: for whoever acts on notes that other
   * processes may have made.
   */
  sync(...keys: readonly string[]): void {
    const folders = new Set<string>()
    for (const key of keys) {
      const path = this.#file(key)
      const stats = lstatSync(path, { throwIfNoEntry: false })
      // Whoever needed it no more removed it meanwhile.
      if (stats === undefined) continue
      const isFolder = stats.isDirectory()
      if (isFolder) syncFile(`${path}/${heldName}`)
      if (isFolder) syncDirectory(path)
      else syncFile(path)
      folders.add(folderOf(path))
    }
    for (const folder of folders) syncDirectory(folder)
  }

  /** Undefined unless the note is there and whole. */
  read(key: string): Buffer | undefined {
    return readNote(this.#file(key))
  }

  isThere(key: string): boolean {
    return isThere(this.#file(key))
  }

  /** The last segments of the keys under `prefix`, and the folders there; at most so many. */
  list(prefix: string, atMost: number): string[] {
    const names = namesIn(`${this.#path}/${prefix}`)
    return names.slice(0, atMost).map((name) => name.replace(/^\.ht/, ''))
  }

  /** Removes a note, or a folder of notes that is empty; neither needs to be there. */
  remove(key: string): void {
    const folder = `${this.#path}/${key}`
    try {
      if (lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) rmdirSync(folder)
      else this.#folder.shown(folderOf(folder), () => removeNote(this.#file(key)))
    } catch (error) {
      // Another process was faster.
      if (errorCode(error) !== 'ENOENT') throw error
    }
  }

  #file(key: string): string {
    const at = key.lastIndexOf('/') + 1
    return `${this.#path}/${key.slice(0, at)}.ht${key.slice(at)}`
  }

  /** Whether it is new: then it is durable, and other machines see it. */
  #made(path: string, action: () => boolean): boolean {
    const { isShared } = this.#folder
    const isNew = this.#folder.shown(folderOf(path), action)
    if (isNew && this.#isDurable && !isShared) syncDirectory(folderOf(path))
    return isNew
  }

  #touch(path: string): boolean {
    return this.#exclusively(path, () => closeSync(createFile(path).fd))
  }

  #place(path: string, content: Uint8Array): boolean {
    const temporary = `${this.#folder.incoming}/.ht${randomId()}.part`
    try {
      const inode = writeNote(temporary, content, this.#isDurable).ino
      return this.#exclusively(path, () => this.#linkTo(temporary, inode, path, content))
    } finally {
      attempt(() => unlinkSync(temporary))
    }
  }

  #linkTo(source: string, inode: number, path: string, content: Uint8Array): void {
    try {
      linkSync(source, path)
    } catch (error) {
      // Over NFS the reply to a call that succeeded can get lost.
      if (lstatSync(path, { throwIfNoEntry: false })?.ino === inode) return
      if (!meansNoLinks(errorCode(error))) throw error
      placeFolder(this.#folder, path, heldName, content, this.#isDurable)
    }
  }

  /** Makes the folders of the key when the first attempt finds none. */
  #exclusively(path: string, action: () => void): boolean {
    for (let isRetry = false; ; isRetry = true) {
      try {
        action()
        return true
      } catch (error) {
        const code = errorCode(error)
        if (taken.has(code)) return false
        if (code !== 'ENOENT' || isRetry) throw error
        this.#makeFolders(folderOf(path))
      }
    }
  }

  #makeFolders(path: string): void {
    if (path.length > this.#path.length) this.#makeFolders(folderOf(path))
    if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) return
    this.#made(path, () => {
      makeDirectory(path)
      return true
    })
    this.hasNewFolder = true
  }
}

/**
 * Makes a folder that holds a note and renames it to `path`. Throws ENOTEMPTY, EEXIST or ENOTDIR
 * when `path` is taken.
 */
export function placeFolder(
  folder: Folder,
  path: string,
  name: string,
  content: Uint8Array,
  isDurable: boolean,
): void {
  const temporary = `${folder.incoming}/.ht${randomId()}.note`
  try {
    makeDirectory(temporary)
    writeNote(`${temporary}/${name}`, content, isDurable)
    if (isDurable) syncDirectory(temporary)
    renameSync(temporary, path)
  } catch (error) {
    attempt(() => unlinkSync(`${temporary}/${name}`))
    attempt(() => rmdirSync(temporary))
    throw error
  }
}

/** Undefined unless a file or a folder with a whole note is there. */
export function readNote(path: string): Buffer | undefined {
  const isFolder = lstatSync(path, { throwIfNoEntry: false })?.isDirectory()
  const bytes = readSmall(isFolder ? `${path}/${heldName}` : path, maxNoteBytes)
  return bytes === undefined ? undefined : parseNote(bytes)
}

/** Removes a note, whichever way it was made. */
export function removeNote(path: string): void {
  if (!lstatSync(path).isDirectory()) return unlinkSync(path)
  attempt(() => unlinkSync(`${path}/${heldName}`))
  rmdirSync(path)
}

/** Undefined where nothing is. Any other error is no proof that there are no notes. */
function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path)
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes(errorCode(error))) throw error
    return []
  }
}

/** What fstat(2) says of a note. */
function writeNote(path: string, content: Uint8Array, isDurable: boolean): Stats {
  const { fd, stats } = createFile(path)
  try {
    writeAt(fd, encodeNote(content), 0)
    if (isDurable) syncData(fd)
    return stats
  } finally {
    closeSync(fd)
  }
}

function takenFault(path: string): Fault {
  return new Fault('DIRECTORY_UNUSABLE', '', new Error(`${path} is there already`))
}

function syncFile(path: string): void {
  const fd = openSync(path, readOnly)
  try {
    syncData(fd)
  } finally {
    closeSync(fd)
  }
}

/** A note is a small thing; what is larger was not made here. */
const maxNoteBytes = 16 * 1024 * 1024
/** The name of a note in a folder that is a key itself. */
const heldName = '.htnote'
const taken = new Set(['EEXIST', 'ENOTEMPTY', 'ENOTDIR'])
