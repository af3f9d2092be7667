// The trial server: an HTTP/1.1 server that starts a CGI program (RFC 3875) for every request, so
// that what works here works in cgi-bin. Bodies are streamed both ways with backpressure and never
// held in memory. When a client disconnects its program gets SIGTERM and, 3 s later, SIGKILL, as
// from Apache. What a program writes to stderr appears on the server's. Sixteen programs run at
// once; further requests wait. Refuses names that are not its own (host.ts). No TLS, no users.

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, resolve } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import type { Env } from '../../http/request.ts'
import { inheritedVariables, placeOf, requestVariables } from './environment.ts'
import { isKnownHost } from './host.ts'
import { refuse, sendReply } from './reply.ts'

export type ServerOptions = {
  /** The first port to try; 0 lets the system choose. */
  readonly port: number
  readonly host: string
  /** The names under which it answers; addresses and `localhost` are answered in any case. */
  readonly names: readonly string[]
  /** Started for every request: the executable or a settings script. */
  readonly program: string
  /** The program gets PATH and UPLOAD_CGI_* of it, and so its settings. */
  readonly env: Env
  /** Where files go, as shown to the person. */
  readonly directory: string
  /** More lines to print, such as what was assumed. */
  readonly notes: readonly string[]
}

/** close() ends every connection and every program, and resolves when they are gone. */
export type RunningServer = { readonly url: string; close(): Promise<void> }

/** Resolves when it listens and has said so on stdout; rejects when no port is free. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const program = resolve(options.program)
  const inherited = inheritedVariables(options.env)
  const children = new Set<Child>()
  const waiting = new Set<() => void>()
  // A slow upload is never cut: no requestTimeout. headersTimeout would then be 0 as well.
  const timeouts = { requestTimeout: 0, headersTimeout: 60_000, keepAliveTimeout: 60_000 }
  const server = createServer(timeouts, (request, response) => {
    const isOurs = isKnownHost(request.headers.host, options.names)
    const place = isOurs ? placeOf(request, program) : 421
    if (typeof place === 'number') {
      refuse(request, response, place)
      return
    }
    const env = { ...inherited, ...requestVariables(request, place) }
    const begin = () => {
      waiting.delete(begin)
      const child = start(program, env, (error) => {
        complain(`${program} cannot be started: ${error.message}`)
        refuse(request, response, 502)
      })
      if (child === undefined) return
      children.add(child)
      child.once('exit', () => {
        children.delete(child)
        for (const next of waiting) return next()
      })
      connect(child, request, response)
    }
    if (children.size < mostChildren) return begin()
    waiting.add(begin)
    response.once('close', () => waiting.delete(begin))
  })
  const port = await listen(server, options.port, options.host)
  const isAnywhere = ['0.0.0.0', '::', ''].includes(options.host)
  const host = options.host.includes(':') ? `[${options.host}]` : options.host
  const url = `http://${isAnywhere ? 'localhost' : host}:${port}/`
  process.stdout.write(greeting(options, url, port))
  return { url, close: () => close(server, children) }
}

type Child = ChildProcessByStdio<Writable, Readable, null>

/** Nothing of the request ever becomes an argument. */
function start(program: string, env: Env, failed: (error: Error) => void): Child | undefined {
  try {
    const cwd = dirname(program)
    const child = spawn(program, [], { cwd, env, stdio: ['pipe', 'pipe', 'inherit'] })
    child.on('error', failed)
    return child.pid === undefined ? undefined : child
  } catch (error) {
    failed(error as Error)
    return undefined
  }
}

function connect(child: Child, request: IncomingMessage, response: ServerResponse): void {
  // A program may answer without reading, so EPIPE is normal. The rest of the body is read and
  // dropped: a client whose connection is cut while it sends never reads the reply.
  child.stdin.on('error', () => undefined)
  child.stdin.once('close', () => {
    request.unpipe(child.stdin)
    request.resume()
  })
  request.pipe(child.stdin)
  response.on('error', () => undefined)
  response.once('close', () => {
    if (response.writableFinished) return stop(child, graceMilliseconds)
    child.stdin.destroy()
    child.stdout.destroy()
    stop(child, 0)
  })
  sendReply(child.stdout, request, response).catch((error: Error) => {
    if (response.destroyed) return
    complain(error.message)
    child.stdout.resume()
    refuse(request, response, 502)
  })
}

/** SIGTERM after `milliseconds`, SIGKILL when that does not end the program. */
function stop(child: Child, milliseconds: number): void {
  if (child.exitCode !== null || child.signalCode !== null) return
  const term = setTimeout(() => child.kill('SIGTERM'), milliseconds)
  const kill = setTimeout(() => child.kill('SIGKILL'), milliseconds + graceMilliseconds)
  child.once('exit', () => {
    clearTimeout(term)
    clearTimeout(kill)
  })
}

/** Gives the first free port from `wanted` on, of 100. */
async function listen(server: Server, wanted: number, host: string): Promise<number> {
  for (let port = wanted; ; port += 1) {
    try {
      server.listen(port, host)
      await once(server, 'listening')
      return (server.address() as AddressInfo).port
    } catch (error) {
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
      if (!isTaken || wanted === 0 || port === wanted + 99 || port === 65_535) throw error
    }
  }
}

async function close(server: Server, children: ReadonlySet<Child>): Promise<void> {
  const ends = [...children].map((child) => once(child, 'exit'))
  for (const child of children) stop(child, 0)
  const closed = new Promise((done) => server.close(done))
  server.closeAllConnections()
  await Promise.all([closed, ...ends])
}

function greeting(options: ServerOptions, url: string, port: number): string {
  const lines = [`Open      ${url}`, `Files in  ${options.directory}`, 'Stop      with Ctrl-C', '']
  if (port !== options.port && options.port !== 0) {
    lines.push(`Port ${options.port} is taken, so this is port ${port}.`)
  }
  if (!/^(127\.|::1$|localhost$)/.test(options.host)) {
    lines.push('Everybody who can reach this machine over the network can upload here.')
  }
  lines.push(...options.notes, 'This server is for trying out, not for production.', '')
  return lines.join('\n')
}

function complain(message: string): void {
  process.stderr.write(`serve: ${message}\n`)
}

const graceMilliseconds = 3000
const mostChildren = 16
