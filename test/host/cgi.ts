// Starts a program as Apache would start a CGI program (RFC 3875) and reads its reply.
// The environment is complete, minimal and made from the options: nothing but PATH is inherited.
// Standard input is a socket, as under mod_cgid, or a regular file, as under lighttpd. It never
// hangs: at the time-out the program is killed by its pid and the promise rejects with all that
// was seen. Output without a header block is no error here: status 0, everything in `body`.
// Where tests ask for FastCGI, a process of it answers what it can answer in the same way.

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { askKept } from './fastcgi-kept.ts'
import { program as executable, isThroughFastCgi } from './program.ts'

export type CgiOptions = {
  /** The built executable unless given. */
  program?: string
  args?: readonly string[]
  /** The name the program is called by, where it is not its path. Not together with `limit`. */
  argv0?: string
  /** Overrides what is made from the other options; undefined removes a variable. */
  env?: Readonly<Record<string, string | undefined>>
  /** A Buffer sets CONTENT_LENGTH; an iterable that throws ends the input there and rejects. */
  body?: Buffer | Iterable<Buffer> | AsyncIterable<Buffer>
  /** Opened as standard input, instead of `body`; its size is CONTENT_LENGTH. */
  stdinFile?: string
  /** POST with a body, otherwise GET. */
  method?: string
  contentType?: string
  /** UPLOAD_CGI_DIRECTORY */
  directory?: string
  /** Shell text in front of the program, such as `ulimit -v 650000;`. */
  limit?: string
  /** 60 unless given. */
  timeoutSeconds?: number
}

export type CgiReply = {
  /** 200 without a Status field; 0 without a header block. */
  status: number
  /** By lower-case name; a repeated field's values are joined by a comma. */
  headers: Map<string, string>
  body: Buffer
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it as it likes
  json(): any
  stderr: string
  exitCode: number | null
  signal: string | null
  /** VmHWM when last looked at, every 5 ms and as output arrived; 0 if it was never seen. */
  peakResidentBytes: number
}

export async function runCgi(options: CgiOptions): Promise<CgiReply> {
  return (isThroughFastCgi() ? askByFastCgi(options) : undefined) ?? runProgram(options)
}

/** Undefined for what only a process of its own can show. */
function askByFastCgi(options: CgiOptions): Promise<CgiReply> | undefined {
  const { body = Buffer.alloc(0), args, argv0, stdinFile, limit } = options
  const isOwn = [args, argv0, stdinFile, limit].some((value) => value !== undefined)
  const isOther = resolve(options.program ?? executable) !== executable
  if (isOwn || isOther || !Buffer.isBuffer(body)) return undefined
  return askKept(environment(options, executable), body)?.then((reply) => ({
    ...parseReply(reply.stdout),
    stderr: reply.stderr,
    exitCode: 0,
    signal: null,
    peakResidentBytes: 0,
  }))
}

async function runProgram(options: CgiOptions): Promise<CgiReply> {
  const stdin = options.stdinFile === undefined ? 'pipe' : openSync(options.stdinFile, 'r')
  let child: ChildProcess
  try {
    child = start(options, stdin)
  } finally {
    if (typeof stdin === 'number') closeSync(stdin)
  }
  const output: Buffer[] = []
  const errors: Buffer[] = []
  let peakResidentBytes = 0
  const look = () => {
    peakResidentBytes = Math.max(peakResidentBytes, residentPeak(child.pid))
  }
  child.stdout?.on('data', (chunk: Buffer) => {
    look()
    output.push(chunk)
  })
  child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk))
  const reply = () => ({
    ...parseReply(Buffer.concat(output)),
    stderr: Buffer.concat(errors).toString(),
    exitCode: child.exitCode,
    signal: child.signalCode,
    peakResidentBytes,
  })

  look()
  const clock = setInterval(look, 5)
  let timer: NodeJS.Timeout | undefined
  try {
    return await new Promise<CgiReply>((resolved, rejected) => {
      const timeoutSeconds = options.timeoutSeconds ?? 60
      timer = setTimeout(() => rejected(timedOut(timeoutSeconds, reply())), timeoutSeconds * 1000)
      child.once('error', rejected)
      send(options.body, child).catch(rejected)
      child.once('close', () => resolved(reply()))
    })
  } finally {
    clearTimeout(timer)
    clearInterval(clock)
    abandon(child)
  }
}

