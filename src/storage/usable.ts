// The directory that uploads go to, as a whole: whether it can be used, how much room it has, making it
// durable. Called by app.ts before each request, by store.ts and by the command `check`. Reads only;
// what lies inside is store.ts's alone.

import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  openSync,
  realpathSync,
  statfsSync,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { Fault } from '../fault.ts'
import type { Settings } from '../settings/settings.ts'
import { errorCode } from '../system-error.ts'
import { translated } from './files.ts'

/**
 * The real path, resolved once so that a symlink changed meanwhile cannot divert half of an upload.
 * Throws DIRECTORY_UNUSABLE with the reason as its cause. `documentRoot`: '' when the server has none.
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
    throw unusable(directory, 'is not a directory')
  if (directory === dirname(realOrSame(programFile))) {
    throw unusable(directory, 'is the directory of the program itself: choose another one')
  }
  const root = documentRoot === '' ? '' : realOrSame(documentRoot)
  if (root !== '' && !settings.allowPublicDirectory && isWithin(directory, root)) {
    throw unusable(
      directory,
      `lies inside the site's document root ${root}, where the web server shows files to everyone: ` +
        'choose a directory outside, or set allow_public_directory = true',
    )
  }
  return directory
}

/** Bytes that we may still write there; undefined where the file system does not tell. */
export function freeBytes(directory: string): number | undefined {
  const { blocks, bavail, bsize } = statfsSync(directory)
  return blocks > 0 ? bavail * bsize : undefined
}

/** A new name is only safe on ext4 and XFS once its directory is (Pillai et al., OSDI 2014). */
export function syncDirectory(directory: string): void {
  let fd = -1
  try {
    fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY)
    fsyncSync(fd)
  } catch (error) {
    // Some network and FUSE file systems cannot do it; a directory that may not be listed cannot be
    // opened for it. Everything else is a failure.
    if (errorCode(error) !== 'EINVAL' && !(fd === -1 && errorCode(error) === 'EACCES')) throw error
  } finally {
    if (fd !== -1) closeSync(fd)
  }
}

function unusable(directory: string, reason: string): Fault {
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
