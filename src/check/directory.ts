// The upload directory: who gets there, what its file system can do, what lies in it. Called by inspect.ts.
// What the program needs is really tried, as the user that looks: a file is made, synced, linked and removed.

import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  rmdirSync,
  statfsSync,
  statSync,
  unlinkSync,
} from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { Fault } from '../fault.ts'
import { type Finding, failure, fine, modeText, quoted, warning } from '../finding.ts'
import { formatSize } from '../quantity.ts'
import type { LoadedSettings } from '../settings/settings.ts'
import { userName } from '../storage/owner.ts'
import { Store } from '../storage/store.ts'
import { Partials } from '../storage/unfinished.ts'
import { freeBytes } from '../storage/usable.ts'
import { attempt, errorCode } from '../system-error.ts'
import { siteOf } from './exposure.ts'
import { mountOf } from './mounts.ts'

/** `directory`: as usableDirectory() gives it. */
export function directoryFindings(
  settings: LoadedSettings,
  directory: string,
  documentRoot: string,
): Finding[] {
  const incoming = incomingProblem(directory)
  return [
    fine('DIRECTORY', `directory: ${directory}${linkNote(settings.directory)}`),
    ...exposureFindings(settings, directory, documentRoot),
    ...mountFindings(directory),
    ...(incoming === undefined ? tryStoring(settings, directory) : [incoming]),
    space(settings, directory),
    ...inodes(directory),
    ...unfinished(settings, directory),
  ]
}

/** Why usableDirectory() refuses it, with what mends it. */
export function directoryProblem(settings: LoadedSettings, problem: unknown): Finding {
  const cause = problem instanceof Fault ? (problem.cause ?? problem) : problem
  const code = errorCode(cause)
  const { directory } = settings
  const user = userName(process.geteuid?.() ?? -1)
  const closed = closedAncestor(directory)
  if (closed !== '' && (code === 'EACCES' || code === 'ENOENT')) {
    const stats = attempt(() => statSync(closed))
    const owner = stats === undefined ? '' : `, ${modeText(stats.mode)}, of ${userName(stats.uid)}`
    const message = `user ${user} may not pass ${closed} (above the directory${owner})`
    const remedy = `chmod o+x ${quoted(closed)}   # or for it alone: setfacl -m u:${user}:x ${quoted(closed)}`
    return failure('DIRECTORY_UNREACHABLE', message, remedy)
  }
  if (code === 'ENOENT') {
    const isDangling = attempt(() => lstatSync(directory))?.isSymbolicLink() === true
    const message = `${directory} ${isDangling ? 'is a symbolic link to nothing' : 'does not exist'}`
    const clear = isDangling ? `rm ${quoted(directory)} && ` : ''
    const remedy = `${clear}install -d -m 0750 -o ${user} ${quoted(directory)}   # without root: mkdir -p -m 750 ${quoted(directory)}`
    return failure('DIRECTORY_MISSING', message, remedy)
  }
  if (code === 'EACCES' || code === 'EPERM') {
    const stats = attempt(() => statSync(directory))
    const owner = stats === undefined ? '' : ` (${modeText(stats.mode)}, of ${userName(stats.uid)})`
    const message = `${directory}${owner} is not writable for user ${user}`
    const remedy = `chown ${user} ${quoted(directory)} && chmod u+rwx ${quoted(directory)}`
    return failure('DIRECTORY_RIGHTS', message, remedy)
  }
  if (code === 'EROFS') {
    const remedy = 'choose a directory on a file system that is mounted for writing'
    return failure('DIRECTORY_READ_ONLY', `${directory} is on a read-only file system`, remedy)
  }
  const isFull = code === 'ENOSPC' || code === 'EDQUOT'
  if (isFull)
    return failure('DISK_FULL', `${directory}: ${code}`, 'free some space or inodes there')
  const message = cause instanceof Error ? cause.message : String(cause)
  return failure('DIRECTORY_UNUSABLE', message, 'choose another directory in the settings')
}

/** The first directory above it that this user may not pass; '' when there is none. */
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

function linkNote(path: string): string {
  return attempt(() => lstatSync(path))?.isSymbolicLink()
    ? ` (${path} is a symbolic link to it)`
    : ''
}