function start(options: CgiOptions, stdin: 'pipe' | number): ChildProcess {
  const program = resolve(options.program ?? executable)
  const args = options.args ?? []
  const common = { cwd: dirname(program), env: environment(options, program) }
  const stdio: [typeof stdin, 'pipe', 'pipe'] = [stdin, 'pipe', 'pipe']
  if (options.limit === undefined) {
    return spawn(program, args, { ...common, stdio, argv0: options.argv0 ?? program })
  }
  if (options.argv0 !== undefined) throw new Error('argv0 and limit exclude each other')
  const script = `${options.limit} exec "$0" "$@"`
  return spawn('/bin/sh', ['-c', script, program, ...args], { ...common, stdio })
}

function environment(options: CgiOptions, program: string): Record<string, string> {
  const { body, stdinFile } = options
  const hasBody = body !== undefined || stdinFile !== undefined
  const wanted: Record<string, string | undefined> = {
    PATH: process.env.PATH,
    GATEWAY_INTERFACE: 'CGI/1.1',
    SERVER_SOFTWARE: 'cgi-host',
    SERVER_PROTOCOL: 'HTTP/1.1',
    SERVER_NAME: 'localhost',
    SERVER_PORT: '80',
    REMOTE_ADDR: '127.0.0.1',
    REQUEST_METHOD: options.method ?? (hasBody ? 'POST' : 'GET'),
    REQUEST_URI: '/cgi-bin/upload.cgi',
    SCRIPT_NAME: '/cgi-bin/upload.cgi',
    SCRIPT_FILENAME: program,
    QUERY_STRING: '',
    CONTENT_TYPE: options.contentType,
    CONTENT_LENGTH: bodyLength(body, stdinFile),
    UPLOAD_CGI_DIRECTORY: options.directory,
    ...options.env,
  }
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(wanted)) {
    if (value !== undefined) kept[name] = value
  }
  return kept
}

function bodyLength(body: CgiOptions['body'], stdinFile: string | undefined): string | undefined {
  if (stdinFile !== undefined) return String(statSync(stdinFile).size)
  return Buffer.isBuffer(body) ? String(body.length) : undefined
}

/** Resolves also when the program stopped reading: it may answer without the body. */
async function send(body: CgiOptions['body'], child: ChildProcess): Promise<void> {
  if (child.stdin === null || child.pid === undefined) return
  try {
    await pipeline(Readable.from(body ?? [], { objectMode: false }), child.stdin)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    const stoppedReading = ['EPIPE', 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE'].includes(code)
    if (!stoppedReading) throw error
  }
}

export function parseReply(output: Buffer) {
  const headers = new Map<string, string>()
  const text = output.toString('latin1')
  const end = /\r?\n\r?\n/.exec(text)
  const lines = end === null ? [] : text.slice(0, end.index).split(/\r?\n/)
  const isHead = end !== null && lines.every((line) => /^[\w!#$%&'*+.^`|~-]+:/.test(line))
  for (const line of isHead ? lines : []) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    const value = Buffer.from(line.slice(colon + 1).trim(), 'latin1').toString()
    const before = headers.get(name)
    headers.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  const body = isHead ? output.subarray(end.index + end[0].length) : output
  const status = isHead ? Number.parseInt(headers.get('status') ?? '200', 10) : 0
  const all = body.toString()
  return { status, headers, body, text: all, json: () => JSON.parse(all) }
}

function timedOut(timeoutSeconds: number, seen: CgiReply): Error {
  const { status, text, stderr, peakResidentBytes } = seen
  const told = {
    status,
    text: text.slice(0, 2000),
    stderr: stderr.slice(0, 2000),
    peakResidentBytes,
  }
  return new Error(`no end within ${timeoutSeconds} s; seen so far: ${JSON.stringify(told)}`)
}

function abandon(child: ChildProcess): void {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL')
  }
  // A grandchild may hold these open; they must not keep the test alive.
  child.stdin?.destroy()
  child.stdout?.destroy()
  child.stderr?.destroy()
}

function residentPeak(pid: number | undefined): number {
  try {
    const kilobytes = /^VmHWM:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))
    return Number(kilobytes?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}
