// What `check` says of the upload directory: where it is, who else can read or write it, and which
// file system it is on. It only reads and reports; usable.ts refuses a directory.

import { lstatSync, statSync } from 'node:fs'
import { sep } from 'node:path'
import { type Finding, fine, modeText, quoted, warning } from '../finding.ts'
import type { LoadedSettings } from '../settings/settings.ts'
import { openInspectedStorage } from '../storage/findings.ts'
import { attempt } from '../system-error.ts'
import { siteOf } from './exposure.ts'
import { mountOf } from './mounts.ts'

/** `directory`: as usableDirectory() returns it. */
export function directoryFindings(
  settings: LoadedSettings,
  directory: string,
  documentRoot: string,
): Finding[] {
  return [
    fine('DIRECTORY', `directory: ${directory}${linkNote(settings.directory)}`),
    ...exposureFindings(settings, directory, documentRoot),
    ...mountFindings(directory),
    ...openInspectedStorage(settings, directory).findings(),
  ]
}

function linkNote(path: string): string {
  return attempt(() => lstatSync(path))?.isSymbolicLink()
    ? ` (${path} is a symbolic link to it)`
    : ''
}

/** Who else can read the files or write to the directory. */
function exposureFindings(
  settings: LoadedSettings,
  directory: string,
  documentRoot: string,
): Finding[] {
  const findings: Finding[] = []
  const site = siteOf(directory, documentRoot)
  if (site !== '' && settings.allowPublicDirectory) {
    const message = `the directory is in ${site}: everyone may read what is uploaded`
    findings.push(
      warning(
        'DIRECTORY_PUBLIC',
        message,
        'choose a directory outside the site, unless you want this',
      ),
    )
  } else if (site !== '') {
    const message =
      `the directory seems to be in a site (${site}); within its document root uploads are ` +
      'refused'
    const remedy = 'choose a directory outside, or set allow_public_directory = true'
    findings.push(warning('DIRECTORY_PUBLIC', message, remedy))
  }
  if (directory.split(sep).includes('cgi-bin')) {
    const message = `the directory is in a cgi-bin, where servers run what they find`
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
    const message = `what lies in ${directory} is lost, at the latest when this machine restarts`
    const remedy = 'choose a permanent directory; a service may also have a private /tmp'
    findings.push(warning('DIRECTORY_VOLATILE', message, remedy))
  }
  if (options.includes('sync')) {
    const message = `${point} is mounted with the option sync, which makes uploads slow`
    const remedy = `mount -o remount,async ${quoted(point)}   # durable = true is enough`
    findings.push(warning('MOUNT_SYNC', message, remedy))
  }
  return findings
}
