// What `check` says of the upload directory: what its file system can do, its free space, and which
// uploads are unfinished. It tries, as this user, everything that the program needs: it creates,
// syncs, links and removes a file.

import {
  closeSync,
  constants,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  statSync,
  unlinkSync,
} from 'node:fs'
import { Fault } from '../fault.ts'
import { type Finding, failure, fine, quoted, warning } from '../finding.ts'
import { encodeSize, formatSize } from '../quantity.ts'
import type { Settings } from '../settings/settings.ts'
import { attempt, errorCode } from '../system-error.ts'
import { Directory } from './directory.ts'
import { maxNameBytes } from './filename.ts'
import { meansNoLinks } from './files.ts'
import { Folder, folderName } from './folder.ts'
import { nameLimit } from './name-limit.ts'
import { openStorage } from './open.ts'
import { userName } from './owner.ts'
import { Pending } from './pending.ts'
import { directoryProblem } from './problem.ts'
import { scanned } from './scan.ts'
import { freeSpace } from './space.ts'
import { existing } from './state.ts'
import type { InspectedStorage } from './storage.ts'

/**
 * Opens the directory as openStorage() does, with findings(). A request needs no findings and does
 * not load this file.
 */
export function openInspectedStorage(settings: Settings, path: string): InspectedStorage {
  return { ...openStorage(settings, path), findings: () => findings(settings, path) }
}

function findings(settings: Settings, path: string): Finding[] {
  const problem = incomingProblem(path)
  return [
    ...(problem === undefined ? tryStoring(settings, path) : [problem]),
    space(settings, path),
    ...inodes(settings, path),
    ...unfinished(settings, path),
  ]
}

/** Uploads fail when the hidden folder is not ours alone, or is on another file system. */
function incomingProblem(directory: string): Finding | undefined {
  const { path, incoming } = new Folder(directory)
  const stats = attempt(() => lstatSync(path))
  if (stats === undefined) return undefined
  for (const folder of [path, incoming]) {
    const found = attempt(() => lstatSync(folder))
    if (found === undefined) continue
    if (!found.isDirectory()) {
      const remedy = `mv ${quoted(folder)} ${quoted(`${folder}.moved`)}`
      return failure('INCOMING_WRONG', `${folder} is not a directory`, remedy)
    }
    if (found.dev !== statSync(directory).dev) {
      const message = `${folder} is a file system of its own, and files cannot be linked from there`
      return failure('INCOMING_ELSEWHERE', message, `umount ${quoted(folder)}`)
    }
  }
  const user = process.geteuid?.() ?? -1
  if (stats.uid !== user && user !== 0) {
    const [owner, runner] = [userName(stats.uid), userName(user)]
    const message = `${path} belongs to ${owner}, but the program runs as ${runner}`
    const remedy = `chown -R ${runner} ${quoted(path)}`
    return failure('INCOMING_FOREIGN', message, remedy)
  }
  if ((stats.mode & 0o022) !== 0 && attempt(() => new Folder(directory).hasModes())) {
    const message = `others may write to ${path}, where uploads are received`
    return failure('INCOMING_OPEN', message, `chmod go-w ${quoted(path)}`)
  }
  return undefined
}

/** Creates and removes a file where uploads are received, as this user. */
function tryStoring(settings: Settings, path: string): Finding[] {
  // The sync is tried whether the settings ask for it or not.
  const directory = new Directory({ ...settings, durable: true }, path)
  const { incoming } = directory
  const wasThere = attempt(() => incoming.folder.exists()) === true
  try {
    incoming.open()
    const pending = new Pending(directory, 'check', incoming.randomFile('part'))
    try {
      pending.write(Buffer.from('check'))
      const clock = pending.created.mtimeMs
      pending.end()
      const user = userName(process.geteuid?.() ?? -1)
      return [
        fine('WRITABLE', `files can be written there by user ${user}`),
        linking(pending.path, incoming.randomFile('part')),
        syncing(path),
        ...nameLength(path),
        ...clockFindings(clock),
        ...scannerFindings(settings, pending.path),
      ]
    } finally {
      pending.discard()
    }
  } catch (problem) {
    // What is kept free is told by space() and inodes().
    const isKeptFree = problem instanceof Fault && problem.code === 'DISK_FULL' && !problem.cause
    return isKeptFree ? [] : [directoryProblem(settings, problem)]
  } finally {
    if (!wasThere) attempt(() => incoming.folder.removeEmpty())
  }
}

/** `path`: of a harmless file. */
function scannerFindings({ scanCommand }: Settings, path: string): Finding[] {
  if (scanCommand.length === 0) return []
  const [program = ''] = scanCommand
  const { exit, text } = scanned(path, scanCommand, 10)
  if (exit === 0) return [fine('SCANNER', `scanner: ${program} passes a harmless file`)]
  const message = `every upload fails, since the scanner does not pass a harmless file: ${text}`
  const remedy =
    `see that ${program} is installed and that its service runs, then try it by hand as the user ` +
    'of the web server'
  return [failure('SCANNER_FAILS', message.replace(/\s+/g, ' '), remedy)]
}