/** Who else gets at the files, or at the directory. */
function exposureFindings(
  settings: LoadedSettings,
  directory: string,
  documentRoot: string,
): Finding[] {
  const findings: Finding[] = []
  const site = siteOf(directory, documentRoot)
  if (site !== '' && settings.allowPublicDirectory) {
    const message = `the directory lies in ${site}: everyone may read what is uploaded`
    findings.push(warning('DIRECTORY_PUBLIC', message, 'choose one outside, unless that is meant'))
  } else if (site !== '') {
    const message = `the directory seems to lie in a site (${site}); within its document root uploads are refused`
    const remedy = 'choose a directory outside, or set allow_public_directory = true'
    findings.push(warning('DIRECTORY_PUBLIC', message, remedy))
  }
  if (directory.split(sep).includes('cgi-bin')) {
    const message = `the directory lies in a cgi-bin, where servers run what they find`
    findings.push(warning('DIRECTORY_IN_CGI_BIN', message, 'choose a directory elsewhere'))
  }
  const { mode } = statSync(directory)
  if ((mode & 0o002) !== 0) {
    const message = `everybody on this machine may write to the directory (${modeText(mode)})`
    findings.push(warning('DIRECTORY_OPEN', message, `chmod o-w ${quoted(directory)}`))
  }
  return findings
}

function mountFindings(directory: string): Finding[] {
  const mount = mountOf(directory)
  if (mount === undefined) return []
  const { point, type, options } = mount
  const findings = [fine('FILE_SYSTEM', `file system: ${type}, mounted at ${point}`)]
  const isEmptied = /^\/(tmp|var\/tmp|dev\/shm|run)(\/|$)/.test(directory)
  if (type === 'tmpfs' || type === 'ramfs' || isEmptied) {
    const message = `what lies in ${directory} is lost, at the latest when this machine starts anew`
    const remedy = 'choose a directory that stays; services may have a /tmp of their own besides'
    findings.push(warning('DIRECTORY_VOLATILE', message, remedy))
  }
  if (options.includes('sync')) {
    const message = `${point} is mounted with the option sync, which makes uploads slow`
    const remedy = `mount -o remount,async ${quoted(point)}   # durable = true is enough`
    findings.push(warning('MOUNT_SYNC', message, remedy))
  }
  return findings
}

/** What another user, or another file system, in place of our own directory would break. */
function incomingProblem(directory: string): Finding | undefined {
  const path = join(directory, '.incoming')
  const stats = attempt(() => lstatSync(path))
  if (stats === undefined) return undefined
  if (!stats.isDirectory()) {
    const remedy = `mv ${quoted(path)} ${quoted(`${path}.moved`)}`
    return failure('INCOMING_WRONG', `${path} is not a directory`, remedy)
  }
  const user = process.geteuid?.() ?? -1
  if (stats.uid !== user && user !== 0) {
    const message = `${path} belongs to ${userName(stats.uid)}, and this is ${userName(user)}`
    const remedy = `chown -R ${userName(user)} ${quoted(path)}`
    return failure('INCOMING_FOREIGN', message, remedy)
  }
  if (stats.dev !== statSync(directory).dev) {
    const message = `${path} is a file system of its own, and files cannot be linked from there`
    return failure('INCOMING_ELSEWHERE', message, `umount ${quoted(path)}`)
  }
  return undefined
}

/** Really creates and removes a file where uploads are received, as this user. */
function tryStoring(settings: LoadedSettings, directory: string): Finding[] {
  const incoming = join(directory, '.incoming')
  const wasThere = attempt(() => lstatSync(incoming)) !== undefined
  try {
    if (!wasThere) mkdirSync(incoming, 0o700)
    try {
      // The file system must take the sync, whether the settings ask for it or not.
      const careful = { ...settings, partialLifetimeSeconds: 1e9, durable: true }
      const pending = new Store(careful, directory).create()
      try {
        pending.write(Buffer.from('check'))
        const clock = pending.touchedAt()
        pending.end()
        return [
          fine(
            'WRITABLE',
            `files can be written there by user ${userName(process.geteuid?.() ?? -1)}`,
          ),
          linking(pending.path, new Store(careful, directory).incoming.randomFile('part')),
          syncing(directory),
          ...clockFindings(clock),
        ]
      } finally {
        pending.discard()
      }
    } finally {
      if (!wasThere) attempt(() => rmdirSync(incoming))
    }
  } catch (problem) {
    return [directoryProblem(settings, problem)]
  }
}

