// `upload.cgi fastcgi`: answers FastCGI on a socket of its own making, for a supervisor that hands
// over none. It refuses addresses that other machines reach, since the protocol proves nothing of
// who speaks it; and every TCP address where `require_user` is set.

import { chmodSync, chownSync, lstatSync, readFileSync, unlinkSync } from 'node:fs'
import { forgeryProblem, type Place, serveFastCgi } from '../driver/fastcgi.ts'
import { loadSettings } from '../settings/load.ts'
import { problemText } from '../settings/settings.ts'
import { attempt } from '../system-error.ts'
import { failed } from './terminal.ts'

type Values = {
  readonly socket?: string | undefined
  readonly 'socket-mode'?: string | undefined
  readonly 'socket-group'?: string | undefined
  readonly listen?: string | undefined
}

/** Resolves when it listens; the program then runs until it is stopped. */
export async function fastCgi(values: Values, script: string): Promise<number> {
  const { socket, listen } = values
  if ((socket === undefined) === (listen === undefined)) {
    return failed(64, 'name one: --socket PATH or --listen 127.0.0.1:9000')
  }
  return socket === undefined ? onAddress(listen ?? '', script) : onPath(socket, values, script)
}

async function onAddress(listen: string, script: string): Promise<number> {
  const match = /^(127(?:\.\d{1,3}){3}|\[::1\]|localhost):(\d{1,5})$/.exec(listen)
  const [, host = '', port = ''] = match ?? []
  if (match === null || Number(port) > 65_535) {
    return failed(64, '--listen takes a loopback address with its port, as 127.0.0.1:9000')
  }
  const place = { host: host.replace(/[[\]]/g, ''), port: Number(port) }
  const problem = forgeryProblem(place, loadSettings(process.env, process.execPath, script))
  return problem === undefined ? start(place, script) : failed(78, problemText(problem))
}

async function onPath(path: string, values: Values, script: string): Promise<number> {
  const mode = values['socket-mode'] ?? '0660'
  if (!/^0?[0-7]{3}$/.test(mode)) return failed(64, '--socket-mode is octal, as 0660')
  const group = values['socket-group'] ?? ''
  const gid = group === '' ? undefined : groupNumber(group)
  if (gid === undefined && group !== '') return failed(64, `there is no group ${group}`)
  const other = lstatSync(path, { throwIfNoEntry: false })
  if (other !== undefined && !other.isSocket()) {
    return failed(73, `${path} is there and no socket: remove it, or name another path`)
  }
  if (other !== undefined) {
    if (await answers(path)) return failed(69, `another process listens on ${path}`)
    attempt(() => unlinkSync(path))
  }
  return start({ path }, script, () => {
    if (gid !== undefined) chownSync(path, -1, gid)
    chmodSync(path, Number.parseInt(mode, 8))
  })
}

function loadInspect() {
  return import('../check/inspect.ts').then(({ inspect }) => inspect)
}

async function start(place: Place, script: string, then = () => {}): Promise<number> {
  // Nobody connects to a socket before its mode and group are right.
  const usual = process.umask(0o177)
  try {
    await serveFastCgi([place], script, loadInspect)
    then()
    return 0
  } catch (error) {
    return failed(69, `cannot listen: ${error instanceof Error ? error.message : error}`)
  } finally {
    process.umask(usual)
  }
}

/** Whether a process listens there: a socket that one left behind refuses connections. */
function answers(path: string): Promise<boolean> {
  const { connect } = process.getBuiltinModule('node:net')
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', (error) => resolve(!('code' in error && error.code === 'ECONNREFUSED')))
  })
}

/** By name, from the system's own file, or the number itself. */
function groupNumber(group: string): number | undefined {
  if (/^\d+$/.test(group)) return Number(group)
  const lines = attempt(() => readFileSync('/etc/group', 'utf8'))?.split('\n') ?? []
  const fields = lines.map((line) => line.split(':')).find(([name]) => name === group)
  return fields === undefined ? undefined : Number(fields[2])
}
