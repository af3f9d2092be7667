// Which way in? A web server sets GATEWAY_INTERFACE, or at least REQUEST_METHOD and
// SERVER_PROTOCOL, and gets CGI. A program that was started with a listening socket and without
// arguments speaks FastCGI on it. A person at a terminal gets the command line. In CGI mode
// arguments are never options: servers turn `?a+b` into them (RFC 3875 section 4.4). Beside
// form.ts, which comes before it for a GET, the only file whose top level runs. process.argv is
// [executable, as called, arguments …].

import { fstatSync, writeSync } from 'node:fs'
import type { Inspect } from './app/exchange.ts'
import { route } from './app/route.ts'
import { runCgi } from './driver/cgi.ts'
import { parseRequest } from './http/request.ts'
import { loadSettings } from './settings/load.ts'
import { namedScript, runningScript } from './settings/script.ts'

const firstSystemdFd = 3

const { GATEWAY_INTERFACE, REQUEST_METHOD, SERVER_PROTOCOL } = process.env
const isRequest = REQUEST_METHOD !== undefined && SERVER_PROTOCOL !== undefined

if (GATEWAY_INTERFACE !== undefined || isRequest) {
  const request = parseRequest(process.env)
  const settings = loadSettings(process.env, process.execPath, runningScript(process.argv))
  if (settings.debug) {
    loadInspect().then((inspect) => runCgi(request, settings, route, inspect))
  } else runCgi(request, settings, route)
} else {
  const script = namedScript(process.argv)
  const args = process.argv.slice(script === '' ? 2 : 3)
  const sockets = args.length === 0 ? inheritedSockets() : []
  if (sockets.length > 0) {
    import('./driver/fastcgi.ts').then(({ serveFastCgi }) => {
      return serveFastCgi(sockets, script, loadInspect)
    })
  } else import('./command/run.ts').then(({ runCommand }) => runCommand(args, script))
}

/** The room `check` is a bundle of its own, which is read only with `debug`. */
function loadInspect(): Promise<Inspect> {
  return import('./check/inspect.ts').then(({ inspect }) => inspect)
}

/**
 * The listening sockets that we were started with: from systemd as sd_listen_fds(3) has them, from
 * all others as descriptor 0.
 */
function inheritedSockets(): { fd: number }[] {
  const { LISTEN_PID, LISTEN_FDS } = process.env
  const isSystemd = LISTEN_PID === String(process.pid)
  const count = isSystemd ? Number(LISTEN_FDS) || 0 : 0
  if (count > 0) return Array.from({ length: count }, (_, i) => ({ fd: firstSystemdFd + i }))
  return isListening(0) ? [{ fd: 0 }] : []
}

/**
 * Writing nothing succeeds on a socket that is connected, and fails on one that listens: with EPIPE
 * over TCP, with ENOTCONN on a Unix socket.
 */
function isListening(fd: number): boolean {
  try {
    if (!fstatSync(fd).isSocket()) return false
    writeSync(fd, new Uint8Array(0))
    return false
  } catch (error) {
    return (
      error instanceof Error && 'code' in error && /^(EPIPE|ENOTCONN)$/.test(String(error.code))
    )
  }
}
