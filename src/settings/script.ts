// A settings script: a file that begins with `#!` and the path of this executable, which the server
// runs instead of it. This process is told of it only by its arguments.

import { closeSync, openSync, readSync, realpathSync } from 'node:fs'

/** The real path of the settings script through which the server runs this; '' for none. */
export function runningScript([, , argument = '']: readonly string[]): string {
  return isRunningScript(argument) ? realpathSync(argument) : ''
}

/** As runningScript(), for a person at a terminal. */
export function namedScript([, , argument = '']: readonly string[]): string {
  const isNamed = argument.includes('/') && isSettingsScript(argument)
  return isNamed ? realpathSync(argument) : ''
}

/**
 * A settings script names itself through the kernel, which puts its path first: relative if the
 * server called it so, as suexec does. A query could put any path there, so it counts only if it is
 * the file that the server says it runs.
 */
function isRunningScript(path: string): boolean {
  const named = process.env['SCRIPT_FILENAME'] ?? ''
  return path !== '' && named !== '' && isSameFile(path, named) && isSettingsScript(path)
}

function isSameFile(one: string, other: string): boolean {
  try {
    return realpathSync(one) === realpathSync(other)
  } catch {
    return false
  }
}

/** A file that begins with `#!`, and not the executable itself. */
function isSettingsScript(path: string): boolean {
  if (isSameFile(path, process.execPath)) return false
  try {
    const fd = openSync(path, 'r')
    const bytes = Buffer.alloc(2)
    readSync(fd, bytes, 0, 2, 0)
    closeSync(fd)
    return bytes.toString('latin1') === '#!'
  } catch {
    return false
  }
}
