// `.upload-cgi/incoming/` in the upload directory, where every file is until it is whole. Names are
// `.ht`, 32 hex digits and a kind: random digits, or those that secret.ts makes of an id. Processes
// that were killed leave files here. The sweep removes files that were not touched for
// `partial_lifetime` by the clock of the file system, and never a symlink or a file with another
// kind of name.

import { closeSync, lstatSync, readdirSync, unlinkSync } from 'node:fs'
import { apartMilliseconds } from '../clock.ts'
import { randomId } from '../random-id.ts'
import { attempt, errorCode } from '../system-error.ts'
import { createFile } from './files.ts'
import { Folder } from './folder.ts'
import { isNewer } from './journal.ts'
import { removeNote } from './notes.ts'
import { removePlaceholder } from './placement.ts'
import { Secret } from './secret.ts'

const maxSweptEntries = 1000
/** How long an upload in pieces stays of which no byte has arrived, in ms. */
export const emptyMilliseconds = 600_000
/** How long a server waits for a client at most, in ms. */
const held = 3_600_000
/** As many machines make it at the same time at most. */
const maxOpenTries = 20
const incomingName =
  /^\.ht([0-9a-f]{32})\.(part\.name|data\.name|part|note|kept|data|journal|seen|claim-\d{1,9})$/
/** The kinds of files of one upload in pieces. They are removed together. */
const isPartial = (kind: string) => /^(data|data\.name|journal|seen|claim-\d+)$/.test(kind)

type Entry = { readonly name: string; readonly key: string; readonly kind: string }

export class Incoming {
  readonly path: string
  readonly folder: Folder
  readonly #secret: Secret
  readonly #directory: string

  /** `directory`: the upload directory. Creates nothing yet. */
  constructor(directory: string) {
    this.#directory = directory
    this.folder = new Folder(directory)
    this.path = this.folder.incoming
    this.#secret = new Secret(this.folder)
  }

  /** Makes what is missing, and refuses what is not ours to use. */
  open(): void {
    this.folder.open()
  }

  /**
   * Opens it and runs `action`, which makes a file in it. A process that has found none may replace
   * it by its own as long as it is empty; whoever makes a file in the old one at that moment gets
   * ENOENT, and nothing was done. On CephFS that moment is longer.
   */
  opened<Result>(action: () => Result): Result {
    for (let tries = 1; ; tries++) {
      this.open()
      try {
        return action()
      } catch (error) {
        if (errorCode(error) !== 'ENOENT' || tries === maxOpenTries) throw error
      }
    }
  }

  /**
   * The key of an upload, which its files are named after; undefined while no upload was ever
   * begun.
   */
  find(id: string): string | undefined {
    return this.#secret.find(id)
  }

  /** As find(), for an upload that begins. The folder is open. */
  name(id: string): string {
    return this.#secret.name(id)
  }

  /** `key`: of an upload, as find() and name() return it. */
  file(key: string, kind: string): string {
    return `${this.path}/.ht${key}.${kind}`
  }

  randomFile(kind: 'part' | 'kept'): string {
    return this.file(randomId(), kind)
  }

  /** The time by the clock of the file system, in ms since 1970. */
  now(): number {
    const path = this.randomFile('part')
    const { fd, stats } = createFile(path)
    attempt(() => closeSync(fd))
    attempt(() => unlinkSync(path))
    return stats.mtimeMs
  }

