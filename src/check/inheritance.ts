// What stored files do not inherit from the upload directory: its group, while uploads that began
// before it was changed keep `incoming/` in use; its default ACL (acl(5)), which requests cannot
// read; and what `file_mode` takes from an ACL. It only reads and reports; without getfacl(1) it
// says nothing of ACLs.

import { lstatSync, statSync } from 'node:fs'
import { type Finding, modeText, quoted, warning } from '../finding.ts'
import type { LoadedSettings } from '../settings/settings.ts'
import { Folder, inherits } from '../storage/folder.ts'
import { attempt } from '../system-error.ts'

/** `directory`: as usableDirectory() returns it. Call it once uploads were tried there. */
export function inheritanceFindings(settings: LoadedSettings, directory: string): Finding[] {
  const { incoming } = new Folder(directory)
  return [
    ...groupFindings(directory, incoming),
    ...aclFindings(directory, incoming),
    ...maskFindings(settings, directory),
  ]
}

function groupFindings(directory: string, incoming: string): Finding[] {
  const found = attempt(() => lstatSync(incoming))
  const wanted = statSync(directory)
  if (found === undefined || inherits(found, wanted)) return []
  const isSetgid = (wanted.mode & 0o2000) !== 0
  const message =
    `files get another group than ${directory} hands down, until the unfinished uploads in ` +
    `${incoming} have ended`
  const remedy = isSetgid
    ? `chgrp ${wanted.gid} ${quoted(incoming)} && chmod g+s ${quoted(incoming)}`
    : `chmod g-s ${quoted(incoming)}`
  return [warning('GROUP_NOT_INHERITED', message, remedy)]
}

function aclFindings(directory: string, incoming: string): Finding[] {
  const wanted = defaultAcl(directory)
  const found = defaultAcl(incoming)
  if (wanted === undefined || found === undefined || wanted === found) return []
  const message = `the default ACL of ${directory} is not that of ${incoming}, where files are made`
  const remove = `setfacl -k ${quoted(incoming)}`
  const copy = `getfacl -cpd ${quoted(directory)} | setfacl -d -M- ${quoted(incoming)}`
  const remedy = wanted === '' ? remove : `${remove} && ${copy}`
  return [warning('ACL_NOT_INHERITED', message, remedy)]
}

/** Of a file with an ACL, the mode of the group limits what everybody else in the ACL may do. */
function maskFindings({ fileMode }: LoadedSettings, directory: string): Finding[] {
  const entries = (defaultAcl(directory) ?? '').split('\n')
  const mask = rights(entries.find((entry) => entry.startsWith('mask:')) ?? '')
  const masked = entries.filter(
    (entry) =>
      /^(user|group):[^:]+:/.test(entry) && (rights(entry) & mask & ~(fileMode >> 3) & 0o6) !== 0,
  )
  if (masked.length === 0) return []
  const message = `the default ACL gives ${masked.join(', ')}, but file_mode takes some of it back`
  const needed = masked.reduce(
    (mode, entry) => mode | ((rights(entry) & mask & 0o6) << 3),
    fileMode,
  )
  return [warning('ACL_MASKED', message, `file_mode = "${modeText(needed)}"`)]
}

function rights(entry: string): number {
  return (/:r..$/.test(entry) ? 4 : 0) | (/:.w.$/.test(entry) ? 2 : 0)
}

/** As getfacl(1) writes it; '' when there is none, undefined when that cannot be found out. */
function defaultAcl(path: string): string | undefined {
  const { spawnSync } = process.getBuiltinModule('node:child_process')
  const args = ['-cpdE', '--', path]
  const { status, stdout } = spawnSync('getfacl', args, { encoding: 'utf8', timeout: 5000 })
  return status === 0 ? stdout.trim() : undefined
}
