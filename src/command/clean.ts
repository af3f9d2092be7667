// `upload.cgi clean`: removes what unfinished uploads left, once it is old enough. Every upload does this by
// itself, some of it at a time; this is for directories to which nobody uploads any more, and for cron.
// Exit status 0; 64 for a wrong duration; 78 when the settings or the directory cannot be used; 74 when
// something could not be removed.

import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { formatSize, parseDuration } from '../quantity.ts'
import { loadSettings } from '../settings/load.ts'
import { Incoming } from '../storage/incoming.ts'
import { usableDirectory } from '../storage/usable.ts'
import { attempt } from '../system-error.ts'

/** `olderThan`: a duration such as 1h; '' for `partial_lifetime`. */
export function clean(script: string, olderThan: string, isDryRun: boolean): number {
  const settings = loadSettings(process.env, process.execPath, script)
  const seconds = olderThan === '' ? settings.partialLifetimeSeconds : parseDuration(olderThan)
  if (seconds === undefined) return failed(64, '--older-than is a duration such as 30m, 12h or 1d')
  const [problem] = settings.problems
  if (problem !== undefined) {
    return failed(78, `${problem.where}: ${problem.problem}: ${problem.remedy}`)
  }
  let incoming: Incoming
  try {
    const documentRoot = process.env['DOCUMENT_ROOT'] ?? ''
    incoming = new Incoming(usableDirectory(settings, documentRoot, process.execPath))
  } catch (error) {
    return failed(78, `${error instanceof Error ? (error.cause ?? error.message) : error}`)
  }
  let bytes = 0
  let count = 0
  let failures = 0
  // None when there is no directory yet: then nothing was ever received.
  const now = attempt(() => incoming.now())
  const names = now === undefined ? [] : incoming.stale(now - seconds * 1000, Infinity)
  for (const name of names) {
    const size = attempt(() => lstatSync(join(incoming.path, name)).size) ?? 0
    try {
      if (!isDryRun) incoming.remove(name)
      process.stdout.write(`${name}\t${size}\n`)
      bytes += size
      count++
    } catch (error) {
      process.stderr.write(`upload.cgi: ${error instanceof Error ? error.message : error}\n`)
      failures++
    }
  }
  const done = isDryRun ? 'would be removed' : 'removed'
  process.stdout.write(
    `${count === 1 ? '1 file' : `${count} files`} ${done}, ${formatSize(bytes)}\n`,
  )
  return failures > 0 ? 74 : 0
}

function failed(status: number, message: string): number {
  process.stderr.write(`upload.cgi: ${message}\n`)
  return status
}
