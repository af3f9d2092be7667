// What `check` says of the upload directory: where it is, who else can read or write it, and which
// file system it is on. It only reads and reports; usable.ts refuses a directory.

import { lstatSync, statSync } from 'node:fs'
import { join, sep } from 'node:path'
import { type Finding, failure, fine, modeText, quoted, warning } from '../finding.ts'
import type { LoadedSettings } from '../settings/settings.ts'
import { inert } from '../settings/table.ts'
import { otherDirectory, type Site, siteOf } from '../storage/exposure.ts'
import { openInspectedStorage } from '../storage/findings.ts'
import { attempt } from '../system-error.ts'
import { inheritanceFindings } from './inheritance.ts'
import { mountOf } from './mounts.ts'
import { quotaFindings } from './quotas.ts'

/** `directory`: as usableDirectory() returns it. */
export function directoryFindings(
  settings: LoadedSettings,
  directory: string,
  site: Site,
): Finding[] {
  return [
    fine('DIRECTORY', `directory: ${directory}${linkNote(settings.directory)}`),
    ...exposureFindings(settings, directory, site),
    ...mountFindings(directory),
    ...openInspectedStorage(settings, directory).findings(),
    ...inheritanceFindings(settings, directory),
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
  { documentRoots }: Site,
): Finding[] {
  const findings = settings.allowPublicDirectory
    ? publicFindings(settings, siteOf(directory, documentRoots) || directory)
    : []
  findings.push(...cgiBinFindings(directory))
  const { mode } = statSync(directory)
  if ((mode & 0o002) !== 0) {
    const message = `everybody on this machine may write to the directory (${modeText(mode)})`
    findings.push(warning('DIRECTORY_OPEN', message, `chmod o-w ${quoted(directory)}`))
  }
  return findings
}

/** `directory`: as realPlace() has it. */
export function cgiBinFindings(directory: string): Finding[] {
  const parts = directory.split(sep)
  if (!parts.includes('cgi-bin')) return []
  const message = `the directory is in a cgi-bin, where servers run what they find`
  const remedy = otherDirectory(join(sep, ...parts.slice(0, parts.indexOf('cgi-bin') + 1)))
  return [warning('DIRECTORY_IN_CGI_BIN', message, remedy)]
}

/** What a directory that everybody may read needs of the server and of the lists of extensions. */
function publicFindings({ allowExtensions }: LoadedSettings, place: string): Finding[] {
  const message = `everyone may read what is uploaded (${place})`
  const remedy =
    'let the server send X-Content-Type-Options: nosniff and Content-Disposition: attachment ' +
    'there and run no programs: docs/servers.md, "A public directory"; or choose a directory ' +
    'outside the site and remove allow_public_directory'
  const harmless = allowExtensions.filter((extension) => inert.includes(extension))
  const active = allowExtensions.filter((extension) => !inert.includes(extension))
  if (allowExtensions.length > 0 && active.length === 0) {
    return [warning('DIRECTORY_PUBLIC', message, remedy)]
  }
  const kinds = allowExtensions.length === 0 ? 'files of any kind' : active.join(', ').slice(0, 200)
  return [
    warning('DIRECTORY_PUBLIC', message, remedy),
    warning(
      'PUBLIC_KINDS',
      `allow_extensions takes ${kinds}: a browser may run them with the rights of the site`,
      harmless.length === 0
        ? 'remove allow_extensions: without that setting only harmless kinds are taken'
        : `allow_extensions = ${JSON.stringify(harmless)}`,
    ),
  ]
}

function mountFindings(directory: string): Finding[] {
  // In a chroot the system may tell of none.
  const mount = mountOf(directory) ?? { point: '', type: '', options: [] }
  const { point, type, options } = mount
  const findings =
    point === '' ? [] : [fine('FILE_SYSTEM', `file system: ${type}, mounted at ${point}`)]
  findings.push(...quotaFindings(directory, mount))
  const isEmptied = /^\/(tmp|var\/tmp|dev\/shm|run)(\/|$)/.test(directory)
  if (type === 'tmpfs' || type === 'ramfs' || isEmptied) {
    const message = `what is in ${directory} is lost, at the latest when this machine restarts`
    const remedy = 'choose a permanent directory; a service may also have a private /tmp'
    findings.push(warning('DIRECTORY_VOLATILE', message, remedy))
  }
  if (type === 'fuse.rclone') {
    const message = `${point} is an rclone mount: files can get lost there after their upload`
    const remedy =
      'upload to a local directory, and let `rclone move` carry the files on from there'
    findings.push(failure('MOUNT_LOSES_FILES', message, remedy))
  }
  if (options.includes('sync')) {
    const message = `${point} is mounted with the option sync, which makes uploads slow`
    const remedy = `mount -o remount,async ${quoted(point)}   # durable = true is enough`
    findings.push(warning('MOUNT_SYNC', message, remedy))
  }
  return findings
}
