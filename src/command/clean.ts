// `upload.cgi clean`: removes abandoned uploads that are old enough, closes submissions that nobody
// closed, and removes notes that nobody needs any more. Uploads do some of that too; this command
// is for cron, and for directories to which nobody uploads any more. Exit status 0; 64 for a wrong
// duration; 74 when something could not be removed; 78 when the settings or the directory cannot be
// used.

import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { formatSize, parseDuration } from '../quantity.ts'
import { loadSettings } from '../settings/load.ts'
import { problemText } from '../settings/settings.ts'
import { Incoming } from '../storage/incoming.ts'
import { openStorage } from '../storage/open.ts'
import { usableDirectory } from '../storage/usable.ts'
import { doWhatIsDue, sweepRecord } from '../submission/due.ts'
import { attempt } from '../system-error.ts'
import { becomeOwner } from './account.ts'
import { complain, failed, print } from './terminal.ts'

/** `olderThan`: a duration such as 1h; '' for `partial_lifetime`. */
export function clean(script: string, olderThan: string, isDryRun: boolean): number {
  const settings = loadSettings(process.env, process.execPath, script)
  const seconds = olderThan === '' ? settings.partialLifetimeSeconds : parseDuration(olderThan)
  if (seconds === undefined) return failed(64, '--older-than is a duration such as 30m, 12h or 1d')
  const [problem] = settings.problems
  if (problem !== undefined) return failed(78, problemText(problem))
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
    return failed(78, `${error instanceof Error ? (error.cause ?? error.message) : error}`)
  }
  let bytes = 0
  let count = 0
  let failures = 0
  const now = isThere ? attempt(() => incoming.now()) : undefined
  const names = now === undefined ? [] : incoming.stale(now, seconds * 1000)
  for (const name of names) {
    const size = attempt(() => lstatSync(join(incoming.path, name)).size) ?? 0
    try {
      if (!isDryRun) incoming.remove(name)
      print(`${name}\t${size}\n`)
      bytes += size
      count++
    } catch (error) {
      complain(`${error instanceof Error ? error.message : error}`)
      failures++
    }
  }
  // Notes are small and many, so they are not told one by one.
  if (isThere && !isDryRun) {
    const storage = openStorage(settings, path)
    try {
      doWhatIsDue(storage, settings, Infinity)
      sweepRecord(storage, settings, Infinity)
    } catch (error) {
      complain(`${error instanceof Error ? (error.cause ?? error.message) : error}`)
      failures++
    }
  }
  const done = isDryRun ? 'would be removed' : 'removed'
  print(`${count === 1 ? '1 file' : `${count} files`} ${done}, ${formatSize(bytes)}\n`)
  return failures > 0 ? 74 : 0
}