function linking(path: string, other: string): Finding {
  try {
    linkSync(path, other)
    unlinkSync(other)
    return fine('HARD_LINKS', 'hard links: yes')
  } catch (error) {
    const code = errorCode(error)
    return fine('HARD_LINKS', `hard links: no (${code}); names are taken by placeholders instead`)
  }
}

/** As directory.ts does it, but the refusal is told. */
function syncing(directory: string): Finding {
  let fd = -1
  try {
    fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY)
    fsyncSync(fd)
    return fine('SYNC', 'files and directory can be synced')
  } catch (error) {
    const message = `the directory itself cannot be synced (${errorCode(error)}): after a power cut a new name may be lost`
    const remedy =
      errorCode(error) === 'EACCES'
        ? `chmod u+r ${quoted(directory)}`
        : 'use a local file system (ext4, XFS, btrfs) if that matters'
    return warning('SYNC_REFUSED', message, remedy)
  } finally {
    if (fd !== -1) closeSync(fd)
  }
}

/** `clock`: of whoever keeps the directory, in ms since 1970. */
function clockFindings(clock: number): Finding[] {
  const apart = Math.round(Math.abs(clock - Date.now()) / 1000)
  if (apart < 60) return [fine('CLOCK', `clock: ${new Date().toISOString()}`)]
  const message = `the clock of the file system and that of this machine are ${apart} s apart`
  return [warning('CLOCK_APART', message, 'let both keep time by NTP: timedatectl set-ntp true')]
}

function space(settings: LoadedSettings, directory: string): Finding {
  const free = freeBytes(directory)
  if (free === undefined) return fine('SPACE', 'the file system does not tell its free space')
  if (free < settings.minFreeBytes) {
    const message = `${formatSize(free)} free, less than min_free_space`
    return failure('DISK_FULL', message, 'free some space, or lower min_free_space')
  }
  const room = free - settings.minFreeBytes
  if (settings.maxRequestBytes === 0 || room >= settings.maxRequestBytes) {
    return fine('SPACE', `${formatSize(free)} free`)
  }
  const message = `${formatSize(room)} can be stored, less than max_request_size`
  const remedy = 'free some space, or lower max_request_size so that visitors learn it at once'
  return warning('SPACE_SHORT', message, remedy)
}

function inodes(directory: string): Finding[] {
  const { files, ffree } = statfsSync(directory)
  // Some file systems have no such limit and say 0.
  if (files === 0) return []
  if (ffree >= 1000) return [fine('INODES', `${ffree} more files can be made`)]
  const message = `only ${ffree} more files can be made on this file system (inodes)`
  const remedy = `find ${quoted(directory)} -xdev -type f | wc -l   # and remove or move what is old`
  return [
    ffree < 10 ? failure('NO_INODES', message, remedy) : warning('INODES_SHORT', message, remedy),
  ]
}

/** Uploads in pieces, and what killed programs left. */
function unfinished(settings: LoadedSettings, directory: string): Finding[] {
  const { maxPartialUploads, partialLifetimeSeconds } = settings
  const { incoming } = new Store(settings, directory)
  const partials = new Partials(new Store(settings, directory))
  const states = incoming.unfinished().map((id) => attempt(() => partials.look(id)))
  const known = states.filter((state) => state !== undefined)
  const bytes = known.reduce((sum, { offset }) => sum + offset, 0)
  const oldest = Math.min(...known.map(({ touchedAt }) => touchedAt))
  const since =
    known.length === 0 ? '' : `, ${formatSize(bytes)}, since ${new Date(oldest).toISOString()}`
  const message = `unfinished uploads: ${states.length} of ${maxPartialUploads}${since}`
  const stale = incoming.stale(Date.now() - partialLifetimeSeconds * 1000, Infinity).length
  const left = fine(
    'LEFT_OVER',
    `left over in ${basenameOf(incoming.path)}: ${stale}, swept by later uploads or \`upload.cgi clean\``,
  )
  const more = stale === 0 ? [] : [left]
  if (states.length < maxPartialUploads) return [fine('UNFINISHED', message), ...more]
  const remedy = 'raise max_partial_uploads, or remove old ones: upload.cgi clean --older-than 1h'
  return [warning('UNFINISHED_MANY', message, remedy), ...more]
}

function basenameOf(path: string): string {
  return path.slice(dirname(path).length + 1)
}
