// Finds the settings file and reads it as text. It refuses a file that anybody could have written,
// one that is no plain file, one over 1 MB, and one that is not UTF-8 (RFC 3629), each with its
// remedy. Nothing is waited for: opening a pipe must not hang a request.

import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  type Stats,
  statfsSync,
  statSync,
} from 'node:fs'
import { dirname, isAbsolute, resolve } from 'node:path'
import type { Env } from '../http/request.ts'
import { attempt } from '../system-error.ts'
import type { SettingsProblem } from './settings.ts'

export type SettingsFile = { readonly path: string; readonly text: string }

type Found = SettingsFile | { readonly problem: SettingsProblem } | undefined

type Refusal = Pick<SettingsProblem, 'problem' | 'remedy'>

export function findFile(env: Env, program: string, script: string): Found {
  if (script !== '') return readSettingsFile(script, true, true)
  const named = env['UPLOAD_CGI_CONFIG'] || env['REDIRECT_UPLOAD_CGI_CONFIG'] || ''
  if (named !== '' && !isAbsolute(named)) {
    const where = 'UPLOAD_CGI_CONFIG'
    const remedy = 'name the file by its whole path, beginning with /'
    return { problem: { key: 'config', where, problem: `"${named}" is not absolute`, remedy } }
  }
  if (named !== '') return readSettingsFile(named, true)
  return usualPaths(program).reduce<Found>(
    (found, path) => found ?? readSettingsFile(path, false),
    undefined,
  )
}

/** Where findFile() looks. */
export function settingsPaths(env: Env, program: string, script: string): readonly string[] {
  const named = script || env['UPLOAD_CGI_CONFIG'] || env['REDIRECT_UPLOAD_CGI_CONFIG'] || ''
  return named === '' ? usualPaths(program) : [named]
}

/** Changes when findFile() may find another file at these paths, or another text in it. */
export function settingsStamp(paths: readonly string[]): string {
  return paths.map(stampOf).join()
}

function stampOf(path: string): string {
  const stats = attempt(() => statSync(path, { throwIfNoEntry: false }))
  if (stats === undefined) return ''
  const stamp = `${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`
  // Within one tick of the file system's clock, another text of the same size has the same stamp.
  const isSettled = Math.abs(Date.now() - stats.ctimeMs) > longestTickMilliseconds
  return isSettled ? stamp : `${stamp} ${process.hrtime.bigint()}`
}

function usualPaths(program: string): string[] {
  return [resolve(dirname(program), '.htupload.toml'), '/etc/upload-cgi.toml']
}

function readSettingsFile(path: string, isRequired: boolean, isScript = false): Found {
  let fd = -1
  try {
    // Most requests find no file here. Making an error for that would cost more than all the rest.
    if (!isRequired && statSync(path, { throwIfNoEntry: false }) === undefined) return undefined
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    // The open file is checked: another one may get its name at any time.
    const stats = fstatSync(fd)
    const refusal = unreadable(stats) ?? reasonForDistrust(path, stats, isScript)
    if (refusal !== undefined) return { problem: { key: 'config', where: path, ...refusal } }
    const bytes = readFileSync(fd)
    const wrong = notUtf8(bytes)
    if (wrong !== undefined) return { problem: { key: 'config', where: path, ...wrong } }
    // Editors of Windows put a byte order mark first.
    return { path, text: bytes.toString('utf8').replace(/^\ufeff/, '') }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (!isRequired && (code === 'ENOENT' || code === 'ENOTDIR')) return undefined
    const problem =
      code === 'ENOENT'
        ? 'this settings file is named, but not there'
        : `user ${process.geteuid?.()} cannot read the settings file (${code})`
    const remedy = code === 'ENOENT' ? writingRemedy(path) : readingRemedy(path)
    return { problem: { key: 'config', where: path, problem, remedy } }
  } finally {
    if (fd !== -1) closeSync(fd)
  }
}

/**
 * Whoever can write the settings can make this program write wherever it may. A settings script
 * that belongs to neither root, nor this process, nor the owner of its directory may be one that
 * somebody else put there for us to run.
 */
function reasonForDistrust(
  path: string,
  { mode, uid }: Stats,
  isScript: boolean,
): Refusal | undefined {
  if ((mode & 0o002) !== 0) {
    return { problem: 'everybody may write to the settings', remedy: closingRemedy(path) }
  }
  const owners = [0, process.geteuid?.(), isScript ? statSync(dirname(path)).uid : uid]
  if (owners.includes(uid)) return undefined
  const problem =
    `the settings script belongs to user ${uid}, ` +
    'who is neither the owner of its directory nor the user this program runs as'
  return { problem, remedy: `chown ${statSync(dirname(path)).uid} ${path}` }
}

function writingRemedy(path: string): string {
  return `${process.execPath} init --directory /srv/uploads > ${path}`
}

/** Not for everybody: it may hold a passphrase. */
function readingRemedy(path: string): string {
  const group = process.getegid?.()
  return `chgrp ${group} ${path} && chmod 640 ${path}   # without root: chmod 644 ${path}`
}

/** On some file systems permissions come from the mount, and chmod has no effect. */
function closingRemedy(path: string): string {
  const option = mountOptions.get(statfsSync(path).type)
  const mount = `mount its file system with ${option}, since chmod has no effect there`
  return option === undefined ? `chmod o-w ${path}` : mount
}

function unreadable(stats: Stats): Refusal | undefined {
  if (!stats.isFile()) {
    return { problem: 'the settings are no plain file', remedy: 'name a plain file' }
  }
  if (stats.size <= maxSettingsBytes) return undefined
  const remedy = 'settings are a few lines; is this another file?'
  return { problem: 'the settings file is over 1 MB', remedy }
}

function notUtf8(bytes: Buffer): Refusal | undefined {
  const { isUtf8 } = process.getBuiltinModule('node:buffer')
  const start = bytes.subarray(0, 2).toString('latin1')
  // Without the mark, one byte of the first character is NUL if it is of ASCII.
  const isUtf16 = start === '\xff\xfe' || start === '\xfe\xff' || start.includes('\0')
  if (!isUtf16 && isUtf8(bytes)) return undefined
  const coding = isUtf16 ? 'UTF-16' : 'not UTF-8'
  const remedy = 'save it as UTF-8: editors have that beside "Save as"; or use iconv'
  return { problem: `the settings file is ${coding}`, remedy }
}

const longestTickMilliseconds = 50
const maxSettingsBytes = 1_000_000
/** By the number of the file system in statfs(2). */
const mountOptions: ReadonlyMap<number, string> = new Map([
  [0xff534d42, 'file_mode=0644,dir_mode=0755'], // CIFS
  [0xfe534d42, 'file_mode=0644,dir_mode=0755'], // SMB 2
  [0x01021997, 'metadata (automount options in /etc/wsl.conf)'], // 9p, as WSL has it
  [0x4d44, 'umask=022'], // FAT
  [0x2011bab0, 'umask=022'], // exFAT
  [0x5346544e, 'umask=022'], // NTFS
  [0x65735546, 'umask=022'], // FUSE: NTFS, FAT, SSH and others
])
