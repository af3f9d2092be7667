// Whether the upload directory can be used at all, checked for each request. It refuses a directory
// that is missing, that this user may not write to, that holds the program, or whose files the web
// server shows.

import { accessSync, constants, realpathSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { Fault } from '../fault.ts'
import type { Settings } from '../settings/settings.ts'
import { translated } from './files.ts'

/**
 * The real path of the directory. It is resolved once, so that a symlink that changes meanwhile
 * cannot divert half of an upload. Throws DIRECTORY_UNUSABLE with the reason as its cause.
 * `documentRoot`: '' when the server has none.
 */
export function usableDirectory(
  settings: Settings,
  documentRoot: string,
  programFile: string,
): string {
  const directory = translated(() => {
    const path = realpathSync.native(settings.directory)
    accessSync(path, constants.W_OK | constants.X_OK)
    return path
  })
  if (!translated(() => statSync(directory)).isDirectory())
    throw unusableFault(directory, 'is not a directory')
  if (directory === dirname(realOrSame(programFile))) {
    throw unusableFault(directory, 'is the directory of the program itself: choose another one')
  }
  const root = documentRoot === '' ? '' : realOrSame(documentRoot)
  if (root !== '' && !settings.allowPublicDirectory && isWithin(directory, root)) {
    throw unusableFault(
      directory,
      `is inside the site's document root ${root}, where the web server shows files to everyone: ` +
        'choose a directory outside, or set allow_public_directory = true',
    )
  }
  return directory
}

function unusableFault(directory: string, reason: string): Fault {
  return new Fault('DIRECTORY_UNUSABLE', '', new Error(`${directory} ${reason}`))
}

function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith('/') ? root : `${root}/`)
}

function realOrSame(path: string): string {
  try {
    return realpathSync.native(path)
  } catch {
    return path
  }
}
