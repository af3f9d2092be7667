// The FastCGI driver: a process that stays and answers the connections of a listening socket, many
// at a time. A server or a supervisor starts it, several of them on one socket where one is not
// enough. Settings are read anew when their file changes. SIGTERM and SIGUSR1 end it after the
// requests that run, after a minute at the latest.

import { writeSync } from 'node:fs'
import type { Server, Socket } from 'node:net'
import { open } from '../app/app.ts'
import type { Inspect } from '../app/exchange.ts'
import { route } from '../app/route.ts'
import { steadyMilliseconds } from '../clock.ts'
import type { Reply } from '../http/reply.ts'
import { type Env, parseRequest } from '../http/request.ts'
import { settingsPaths, settingsStamp } from '../settings/file.ts'
import { loadSettings } from '../settings/load.ts'
import type { LoadedSettings, SettingsProblem } from '../settings/settings.ts'
import { attempt } from '../system-error.ts'
import { startDeliverer } from './deliverer.ts'
import { FastCgiConnection, type Host, type Params } from './fastcgi-connection.ts'
import { Reading } from './fastcgi-socket.ts'
import { stackOf } from './stack.ts'

/** Where the process listens: a descriptor that it was given, or an address of its own. */
export type Place =
  | { readonly fd: number }
  | { readonly path: string }
  | { readonly host: string; readonly port: number }

/**
 * Nothing of the protocol proves who speaks it, and each user of this machine reaches its TCP
 * addresses. Undefined where that does no harm.
 */
export function forgeryProblem(
  place: Place,
  { requireUser }: Pick<LoadedSettings, 'requireUser'>,
): SettingsProblem | undefined {
  if (!requireUser || !('port' in place)) return undefined
  const problem = 'on a TCP address any user of this machine could claim to be anybody'
  return { key: 'require_user', where: 'require_user', problem, remedy: 'use --socket PATH' }
}

/**
 * `script`: the settings script through which the program was started; '' for none. `loadInspect`
 * gives what Program has as `inspect`; it is called when `debug` is set.
 */
export function serveFastCgi(
  places: readonly Place[],
  script: string,
  loadInspect: () => Promise<Inspect>,
): Promise<readonly Server[]> {
  boundMemory()
  const connections = new Set<FastCgiConnection>()
  const host = hostOf(process.env, script, places, loadInspect)
  const reading = new Reading(bufferBytes)
  const accept = (accepted: Socket) => {
    const socket = reading.begin(accepted, (bytes) => connection.receive(bytes))
    const connection = new FastCgiConnection(socket, host)
    connections.add(connection)
    socket.on('close', () => connections.delete(connection))
  }
  const { createServer } = process.getBuiltinModule('node:net')
  const options = { allowHalfOpen: true, noDelay: true, pauseOnConnect: true }
  const servers = places.map(() => createServer(options, accept))
  const look = () => {
    for (const connection of connections) connection.closeIfStuck()
  }
  setInterval(look, lookMilliseconds).unref()
  const finish = () => {
    for (const server of servers) server.close()
    for (const connection of connections) connection.finish()
    const closeIdle = () => {
      for (const connection of connections) connection.closeIfIdle()
    }
    setTimeout(closeIdle, unreadMilliseconds).unref()
    // What does not end by itself is ended: a supervisor would do it less gently.
    setTimeout(() => process.exit(), lastMilliseconds).unref()
  }
  process.on('SIGTERM', finish)
  process.on('SIGUSR1', finish)
  return Promise.all(servers.map((server, i) => listening(server, places[i])))
}

/**
 * Resolves when it listens; rejects with the error of bind(2) or listen(2). After that, an error of
 * a server ends the process: its supervisor starts another.
 */
function listening(server: Server, place: Place | undefined): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ ...place, backlog }, () => {
      server.off('error', reject)
      resolve(server)
    })
  })
}

