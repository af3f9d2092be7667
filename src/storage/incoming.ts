// `.incoming/` in the upload directory, where every file is until it is whole. Names are 32 hex
// digits and a kind. Processes that were killed leave files here. The sweep removes files that are
// older than `partial_lifetime` by the clock of the file system, and never a symlink or a file with
// another kind of name.

import {
  closeSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  unlinkSync,
} from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../fault.ts'
import { randomId } from '../random-id.ts'
import { attempt, errorCode } from '../system-error.ts'
import { createNew } from './files.ts'
import { removePlaceholder } from './placement.ts'

const maxSweptEntries = 1000
const incomingName =
  /^([0-9a-f]{32})\.(part\.name|data\.name|part|kept|data|journal|claim-\d{1,9})$/
/** The kinds of files of one upload in pieces. They are removed together. */
const isPartial = (kind: string) => /^(data|data\.name|journal|claim-\d+)$/.test(kind)

type Entry = { readonly name: string; readonly id: string; readonly kind: string }

export class Incoming {
  readonly path: string
  readonly #directory: string

  /** `directory`: the upload directory. Creates nothing yet. */
  constructor(directory: string) {
    this.#directory = directory
    this.path = join(directory, '.incoming')
  }

  open(): void {
    try {
      mkdirSync(this.path, 0o700)
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error
      if (lstatSync(this.path).isDirectory()) return
      throw new Fault('DIRECTORY_UNUSABLE', '', new Error(`${this.path} is not a directory`))
    }
  }

  file(id: string, kind: string): string {
    return join(this.path, `${id}.${kind}`)
  }

  randomFile(kind: 'part' | 'kept'): string {
    return this.file(randomId(), kind)
  }

  /** The time by the clock of the file system, in ms since 1970. */
  now(): number {
    const path = this.randomFile('part')
    const fd = openSync(path, createNew, 0o600)
    try {
      return fstatSync(fd).mtimeMs
    } finally {
      attempt(() => closeSync(fd))
      attempt(() => unlinkSync(path))
    }
  }

  /** The ids of unfinished uploads; none when `.incoming/` does not exist yet. */
  unfinished(): string[] {
    return this.#entries()
      .filter(({ kind }) => kind === 'data')
      .map(({ id }) => id)
  }

  /**
   * Removes what nobody touched since `oldest` (ms since 1970), except `own`. What cannot be
   * removed stays.
   */
  sweep(oldest: number, own = ''): void {
    for (const name of this.stale(oldest)) {
      if (join(this.path, name) !== own) attempt(() => this.remove(name))
    }
  }

  /** The names of files that nobody touched since `oldest`, in ms since 1970. */
  stale(oldest: number, atMost = maxSweptEntries): string[] {
    const since = new Map<string, number>()
    const entries = this.#some(atMost)
    for (const { id, kind, name } of entries) {
      const touched = attempt(() => touchedAt(join(this.path, name), kind)) ?? Infinity
      const key = isPartial(kind) ? id : name
      since.set(key, Math.max(since.get(key) ?? 0, touched))
    }
    return entries
      .filter(({ id, kind, name }) => (since.get(isPartial(kind) ? id : name) ?? Infinity) < oldest)
      .map(({ name }) => name)
  }

  /**
   * All entries; of very many, only some of them, others each time, but always all files of an id.
   */
  #some(atMost: number): Entry[] {
    const entries = this.#entries()
    if (entries.length <= atMost) return entries
    const start = randomId()
    const from = entries.findIndex(({ id }) => id < start)
    const turned = [...entries.slice(Math.max(0, from)), ...entries.slice(0, Math.max(0, from))]
    const last = turned[atMost - 1]?.id
    return turned.filter(({ id }, i) => i < atMost || id === last)
  }

  remove(name: string): void {
    const path = join(this.path, name)
    if (name.endsWith('.name')) attempt(() => removePlaceholder(path, this.#directory))
    unlinkSync(path)
  }

  /**
   * In reverse order of names: a `.name` note must be read while the file beside it still exists.
   */
  #entries(): Entry[] {
    const names = attempt(() => readdirSync(this.path)) ?? []
    const entries = names.map((name) => {
      const [, id = '', kind = ''] = incomingName.exec(name) ?? []
      return { name, id, kind }
    })
    return entries
      .filter(({ id }) => id !== '')
      .sort((one, other) => (one.name < other.name ? 1 : -1))
  }
}

/** When it was last touched, in ms since 1970; Infinity for anything that is not a file of ours. */
function touchedAt(path: string, kind: string): number {
  const stats = lstatSync(path)
  if (!stats.isFile()) return Infinity
  // The mtime of a kept file is that of its content. Only its ctime says when it came here.
  return kind === 'kept' ? stats.ctimeMs : stats.mtimeMs
}
