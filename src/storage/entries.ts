// What is noted of the requests that stored something, for whoever makes batches and receipts of
// it; and the decision for a request that died between its first link and its verdict. It takes
// over only what is surely dead, and touches no file that another request may have stored.

import { lstatSync, readdirSync, unlinkSync } from 'node:fs'
import { Fault } from '../fault.ts'
import { attempt } from '../system-error.ts'
import { Claim } from './claim.ts'
import type { Directory } from './directory.ts'
import { parseEntry, parseEntryName, parseVerdict, storing, undoneNote } from './entry.ts'
import { isThere, lookedUp, syncDirectory, translated } from './files.ts'
import { folderOf } from './path.ts'
import type { Entries, Entry, EntryFile, EntryName } from './storage.ts'

export class NotedEntries implements Entries {
  readonly #directory: Directory
  /** The keys of verdicts that this request has synced. */
  readonly #synced = new Set<string>()

  constructor(directory: Directory) {
    this.#directory = directory
  }

  list(): readonly EntryName[] {
    const names = translated(() => this.#directory.notes.list(storing, maxNames))
    return names.map(parseEntryName).filter((name) => name !== undefined)
  }

  read(name: string): Entry | undefined {
    return translated(() => parseEntry(this.#directory.notes.read(`${storing}/${name}`)))
  }

  verdict(entry: Entry): Entry | 'undone' | undefined {
    return this.verdicts([entry])[0]
  }

  verdicts(entries: readonly Entry[]): readonly (Entry | 'undone' | undefined)[] {
    const { notes, settings } = this.#directory
    return translated(() => {
      const verdicts = entries.map((entry) => parseVerdict(notes.read(entry.verdict)))
      const there = entries.filter((_, i) => verdicts[i] !== undefined)
      const keys = there.map(({ verdict }) => verdict).filter((key) => !this.#synced.has(key))
      // Whoever acts on them must find them again after a power cut. They never change.
      if (settings.durable) notes.sync(...keys)
      for (const key of keys) this.#synced.add(key)
      return verdicts
    })
  }

  resolve(name: EntryName): boolean {
    if (Date.now() - name.startedAt < deadMilliseconds) return false
    return translated(() => {
      const entry = this.read(name.name)
      if (entry === undefined) {
        // It was to be durable before the first file became visible, so none is.
        this.remove(name.name)
        return true
      }
      const verdict = this.verdict(entry)
      if (verdict === 'undone') return this.#forgetUndone(name, entry)
      return verdict !== undefined || this.#whileClaimed(name, () => this.#decide(name, entry))
    })
  }

  remove(name: string): void {
    translated(() => this.#directory.notes.remove(`${storing}/${name}`))
  }

  #decide(name: EntryName, { verdict }: Entry): void {
    const { notes, settings } = this.#directory
    const noted = this.#notedFor(name.base, verdict)
    const files = noted.flatMap((one) => one.entry.files)
    this.#fence(files)
    const whole = noted.find(({ entry }) => entry.files.every((file) => this.#isVisible(file)))
    if (whole !== undefined) {
      const key = `${storing}/${whole.name}`
      const content = notes.read(key)
      if (content === undefined) return
      notes.link(key, verdict, content)
      for (const one of noted) if (one !== whole) this.remove(one.name)
      return
    }
    if (!notes.create(verdict, undoneNote)) return
    const visible = files.filter((file) => this.#isVisible(file))
    for (const file of visible) {
      if (this.#isVisible(file)) unlinkSync(this.#path(file))
    }
    const folders = new Set(visible.map((file) => folderOf(this.#path(file))))
    if (settings.durable) for (const folder of folders) attempt(() => syncDirectory(folder))
    for (const one of noted) this.remove(one.name)
  }

  /**
   * All that one request noted: before a file gets another name than was noted, it notes that one
   * too, and it may have died before the older note was gone.
   */
  #notedFor(base: string, verdict: string): { readonly name: string; readonly entry: Entry }[] {
    return this.list().flatMap((one) => {
      const entry = one.base === base ? this.read(one.name) : undefined
      return entry?.verdict === verdict ? [{ name: one.name, entry }] : []
    })
  }

  /**
   * Only whoever created *undone* takes the files back. If it died meanwhile, they stay, and after
   * a day nothing is known of them.
   */
  #forgetUndone(name: EntryName, entry: Entry): boolean {
    const isGone = !entry.files.some((file) => this.#isVisible(file))
    if (isGone || Date.now() - name.startedAt > dayMilliseconds) this.remove(name.name)
    return true
  }

  /** A request that is slow and not dead cannot link its files any more. */
  #fence(files: readonly EntryFile[]): void {
    const { path } = this.#directory.incoming
    const marks = new Set(files.map(({ mark }) => mark))
    for (const name of readdirSync(path)) {
      if (!name.endsWith('.part')) continue
      const file = `${path}/${name}`
      const stats = lstatSync(file, { throwIfNoEntry: false })
      if (stats !== undefined && marks.has(String(stats.ino))) unlinkSync(file)
    }
  }

  /** Of an upload in pieces, the claim says that nobody else is at it. */
  #whileClaimed({ base }: EntryName, action: () => void): boolean {
    const { incoming } = this.#directory
    if (!isThere(incoming.file(base, 'journal'))) {
      action()
      return true
    }
    let claim: Claim
    try {
      claim = new Claim(incoming, base)
    } catch (error) {
      if (error instanceof Fault && error.code === 'UPLOAD_BUSY') return false
      throw error
    }
    try {
      action()
      return true
    } finally {
      claim.release()
    }
  }

  #path({ stored }: EntryFile): string {
    return `${this.#directory.path}/${stored}`
  }

  #isVisible(file: EntryFile): boolean {
    const stats = lookedUp(this.#path(file))
    return stats?.isFile() === true && String(stats.ino) === file.mark
  }
}

const dayMilliseconds = 86_400_000
/**
 * No request takes an hour from its note to its verdict, and the clocks of two hosts may be two
 * hours apart.
 */
const deadMilliseconds = 3 * 3_600_000
/** More than a broken webhook leaves in three days of a busy form. */
const maxNames = 100_000