function hostOf(
  env: Env,
  script: string,
  places: readonly Place[],
  loadInspect: () => Promise<Inspect>,
): Host {
  const file = process.execPath
  const say = (line: Uint8Array) => void attempt(() => writeSync(2, line))
  const stack = (error: Error) => stackOf(error, file)
  const paths = settingsPaths(env, file, script)
  const forms = new Map<string, Reply>()
  const directories = new Map<string, string>()
  let emptiedAt = 0
  let stamp: string | undefined
  const load = () => withForgery(loadSettings(env, file, script), places)
  let settings = load()
  let inspect: Inspect | undefined
  const prepare = () => {
    if (!settings.debug || inspect !== undefined) return
    loadInspect().then((loaded) => {
      inspect = loaded
    })
  }
  prepare()
  const current = (): LoadedSettings => {
    const found = settingsStamp(paths)
    const now = steadyMilliseconds()
    if (found !== stamp) {
      settings = load()
      prepare()
      forms.clear()
    }
    if (found !== stamp || now - emptiedAt > believedMilliseconds) {
      directories.clear()
      emptiedAt = now
    }
    stamp = found
    return settings
  }
  return {
    open(params, say) {
      const deliver = () => void attempt(() => startDeliverer(file, process.env, settings.file))
      const program = { file, say, stackOf: stack, deliver, inspect, kept: { forms, directories } }
      const request = parseRequest(endedByRecord(params))
      return open(request, refusingSettings(current(), params), program, route)
    },
    say,
    milliseconds: steadyMilliseconds,
  }
}

/**
 * Only the process's own environment chooses settings. A parameter that looks like one is a
 * mistake of the server's configuration, and nobody should believe that it has an effect.
 */
function refusingSettings(settings: LoadedSettings, params: Params): LoadedSettings {
  const names = Object.keys(params).filter((name) => /^(REDIRECT_)?UPLOAD_CGI_/.test(name))
  if (names.length === 0) return settings
  const problems = names.map((where): SettingsProblem => {
    const problem = 'a parameter of a FastCGI request sets nothing'
    const remedy = 'set it in the settings file, or in the environment of the process'
    return { key: '', where, problem, remedy }
  })
  return { ...settings, problems: [...settings.problems, ...problems] }
}

/** `require_user` may be set while the process runs. */
function withForgery(settings: LoadedSettings, places: readonly Place[]): LoadedSettings {
  const problems = places.flatMap((place) => forgeryProblem(place, settings) ?? [])
  return { ...settings, problems: [...settings.problems, ...problems] }
}

/**
 * In HTTP/2 a body needs neither a length nor a transfer coding (RFC 9113 section 8.1), and nginx
 * invents none where it does not store the body first. The end is a record then, as that of a
 * chunked one is.
 */
function endedByRecord(params: Params): Params {
  const { SERVER_PROTOCOL = '', CONTENT_LENGTH = '', CONTENT_TYPE = '' } = params
  const isOpen = /^HTTP\/[23]/.test(SERVER_PROTOCOL) && CONTENT_LENGTH === ''
  return isOpen && CONTENT_TYPE !== '' ? { ...params, HTTP_TRANSFER_ENCODING: 'chunked' } : params
}

/**
 * V8 lets its young generation grow to some hundred MB before it looks for garbage. A request needs
 * a few hundred KB: with these limits a process stays under 80 MB, and is no slower.
 */
function boundMemory(): void {
  const { setFlagsFromString } = process.getBuiltinModule('node:v8')
  setFlagsFromString('--max-semi-space-size=1')
  setFlagsFromString('--semi-space-growth-factor=1')
}

/** What one read(2) gives at most. */
const bufferBytes = 128 * 1024
const backlog = 511
const lookMilliseconds = 10_000
/** How long a place that was looked up is believed. */
const believedMilliseconds = 1000
const lastMilliseconds = 60_000
/** In which a request that the server sent before we stopped to accept is read. */
const unreadMilliseconds = 500
