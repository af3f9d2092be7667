// The users that tests work as. Servers that root starts work as www-data, as Debian's do, and what
// they must reach is opened for that user. What needs root is skipped for everyone else.

import { chmodSync, chownSync, readFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, resolve } from 'node:path'
import { skipped } from './program.ts'

/** The user that servers work as when root starts them. */
export const serverUser = 'www-data'

/**
 * Options of `check`: without them root would look as the web server's user, who may not get into
 * a directory of a test.
 */
export const asOneself: readonly string[] = process.getuid?.() === 0 ? ['--user', 'root'] : []

export function isRoot(): boolean {
  return process.getuid?.() === 0
}

/** The reason to skip, or false for root; `why` says what only root can do. */
export function needsRoot(why: string): string | false {
  return isRoot() ? false : skipped(why)
}

/** Gives a path to the user that servers work as, and makes it reachable for that user. */
export function giveToServer(directory: string): void {
  if (!isRoot()) return
  const { uid, gid } = serverIds()
  chownSync(directory, uid, gid)
  openTheWay(directory)
}

export function serverIds(): { uid: number; gid: number } {
  const line = readFileSync('/etc/passwd', 'utf8').match(
    new RegExp(`^${serverUser}:[^:]*:(\\d+):(\\d+):`, 'm'),
  )
  if (line === null) throw new Error(`there is no user ${serverUser}; run the tests as yourself`)
  return { uid: Number(line[1]), gid: Number(line[2]) }
}

/** Lets everybody pass through the directories of a test, which only their maker may enter. */
export function openTheWay(directory: string): void {
  const top = resolve(tmpdir())
  for (let path = resolve(directory); path.startsWith(`${top}/`); path = dirname(path)) {
    const { mode, uid } = statSync(path)
    if (isRoot() || uid === process.getuid?.()) chmodSync(path, (mode & 0o7777) | 0o011)
  }
}
