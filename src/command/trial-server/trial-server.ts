// The newcomer's server: an HTTP/1.1 front on node:http that starts `program` as a CGI child
// (RFC 3875) for every request, so that what works here works in cgi-bin. Loaded lazily by main.ts.
// Bodies are streamed both ways under backpressure and never held in memory; a child whose client
// went away gets SIGTERM and, 3 s later, SIGKILL, as Apache does. The child's stderr is ours.
// It refuses what is not `/` or `/upload.cgi` (404), bad percent escapes (400), and a child that
// sends no header block, or one over 64 KiB (502). No TLS, no users, no limit on children.

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer, STATUS_CODES } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join, posix, resolve } from 'node:path'
import type { Readable, Writable } from 'node:stream'

export type ServeOptions = {
  /** The first port to try; 0 lets the system choose. */
  port: number
  host: string
  /** What is started for every request: the executable or a settings script. */
  program: string
  /** Where the child's settings come from: only PATH and UPLOAD_CGI_* are passed on. */
  env: Readonly<Record<string, string | undefined>>
  /** Where files go, as shown to the person. */
  directory: string
  /** Further lines to print, such as what was assumed. */
  notes: readonly string[]
}

/** close() ends every connection and every child, and resolves when they are gone. */
export type RunningServe = { url: string; close(): Promise<void> }

/** `program` is absolute; `pathInfo` is percent-decoded, empty or beginning with a slash. */
export type Place = { program: string; scriptName: string; pathInfo: string }

/** Resolves once it listens and has said so on stdout; rejects when no port could be had. */
export async function serve(options: ServeOptions): Promise<RunningServe> {
  const program = resolve(options.program)
  const inherited = passedOn(options.env)
  const children = new Set<Child>()
  // 0 for requestTimeout: a slow upload is never cut. It would make headersTimeout 0 by default.
  const timeouts = { requestTimeout: 0, headersTimeout: 60_000, keepAliveTimeout: 60_000 }
  const server = createServer(timeouts, (request, response) => {
    const place = placeOf(request, program)
    if (typeof place === 'number') {
      refuse(request, response, place)
      return
    }
    const env = { ...inherited, ...cgiEnvironment(request, place) }
    const child = start(program, env, (error) => {
      process.stderr.write(`serve: ${program} cannot be started: ${error.message}\n`)
      refuse(request, response, 502)
    })
    if (child === undefined) return
    children.add(child)
    child.once('exit', () => children.delete(child))
    connect(child, request, response)
  })
  const port = await listen(server, options.port, options.host)
  const isAnywhere = ['0.0.0.0', '::', ''].includes(options.host)
  const host = options.host.includes(':') ? `[${options.host}]` : options.host
  const url = `http://${isAnywhere ? 'localhost' : host}:${port}/`
  process.stdout.write(greeting(options, url, port))
  return { url, close: () => close(server, children) }
}

/** The meta-variables of RFC 3875 section 4.1 and those that Apache adds, as UTF-8. */
export function cgiEnvironment(request: IncomingMessage, place: Place): Variables {
  const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = request.socket
  const uri = bytesAsUtf8(request.url ?? '/')
  const query = uri.indexOf('?')
  const host = /^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d*)?$/.exec(request.headers.host ?? '')
  const environment: Variables = {
    ...headerVariables(request),
    GATEWAY_INTERFACE: 'CGI/1.1',
    PATH_INFO: place.pathInfo,
    QUERY_STRING: query < 0 ? '' : uri.slice(query + 1),
    REMOTE_ADDR: withoutMapping(remoteAddress),
    REMOTE_HOST: withoutMapping(remoteAddress),
    REMOTE_PORT: String(remotePort),
    REQUEST_METHOD: request.method ?? 'GET',
    REQUEST_URI: uri,
    SCRIPT_FILENAME: place.program,
    SCRIPT_NAME: place.scriptName,
    SERVER_NAME: host?.[1] ?? withoutMapping(localAddress),
    SERVER_PORT: String(localPort),
    SERVER_PROTOCOL: `HTTP/${request.httpVersion}`,
    SERVER_SOFTWARE: 'upload.cgi-serve',
  }
  // normalize() keeps `/../..` at the root, so this never points above the program's directory.
  if (place.pathInfo !== '') {
    environment.PATH_TRANSLATED = join(dirname(place.program), posix.normalize(place.pathInfo))
  }
  return environment
}

type Child = ChildProcessByStdio<Writable, Readable, null>
type Env = ServeOptions['env']
type Variables = Record<string, string>

function passedOn(env: Env): Env {
  const names = Object.keys(env).filter((name) => /^(PATH$|UPLOAD_CGI_)/.test(name))
  return Object.fromEntries(names.map((name) => [name, env[name]]))
}

function headerVariables(request: IncomingMessage): Variables {
  const headers = request.headersDistinct
  const variables: Variables = {}
  for (const [name, values = []] of Object.entries(headers)) {
    // `x_foo` would pass for `x-foo`, so only letters, digits and dashes. `proxy` would be read as
    // HTTP_PROXY by HTTP libraries (CVE-2016-5385); `authorization` is the server's business.
    if (!/^[a-z0-9-]+$/.test(name) || name === 'proxy' || name === 'authorization') continue
    if (name === 'content-length' && headers['transfer-encoding'] !== undefined) continue
    const isContent = name === 'content-length' || name === 'content-type'
    const variable = name.toUpperCase().replaceAll('-', '_')
    const value = bytesAsUtf8(values.join(name === 'cookie' ? '; ' : ', '))
    variables[isContent ? variable : `HTTP_${variable}`] = value
  }
  return variables
}

