// `upload.cgi clean`: removes abandoned uploads that are old enough, closes submissions that nobody
// closed, and removes notes that nobody needs any more. Uploads do some of that too; this command
// is for cron, and for directories to which nobody uploads any more. With --stored-older-than it
// also removes what was stored, by the record and nothing else. Exit status 0; 64 for a wrong
// duration; 74 when something could not be removed; 78 when the settings or the directory cannot be
// used.

import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { encodeDuration, formatSize, parseDuration } from '../quantity.ts'
import { loadSettings } from '../settings/load.ts'
import { problemText } from '../settings/settings.ts'
import { Incoming } from '../storage/incoming.ts'
import { openStorage } from '../storage/open.ts'
import type { Storage } from '../storage/storage.ts'
import { usableDirectory } from '../storage/usable.ts'
import { doWhatIsDue, sweepRecord } from '../submission/due.ts'
import { filesBefore } from '../submission/listing.ts'
import { attempt } from '../system-error.ts'
import { becomeOwner } from './account.ts'
import { complain, failed, print } from './terminal.ts'

type Wanted = {
  /** A duration such as 1h; '' for `partial_lifetime`. */
  readonly olderThan: string
  /** A duration such as 30d; '' to keep all that is stored. */
  readonly storedOlderThan: string
  readonly isDryRun: boolean
}

export function clean(script: string, { olderThan, storedOlderThan, isDryRun }: Wanted): number {
  const settings = loadSettings(process.env, process.execPath, script)
  const seconds = olderThan === '' ? settings.partialLifetimeSeconds : parseDuration(olderThan)
  if (seconds === undefined) return failed(64, '--older-than is a duration such as 30m, 12h or 1d')
  const storedSeconds = storedOlderThan === '' ? Infinity : parseDuration(storedOlderThan)
  if (storedSeconds === undefined) {
    return failed(64, '--stored-older-than is a duration such as 12h, 30d or 8w')
  }
  const [problem] = settings.problems
  if (problem !== undefined) return failed(78, problemText(problem))
  const { recordLifetimeSeconds } = settings
  if (storedOlderThan !== '' && storedSeconds > recordLifetimeSeconds) {
    const lifetime = encodeDuration(recordLifetimeSeconds)
    const known = `what was stored is known for record_lifetime = "${lifetime}"`
    return failed(64, `--stored-older-than ${storedOlderThan} is too old: ${known}`)
  }
  let path: string
  let incoming: Incoming
  let isThere: boolean
  try {
    const site = { documentRoots: [], program: process.execPath, script }
    path = usableDirectory(settings, site)
    becomeOwner(path)
    incoming = new Incoming(path)
    // It follows no symlink to what may belong to others.
    isThere = incoming.folder.exists()
  } catch (error) {
    return failed(78, causeText(error))
  }
  const removal = new Removal(isDryRun)
  const now = isThere ? attempt(() => incoming.now()) : undefined
  for (const name of now === undefined ? [] : incoming.stale(now, seconds * 1000)) {
    const size = attempt(() => lstatSync(join(incoming.path, name)).size) ?? 0
    removal.remove(name, size, () => {
      incoming.remove(name)
      return true
    })
  }
  if (isThere) {
    const storage = openStorage(settings, path)
    // Notes are small and many, so they are not told one by one.
    if (!isDryRun) removal.attempt(() => doWhatIsDue(storage, settings, Infinity))
    if (storedSeconds < Infinity) {
      removal.attempt(() => removeStored(storage, Date.now() - storedSeconds * 1000, removal))
    }
    if (!isDryRun) removal.attempt(() => sweepRecord(storage, settings, Infinity))
  }
  print(removal.text)
  return removal.hasFailed ? 74 : 0
}

/** What the owner changed or moved is skipped. `before`: in ms since 1970. */
function removeStored(storage: Storage, before: number, removal: Removal): void {
  for (const file of filesBefore(storage, before)) {
    const isThere = attempt(() => storage.isUnchanged(file)) ?? false
    if (isThere) removal.remove(file.stored, file.size, () => storage.remove(file))
  }
}

/** What was removed, or would be, and whether something could not be. */
class Removal {
  hasFailed = false
  readonly #isDryRun: boolean
  #count = 0
  #bytes = 0

  constructor(isDryRun: boolean) {
    this.#isDryRun = isDryRun
  }

  /** `action`: false when there was nothing to be removed. */
  remove(name: string, size: number, action: () => boolean): void {
    this.attempt(() => {
      if (!this.#isDryRun && !action()) return
      print(`${name}\t${size}\n`)
      this.#bytes += size
      this.#count++
    })
  }

  attempt(action: () => void): void {
    try {
      action()
    } catch (error) {
      complain(causeText(error))
      this.hasFailed = true
    }
  }

  get text(): string {
    const done = this.#isDryRun ? 'would be removed' : 'removed'
    const files = this.#count === 1 ? '1 file' : `${this.#count} files`
    return `${files} ${done}, ${formatSize(this.#bytes)}\n`
  }
}

function causeText(error: unknown): string {
  return `${error instanceof Error ? (error.cause ?? error.message) : error}`
}
