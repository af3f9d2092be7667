// Turns the reason why the upload directory cannot be used into a finding that says how to fix it.

import { accessSync, constants, lstatSync, statSync } from 'node:fs'
import { join, sep } from 'node:path'
import { Fault } from '../fault.ts'
import { type Finding, failure, modeText, quoted } from '../finding.ts'
import type { Settings } from '../settings/settings.ts'
import { attempt, errorCode } from '../system-error.ts'
import { userName } from './owner.ts'

/** `problem`: the error that usableDirectory(), or a file operation in the directory, threw. */
export function directoryProblem(settings: Settings, problem: unknown): Finding {
  const cause = problem instanceof Fault ? (problem.cause ?? problem) : problem
  const code = errorCode(cause)
  const { directory } = settings
  const user = userName(process.geteuid?.() ?? -1)
  if (code === 'EACCES' || code === 'ENOENT') {
    const closed = closedWay(directory, 'the directory')
    if (closed !== undefined) return closed
  }
  if (code === 'ENOENT') {
    const isDangling = attempt(() => lstatSync(directory))?.isSymbolicLink() === true
    const message =
      `${directory} ` + `${isDangling ? 'is a symbolic link to nothing' : 'does not exist'}`
    const clear = isDangling ? `rm ${quoted(directory)} && ` : ''
    const remedy =
      `${clear}install -d -m 0750 -o ${user} ${quoted(directory)}   # without root: mkdir -p ` +
      `-m 750 ${quoted(directory)}`
    return failure('DIRECTORY_MISSING', message, remedy)
  }
  if (code === 'EACCES' || code === 'EPERM') {
    const stats = attempt(() => statSync(directory))
    const owner = stats === undefined ? '' : ` (${modeText(stats.mode)}, of ${userName(stats.uid)})`
    const message = `${directory}${owner} is not writable for user ${user}`
    const remedy = isOfSystem(directory)
      ? `directory = ${JSON.stringify(join(directory, 'uploads'))}   # others need that directory`
      : `chown ${user} ${quoted(directory)} && chmod u+rwx ${quoted(directory)}`
    return failure('DIRECTORY_RIGHTS', message, remedy)
  }
  if (code === 'EROFS') {
    const remedy = 'choose a directory on a file system that is mounted for writing'
    return failure('DIRECTORY_READ_ONLY', `${directory} is on a read-only file system`, remedy)
  }
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const remedy = `du -xah ${quoted(directory)} | sort -h | tail   # and remove or move old files`
    return failure('DISK_FULL', `${directory}: no room is left (${code})`, remedy)
  }
  const message = cause instanceof Error ? cause.message : String(cause)
  return failure('DIRECTORY_UNUSABLE', message, 'choose another directory in the settings')
}

/** The folder above `path` that this user may not pass, if there is one. `what`: what is there. */
export function closedWay(path: string, what: string): Finding | undefined {
  const closed = closedAncestor(path)
  if (closed === '') return undefined
  const user = userName(process.geteuid?.() ?? -1)
  const stats = attempt(() => statSync(closed))
  const owner = stats === undefined ? '' : `, ${modeText(stats.mode)}, of ${userName(stats.uid)}`
  const message = `user ${user} may not pass ${closed} (above ${what}${owner})`
  const forItAlone = `setfacl -m u:${user}:x ${quoted(closed)}`
  const remedy = `chmod o+x ${quoted(closed)}   # or for it alone: ${forItAlone}`
  return failure('DIRECTORY_UNREACHABLE', message, remedy)
}

/** The first directory above the path that this user may not enter; '' when there is none. */
function closedAncestor(path: string): string {
  const parts = path.split(sep)
  for (let count = 1; count < parts.length; count++) {
    const ancestor = parts.slice(0, count).join(sep) || sep
    if (attempt(() => lstatSync(ancestor)) === undefined) return ''
    const isPassed = attempt(() => accessSync(ancestor, constants.X_OK) ?? true) === true
    if (!isPassed && attempt(() => statSync(ancestor))?.isDirectory()) return ancestor
  }
  return ''
}

/** Does the system have it by itself (Filesystem Hierarchy Standard 3.0, chapters 3 to 5)? */
function isOfSystem(directory: string): boolean {
  const names =
    'bin boot dev etc home lib lib64 media mnt opt proc root run sbin srv sys tmp usr usr/bin ' +
    'usr/lib usr/local usr/sbin usr/share var var/cache var/lib var/local var/lock var/log ' +
    'var/mail var/opt var/run var/spool var/tmp var/www'
  return directory === sep || names.split(' ').includes(directory.slice(1))
}