function placeOf(request: IncomingMessage, program: string): Place | number {
  const [target = ''] = (request.url ?? '/').split('?', 1)
  let path: string
  try {
    path = decodeURIComponent(bytesAsUtf8(target.replace(/^https?:\/\/[^/]*/i, '') || '/'))
  } catch {
    return 400
  }
  if (path.includes('\0')) return 400
  if (path === '/') return { program, scriptName: path, pathInfo: '' }
  const scriptName = '/upload.cgi'
  if (path !== scriptName && !path.startsWith(`${scriptName}/`)) return 404
  return { program, scriptName, pathInfo: path.slice(scriptName.length) }
}

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
  // A child may answer without reading: EPIPE is normal, and the rest of the body is thrown away,
  // since a client whose connection is cut while it sends never reads the reply.
  child.stdin.on('error', () => undefined)
  child.stdin.once('close', () => {
    request.unpipe(child.stdin)
    request.resume()
  })
  request.pipe(child.stdin)
  response.on('error', () => undefined)
  response.once('close', () => {
    if (response.writableFinished) return stop(child, GRACE_MS)
    child.stdin.destroy()
    child.stdout.destroy()
    stop(child, 0)
  })
  reply(child.stdout, request, response).catch((error: Error) => {
    if (response.destroyed) return
    process.stderr.write(`serve: ${error.message}\n`)
    child.stdout.resume()
    refuse(request, response, 502)
  })
}

/** Rejects, with nothing sent, when what the child writes is no CGI reply. */
async function reply(stdout: Readable, request: IncomingMessage, response: ServerResponse) {
  const { head, rest } = await readHead(stdout)
  writeHead(head, request, response)
  // No await up to here: from now on the stream has a reader again, so nothing is lost.
  if (rest.length > 0) response.write(rest)
  stdout.once('end', () => drained(request, response).then(() => response.end()))
  stdout.pipe(response, { end: false })
}

async function readHead(stdout: Readable): Promise<{ head: string; rest: Buffer }> {
  let seen: Buffer = Buffer.alloc(0)
  for await (const chunk of stdout.iterator({ destroyOnReturn: false })) {
    seen = Buffer.concat([seen, chunk])
    const blank = /(?:^|\n)\r?\n/.exec(seen.toString('latin1', 0, HEAD_LIMIT + 1))
    const end = blank === null ? seen.length : blank.index + blank[0].length
    if (end > HEAD_LIMIT) throw new Error('the header block of the program is over 64 KiB')
    if (blank !== null) return { head: seen.toString('latin1', 0, end), rest: seen.subarray(end) }
  }
  throw new Error('the program ended without a complete header block')
}

/** RFC 3875 section 6.3. Throws what is wrong. Framing is ours, so the child's is left out. */
function writeHead(head: string, request: IncomingMessage, response: ServerResponse): void {
  const lines = head.split(/\r?\n/).filter((line) => line !== '')
  const headers: string[] = []
  let status = /^location:/im.test(head) ? '302' : '200'
  for (const line of lines) {
    const [, name = '', value = ''] = /^([^\s:]+):[ \t]*(.*)$/.exec(line) ?? []
    const key = name.toLowerCase()
    const isBadStatus = key === 'status' && !/^[2-5]\d\d( |$)/.test(value)
    if (key === '' || key === 'transfer-encoding' || isBadStatus) {
      throw new Error(`the program sent the header line ${JSON.stringify(line)}`)
    }
    const isLength = key === 'content-length' && request.method === 'HEAD'
    if (key === 'status') status = value
    else if (isLength || !NOT_PASSED.has(key)) headers.push(name, value)
  }
  if (lines.length === 0) throw new Error('the header block of the program is empty')
  const code = Number(status.slice(0, 3))
  response.writeHead(code, status.slice(4) || (STATUS_CODES[code] ?? ''), headers)
}

/**
 * On a connection that closes after the reply, ending while the client still sends would reset it.
 * So the end waits for the body's, or for 2 s of silence: some clients stop sending on an error.
 */
async function drained(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const staysOpen = response.shouldKeepAlive && request.httpVersion !== '1.0'
  if (request.complete || request.destroyed || staysOpen) return
  await new Promise<void>((done) => {
    const timer = setTimeout(done, LINGER_MS).unref()
    request.on('data', () => timer.refresh())
    request.once('end', done).once('close', done)
  })
}

async function refuse(request: IncomingMessage, response: ServerResponse, status: number) {
  request.resume()
  await drained(request, response)
  if (response.headersSent) return
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' })
  response.end(`${status} ${SENTENCES[status]}\n`)
}

function stop(child: Child, afterMs: number): void {
  if (child.exitCode !== null || child.signalCode !== null) return
  const term = setTimeout(() => child.kill('SIGTERM'), afterMs)
  const kill = setTimeout(() => child.kill('SIGKILL'), afterMs + GRACE_MS)
  child.once('exit', () => {
    clearTimeout(term)
    clearTimeout(kill)
  })
}

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

function greeting(options: ServeOptions, url: string, port: number): string {
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

function withoutMapping(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address
}

/** node:http reads bytes as Latin-1; variables are written as UTF-8. */
function bytesAsUtf8(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8')
}

const HEAD_LIMIT = 64 * 1024
const GRACE_MS = 3000
const LINGER_MS = 2000
const NOT_PASSED = new Set(['connection', 'content-length', 'keep-alive', 'trailer', 'upgrade'])
const SENTENCES: Readonly<Record<number, string>> = {
  400: 'The address is malformed.',
  404: 'There is nothing here. The upload page is at /',
  502: 'The program gave no complete answer. The reason is in the terminal.',
}