function linking(path: string, other: string): Finding {
  try {
    linkSync(path, other)
    unlinkSync(other)
    return fine('HARD_LINKS', 'hard links: yes')
  } catch (error) {
    const code = errorCode(error)
    if (!meansNoLinks(code)) throw error
    return fine('HARD_LINKS', `hard links: no (${code}); placeholders reserve names instead`)
  }
}

function nameLength(path: string): Finding[] {
  const limit = nameLimit(path)
  if (limit === maxNameBytes) return []
  return [fine('NAME_LENGTH', `names: at most ${limit} bytes here; longer ones are shortened`)]
}

/** Syncs as syncDirectory() does, but reports the refusal. */
function syncing(directory: string): Finding {
  let fd = -1
  try {
    fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY)
    fsyncSync(fd)
    return fine('SYNC', 'files and directory can be synced')
  } catch (error) {
    const message =
      `the directory itself cannot be synced (${errorCode(error)}): after a power cut a new ` +
      'name may be lost'
    const remedy =
      errorCode(error) === 'EACCES'
        ? `chmod u+r ${quoted(directory)}`
        : 'use a local file system (ext4, XFS, btrfs) if that matters'
    return warning('SYNC_REFUSED', message, remedy)
  } finally {
    if (fd !== -1) closeSync(fd)
  }
}

/** `clock`: the time by the clock of the file system, in ms since 1970. */
function clockFindings(clock: number): Finding[] {
  const apart = Math.round(Math.abs(clock - Date.now()) / 1000)
  if (apart < 60) return [fine('CLOCK', `clock: ${new Date().toISOString()}`)]
  const message = `the clock of the file system and that of this machine are ${apart} s apart`
  return [warning('CLOCK_APART', message, 'let both keep time by NTP: timedatectl set-ntp true')]
}

function space(settings: Settings, directory: string): Finding {
  const { bytes: free } = freeSpace(directory)
  if (free === Infinity) {
    const message = 'the file system does not report its free space'
    return fine('SPACE', `${message}, so min_free_space has no effect`)
  }
  if (free < settings.minFreeBytes) {
    const least = formatSize(settings.minFreeBytes)
    const message = `${formatSize(free)} free, less than min_free_space (${least})`
    const lower = `min_free_space = "${encodeSize(rounded(free / 2))}"`
    return failure('DISK_FULL', message, `${lower}   # or free some space`)
  }
  const room = free - settings.minFreeBytes
  if (settings.maxRequestBytes === 0 || room >= settings.maxRequestBytes) {
    return fine('SPACE', `${formatSize(free)} free`)
  }
  const most = formatSize(settings.maxRequestBytes)
  const message = `${formatSize(room)} can be stored, less than max_request_size (${most})`
  const lower = `max_request_size = "${encodeSize(rounded(room))}"`
  const remedy = `${lower}   # or free some space; the page shows this limit where no script runs`
  return warning('SPACE_SHORT', message, remedy)
}

/** Down to a whole number of MB, or of KB below that. */
function rounded(bytes: number): number {
  const unit = bytes >= 1e6 ? 1e6 : 1000
  return Math.floor(bytes / unit) * unit
}

function inodes({ minFreeBytes }: Settings, directory: string): Finding[] {
  const { files, reservedFiles } = freeSpace(directory)
  if (files === Infinity) return []
  if (files >= 2000) return [fine('INODES', `${files} more files can be made`)]
  const message = `only ${files} more files can be made on this file system (inodes)`
  const count = `find ${quoted(directory)} -xdev -type f | wc -l`
  const remedy = `${count}   # and remove or move old files`
  const isRefusing = files < 10 || (minFreeBytes > 0 && files <= reservedFiles)
  return [
    isRefusing ? failure('NO_INODES', message, remedy) : warning('INODES_SHORT', message, remedy),
  ]
}

/** Unfinished uploads, and files that killed programs left. */
function unfinished(settings: Settings, path: string): Finding[] {
  const { maxPartialUploads, partialLifetimeSeconds } = settings
  const directory = new Directory(settings, path)
  const { incoming } = directory
  const states = incoming.unfinished().map((key) => attempt(() => existing(directory, key)))
  const known = states.filter((state) => state !== undefined)
  const bytes = known.reduce((sum, { offset }) => sum + offset, 0)
  const oldest = Math.min(...known.map(({ touchedAt }) => touchedAt))
  const since =
    known.length === 0 ? '' : `, ${formatSize(bytes)}, since ${new Date(oldest).toISOString()}`
  const message = `unfinished uploads: ${states.length} of ${maxPartialUploads}${since}`
  const stale = incoming.stale(Date.now(), partialLifetimeSeconds * 1000).length
  const left = fine(
    'LEFT_OVER',
    `left over in ${folderName}: ${stale}, swept by later uploads or by \`clean\``,
  )
  const more = stale === 0 ? [] : [left]
  if (states.length < maxPartialUploads) return [fine('UNFINISHED', message), ...more]
  const remedy =
    `max_partial_uploads = ${2 * states.length}   # or remove old ones: ` +
    `${quoted(process.execPath)} clean --older-than 1h`
  return [warning('UNFINISHED_MANY', message, remedy), ...more]
}
