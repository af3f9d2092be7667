// Whether a directory must not receive uploads because of where it is: everybody could read them,
// the server could run them, or they could replace the program or the owner's own files. Requests
// refuse such a directory and `check` reports it, both by this file, with another one to choose.

import { realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, sep } from 'node:path'
import type { LoadedSettings } from '../settings/settings.ts'
import { attempt } from '../system-error.ts'

/** As http/site.ts reads it from a request. At a terminal only `program` is known. */
export type Site = {
  readonly documentRoots: readonly string[]
  readonly program: string
  /** '' when the server shows nothing of its folder. */
  readonly script: string
}

export type Exposure = {
  readonly code: 'DIRECTORY_PUBLIC' | 'DIRECTORY_OF_PROGRAM' | 'OWN_FILE_INSIDE'
  /** What follows the path of the directory in a sentence. */
  readonly reason: string
  readonly remedy: string
}

/** `directory`: as realPlace() has it. Undefined when it may receive uploads. */
export function exposureOf(
  directory: string,
  settings: LoadedSettings,
  site: Site,
): Exposure | undefined {
  return (
    programInside(directory, site) ??
    (settings.allowPublicDirectory ? undefined : publicPlace(directory, site)) ??
    ownFileInside(directory, settings)
  )
}

/**
 * The folder of the site that contains the path; '' when none does. The server names that folder,
 * and the usual names of such folders tell where it does not (at a terminal, or with per-user
 * directories).
 */
export function siteOf(path: string, documentRoots: readonly string[]): string {
  const root = documentRoots.flatMap(realAndWritten).find((one) => isWithin(path, one))
  if (root !== undefined) return root
  const parts = path.split(sep)
  const at = parts.findIndex((part, i) => isSiteName(part, parts[i - 1] ?? ''))
  return at < 1 ? '' : parts.slice(0, at + 1).join(sep)
}

/**
 * The setting that names another directory. `exposed`: the folder that the server shows, or whose
 * programs it runs; beside it, whoever owns the folder above has room.
 */
export function otherDirectory(exposed: string): string {
  const above = dirname(exposed)
  const isOfRoot = (attempt(() => statSync(above).uid) ?? 0) === 0
  return `directory = ${JSON.stringify(isOfRoot ? '/srv/uploads' : join(above, 'uploads'))}`
}

/** The real path, also of what does not exist yet, or is in a folder that nobody may enter. */
export function realPlace(path: string): string {
  const found = attempt(() => realpathSync.native(path))
  if (found !== undefined || path === dirname(path)) return found ?? path
  return join(realPlace(dirname(path)), basename(path))
}

/** Uploads could take the place of the program, or get into the folder from which it runs. */
function programInside(directory: string, { program, script }: Site): Exposure | undefined {
  const inside = [program, script].find(
    (path) => path !== '' && isWithin(realPlace(path), directory),
  )
  if (inside === undefined) return undefined
  const isSame = directory === dirname(realPlace(inside))
  const reason = isSame
    ? 'is the directory of the program itself'
    : `contains the program ${inside}`
  return { code: 'DIRECTORY_OF_PROGRAM', reason, remedy: otherDirectory(directory) }
}

function publicPlace(directory: string, { documentRoots, script }: Site): Exposure | undefined {
  const code = 'DIRECTORY_PUBLIC'
  const root = siteOf(directory, documentRoots)
  if (root !== '') {
    const reason = `is inside the site ${root}, where the web server shows files to everyone`
    const remedy = `${otherDirectory(root)}   # or: allow_public_directory = true`
    return { code, reason, remedy }
  }
  const folder = script === '' ? '' : dirname(realPlace(script))
  if (folder === '' || !isWithin(directory, folder)) return undefined
  const reason = `is below ${folder}, where the web server runs programs`
  return { code, reason, remedy: otherDirectory(folder) }
}

/** An upload could replace it, and with the settings everything that they forbid. */
function ownFileInside(directory: string, settings: LoadedSettings): Exposure | undefined {
  const files = [
    ['the settings', settings.file],
    ['log_file', settings.logFile],
    ['stylesheet', settings.stylesheet],
    ['logo', settings.logo],
  ] as const
  const inside = files.find(([, path]) => path !== '' && isInside(path, directory))
  if (inside === undefined) return undefined
  const [name, path] = inside
  const reason = `contains ${name} (${path}), which an upload could replace`
  return { code: 'OWN_FILE_INSIDE', reason, remedy: 'keep it in another directory' }
}

/** The name is there, or what a symbolic link of this name leads to. */
function isInside(path: string, directory: string): boolean {
  const named = join(realPlace(dirname(path)), basename(path))
  return [named, realPlace(path)].some((one) => isWithin(one, directory))
}

/**
 * The usual names. Debian: /var/www/html; cPanel and DirectAdmin: public_html; Plesk: httpdocs;
 * Alpine and others: htdocs.
 */
function isSiteName(part: string, before: string): boolean {
  return (
    /^(public_html|private_html|htdocs|httpdocs|wwwroot)$/.test(part) ||
    (part === 'html' && before === 'www')
  )
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}

function realAndWritten(path: string): readonly string[] {
  const written = path.replace(/(?<=.)\/+$/, '')
  return [realPlace(written), written]
}
