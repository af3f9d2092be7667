// Tells whoever watches the directory (inotify's CLOSE_WRITE, as `inotifywait` and editors use it)
// that a stored file is complete: link(2) and rename(2) alone do not say so. At best effort: a mode
// without write permission, for one, keeps a program that is not root from opening the file.

import { closeSync, constants, openSync } from 'node:fs'
import { attempt } from '../system-error.ts'

/** Opens each file for writing, writes nothing, and closes it. Never throws. */
export function announce(paths: readonly string[]): void {
  for (const path of paths) {
    const fd = attempt(() => openSync(path, openFlags))
    if (fd !== undefined) attempt(() => closeSync(fd))
  }
}

const openFlags = constants.O_WRONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
