// Which way in? A web server sets GATEWAY_INTERFACE, or at least REQUEST_METHOD and
// SERVER_PROTOCOL, and gets CGI; a person at a terminal gets the command line. In CGI mode
// arguments are never options: servers turn `?a+b` into them (RFC 3875 section 4.4). The only file
// whose top level runs. process.argv is [executable, as called, arguments …].

import { closeSync, openSync, readSync, realpathSync } from 'node:fs'
import type { Inspect } from './app/exchange.ts'
import { runCgi } from './driver/cgi.ts'
import { loadSettings } from './settings/load.ts'
import type { LoadedSettings } from './settings/settings.ts'

const scriptArgument = process.argv[2] ?? ''

const { GATEWAY_INTERFACE, REQUEST_METHOD, SERVER_PROTOCOL } = process.env
const isRequest = REQUEST_METHOD !== undefined && SERVER_PROTOCOL !== undefined

if (GATEWAY_INTERFACE !== undefined || isRequest) {
  const script = isRunningScript(scriptArgument) ? realpathSync(scriptArgument) : ''
  const settings = loadSettings(process.env, process.execPath, script)
  if (settings.debug) {
    // The check wing is a bundle of its own, which no other request reads.
    import('./check/inspect.ts').then(({ inspect }) => answer(settings, inspect))
  } else answer(settings)
} else {
  const isNamed = scriptArgument.includes('/') && isSettingsScript(scriptArgument)
  const script = isNamed ? realpathSync(scriptArgument) : ''
  const args = process.argv.slice(script === '' ? 2 : 3)
  import('./command/run.ts').then(({ runCommand }) => runCommand(args, script))
}

function answer(settings: LoadedSettings, inspect?: Inspect): void {
  runCgi(process.env, settings, inspect)
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