  /** The keys of unfinished uploads; none when `incoming/` does not exist yet. */
  unfinished(): string[] {
    return keysOfUploads(this.#entries())
  }

  /**
   * Removes what nobody touched for so long, except `own`. `now`: the time by the clock of the file
   * system, in ms since 1970. What cannot be removed stays. Returns the keys of unfinished uploads
   * before the sweep.
   */
  sweep(now: number, milliseconds: number, own = ''): string[] {
    const entries = this.#entries()
    for (const name of this.#stale(some(entries), now, milliseconds)) {
      if (`${this.path}/${name}` !== own) attempt(() => this.remove(name))
    }
    return keysOfUploads(entries)
  }

  /**
   * The names of files that nobody touched for so long; of uploads in pieces without a byte, for
   * ten minutes. A time in the future counts by its distance: the clock was set back since. What a
   * running request may hold stays for an hour at least, whatever is asked for: it touches its
   * files each minute. What a newer version wrote stays too.
   */
  stale(now: number, milliseconds: number): string[] {
    return this.#stale(this.#entries(), now, milliseconds)
  }

  #stale(entries: readonly Entry[], now: number, milliseconds: number): string[] {
    const ages = new Map<string, number>()
    const claimed = new Set<string>()
    const empty = new Set<string>()
    for (const { key, kind, name } of entries) {
      const stats = attempt(() => statsOf(`${this.path}/${name}`, kind))
      const group = isPartial(kind) ? key : name
      const age = Math.abs(now - (stats?.touchedAt ?? now))
      ages.set(group, Math.min(ages.get(group) ?? Infinity, age))
      if (!isPartial(kind) || kind.startsWith('claim-')) claimed.add(group)
      else if (kind === 'data' && stats?.size === 0) empty.add(group)
    }
    const lifetimeOf = (group: string) => {
      if (claimed.has(group)) return Math.max(milliseconds, held)
      return empty.has(group) ? Math.min(milliseconds, emptyMilliseconds) : milliseconds
    }
    const apart = attempt(() => this.folder.isShared) ? apartMilliseconds : 0
    const isStale = (group: string) => (ages.get(group) ?? 0) > lifetimeOf(group) + apart
    const newer = new Set<string>()
    for (const { key, kind, name } of entries) {
      const isKept = kind === 'journal' && isStale(key) && isNewer(`${this.path}/${name}`)
      if (isKept) newer.add(key)
    }
    return entries
      .filter(({ key, kind, name }) => isStale(isPartial(kind) ? key : name) && !newer.has(key))
      .map(({ name }) => name)
  }

  remove(name: string): void {
    const path = `${this.path}/${name}`
    if (name.endsWith('.note')) return removeNote(path)
    if (name.endsWith('.name')) attempt(() => removePlaceholder(path, this.#directory))
    unlinkSync(path)
  }

  /**
   * In reverse order of names: a `.name` note must be read while the file beside it still exists.
   */
  #entries(): Entry[] {
    const names = attempt(() => readdirSync(this.path)) ?? []
    const entries = names.map((name) => {
      const [, key = '', kind = ''] = incomingName.exec(name) ?? []
      return { name, key, kind }
    })
    return entries
      .filter(({ key }) => key !== '')
      .sort((one, other) => (one.name < other.name ? 1 : -1))
  }
}

function keysOfUploads(entries: readonly Entry[]): string[] {
  return entries.filter(({ kind }) => kind === 'data').map(({ key }) => key)
}

/**
 * All entries; of very many, only some of them, others each time, but always all files of a key.
 */
function some(entries: readonly Entry[]): readonly Entry[] {
  if (entries.length <= maxSweptEntries) return entries
  const start = randomId()
  const from = entries.findIndex(({ key }) => key < start)
  const turned = [...entries.slice(Math.max(0, from)), ...entries.slice(0, Math.max(0, from))]
  const last = turned[maxSweptEntries - 1]?.key
  return turned.filter(({ key }, i) => i < maxSweptEntries || key === last)
}

/**
 * The size, and when it was last touched, in ms since 1970; undefined for anything that we do not
 * make.
 */
function statsOf(path: string, kind: string): { touchedAt: number; size: number } | undefined {
  const stats = lstatSync(path)
  if (kind === 'note' ? !stats.isDirectory() : !stats.isFile()) return undefined
  // The mtime of a kept file is that of its content. Only its ctime says when it came here.
  const touchedAt = kind === 'kept' ? stats.ctimeMs : stats.mtimeMs
  return { touchedAt, size: stats.size }
}
