// Root becomes another user before it reads or writes what belongs to that user: it could be led to
// files of others, and what it makes nobody else could remove.

import { lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { folderName } from '../storage/folder.ts'
import { attempt } from '../system-error.ts'

/** The fields of each line of /etc/passwd. */
export function accounts(): string[][] {
  return readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
}

/** Groups first, then the group, then the user. */
export function become(name: string, uid: number, gid: number): void {
  // Node has process.initgroups(), but its types lack it.
  const { initgroups } = process as { initgroups?: (user: string, group: number) => void }
  if (name !== '') initgroups?.(name, gid)
  else process.setgroups?.([gid])
  process.setgid?.(gid)
  process.setuid?.(uid)
}

/** Root becomes whom the hidden folder of this upload directory belongs to. */
export function becomeOwner(directory: string): void {
  const stats = attempt(() => lstatSync(join(directory, folderName)))
  if (process.getuid?.() !== 0 || stats === undefined || stats.uid === 0) return
  const entry = accounts().find(([, , uid]) => uid === String(stats.uid))
  const [name = '', , , gid = String(stats.gid)] = entry ?? []
  become(name, stats.uid, Number(gid))
}
