// What the tortures share: the shim, the ways to fail, and the calls that a trace shows.

import { execFileSync } from 'node:child_process'
import { constants } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { missing } from '../host/installed.ts'
import { freshDirectory, inMemory } from '../host/program.ts'
import type { Fate } from './scenarios.ts'

export const home = freshDirectory({ after }, inMemory())
export const shim = join(home, 'shim.so')
export const skip = missing('gcc')
const { ENOSPC, EDQUOT, EIO, EACCES, EPERM, EEXIST, EINTR, EMFILE } = constants.errno
export const allErrnos = [ENOSPC, EDQUOT, EIO, EACCES, EPERM, EEXIST, EINTR, EMFILE]
const parallel = 3

if (!skip) {
  const source = join(import.meta.dirname, 'shim.c')
  execFileSync('gcc', ['-Wall', '-O1', '-shared', '-fPIC', '-o', shim, source, '-ldl'])
}

export function fatesOf(
  calls: readonly string[],
  hasNoLinks: boolean,
  errnos: readonly number[] = allErrnos,
): Fate[] {
  const fates: Fate[] = []
  for (const [i, call] of calls.entries()) {
    const at = i + 1
    fates.push({ how: 'kill', at, errno: 0 })
    // Nobody can fix what is lost on its way to the server.
    if (call === 'reply') continue
    for (const errno of errnos) fates.push({ how: 'fail', at, errno })
    fates.push({ how: 'rest', at, errno: EIO })
    // An empty placeholder that was made and denied cannot be told from another's.
    if (!(hasNoLinks && call === 'open')) fates.push({ how: 'lie', at, errno: EIO })
    if (call === 'write') fates.push({ how: 'short', at, errno: 0 })
  }
  return fates
}

export async function inParallel<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
) {
  const queue = items.values()
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      for (const item of queue) await work(item)
    }),
  )
}

/** In the order of the log of the shim, `number call path` a line. */
export function callsOf(log: string): string[] {
  return log
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
}

/** The names of the system calls that name something in the directory, by path or by descriptor. */
export function callsIn(trace: string, directory: string): string[] {
  return trace
    .split('\n')
    .filter((line) =>
      [`"${directory}/`, `"${directory}"`, `<${directory}/`, `<${directory}>`].some((part) =>
        line.includes(part),
      ),
    )
    .map((line) =>
      (/^\d+ +([a-z0-9_]+)\(/.exec(line)?.[1] ?? '')
        .replace('openat', 'open')
        .replace(/^p(read|write)64$/, '$1'),
    )
    .filter((call) => call !== '' && call !== 'execve')
}

export const changing = new Set(
  'mkdir read write ftruncate fchmod fdatasync fsync link rename unlink'.split(' '),
)
export const reading = new Set(
  'open close statx readlink access statfs getdents64 newfstatat fstat fcntl'.split(' '),
)
