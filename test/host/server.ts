// What every real web server around the executable shares: its start, its end, and what it says.
// Each gets a temporary directory of its own, 127.0.0.1 and a free port, and an environment of
// nothing but PATH. Tests call stop() in t.after; a server whose test never gets there ends with
// this process. apache.ts, lighttpd.ts, nginx.ts and guide-site.ts have the servers themselves.

import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { find, type Tool } from './installed.ts'
import { atExit, directoryUntilExit, program } from './program.ts'
import { giveToServer, isRoot, openTheWay, serverIds } from './user.ts'

export type RunningServer = {
  /** Of the program, such as http://127.0.0.1:40123/upload. */
  readonly url: string
  /** Of the server's first process. */
  readonly pid: number
  /** Everything the server and its programs complained about so far; also after stop(). */
  errorLog(): string
  /** Resolves when every process and the temporary directory are gone. May be called again. */
  stop(): Promise<void>
}

export type ServerOptions = {
  /** The executable unless given; or a settings script. */
  program?: string
  /** The program's UPLOAD_CGI_* variables, set as an administrator would. */
  env?: Readonly<Record<string, string>>
  /** More lines of configuration, at the end: Apache and lighttpd globally, nginx in `server`. */
  extra?: string
  /** Then it speaks HTTP/2 and HTTP/1.1, over TLS alone: Apache and nginx. */
  tls?: Certificate
}

/** The paths of two files. */
export type Certificate = { readonly certificate: string; readonly key: string }

// What start() is given for each process; `socket` is a file to wait for before the next.
type Command = {
  /** Or a path. */
  tool: Tool | `/${string}`
  args: readonly string[]
  socket?: string
  /** Asked until it is so, besides that the port answers. */
  isReady?: () => boolean
  env?: Readonly<Record<string, string>>
  /** As the user of web servers, where it does not change to that user itself. */
  asServer?: boolean
}
export type Prepare = (home: string, port: number) => readonly Command[]

type Place = { home: string; removeHome: () => void; port: number; url: string }

/** Starts what `prepare` says, which may be called again with another port. */
export async function start(
  _tool: Tool,
  path: string,
  options: ServerOptions,
  prepare: Prepare,
): Promise<RunningServer> {
  const directory = options.env?.['UPLOAD_CGI_DIRECTORY']
  if (directory !== undefined && existsSync(directory)) giveToServer(directory)
  openTheWay(dirname(resolve(options.program ?? program)))
  for (let attempt = 1; ; attempt += 1) {
    const [home, removeHome] = directoryUntilExit()
    chmodSync(home, 0o755)
    giveToServer(home)
    const port = await freePort()
    try {
      const url = `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}${path}`
      return await launch({ home, removeHome, port, url }, prepare(home, port))
    } catch (error) {
      // Between the choice of a port and its use somebody else may take it.
      const isTaken = /in use|could not bind/i.test(String(error))
      if (!isTaken || attempt === 3) throw error
    }
  }
}

async function launch(
  { home, removeHome, port, url }: Place,
  commands: readonly Command[],
): Promise<RunningServer> {
  const started: ChildProcess[] = []
  let lastLog: string | undefined
  const errorLog = () => lastLog ?? read(join(home, 'output.log')) + read(join(home, 'error.log'))
  const stop = async () => {
    for (const child of started.toReversed()) await end(child)
    lastLog ??= errorLog()
    removeHome()
  }
  try {
    for (const command of commands) {
      const child = spawnDetached(home, command)
      started.push(child)
      const { socket } = command
      const isReady = async () =>
        socket ? existsSync(socket) : (command.isReady?.() ?? true) && (await answers(port))
      await until(isReady, child, command.tool)
    }
  } catch (error) {
    await stop()
    throw new Error(`${error instanceof Error ? error.message : error}\n${errorLog()}`)
  }
  return { url, pid: started.at(-1)?.pid ?? 0, errorLog, stop }
}

/** In a process group of its own, so that what it started can be ended with it. */
function spawnDetached(home: string, command: Command): ChildProcess {
  const tool = isPath(command.tool) ? command.tool : find(command.tool)
  if (tool === undefined) throw new Error(`${command.tool} is not installed`)
  const ids = command.asServer && isRoot() ? serverIds() : {}
  const output = openSync(join(home, 'output.log'), 'a')
  try {
    const child = spawn(tool, command.args, {
      cwd: home,
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', ...command.env },
      stdio: ['ignore', output, output],
      detached: true,
      ...ids,
    })
    // Without a listener a failed start would end this process; until() reports it.
    child.on('error', () => undefined)
    if (child.pid !== undefined)
      groups.set(
        child.pid,
        atExit(() => killGroup(child.pid ?? 0)),
      )
    return child
  } finally {
    closeSync(output)
  }
}

function isPath(tool: Command['tool']): tool is `/${string}` {
  return tool.startsWith('/')
}

async function until(
  isReady: () => Promise<boolean>,
  child: ChildProcess,
  tool: string,
): Promise<void> {
  const deadline = Date.now() + startSeconds * 1000
  while (!(await isReady())) {
    if (hasEnded(child)) throw new Error(`${tool} ended at once (${child.exitCode})`)
    if (Date.now() > deadline) throw new Error(`${tool} did not answer in ${startSeconds} s`)
    await delay(20)
  }
  // Another server may be the one that answers on our port.
  if (hasEnded(child)) throw new Error(`${tool} ended at once (${child.exitCode})`)
}

async function end(child: ChildProcess): Promise<void> {
  const { pid } = child
  if (pid === undefined) return
  if (!hasEnded(child)) {
    const ended = new Promise((resolved) => child.once('exit', resolved))
    child.kill('SIGTERM')
    const patience = new AbortController()
    const timeout = delay(stopSeconds * 1000, undefined, { signal: patience.signal })
    await Promise.race([ended, timeout.catch(() => undefined)])
    patience.abort()
    killGroup(pid)
    await ended
  }
  // What the server left running: programs that still ran, workers of fcgiwrap.
  killGroup(pid)
  groups.get(pid)?.()
  groups.delete(pid)
  while (groupLives(pid)) await delay(10)
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody is left.
  }
}

/** Zombies do not count: where nobody reaps orphans they stay for good. */
export function groupLives(group: number): boolean {
  return readdirSync('/proc').some((name) => {
    if (!/^\d+$/.test(name)) return false
    // pid (name) state parent group …; the name may hold anything.
    const fields = read(`/proc/${name}/stat`)
      .replace(/^.*\) /s, '')
      .split(' ')
    return fields[0] !== 'Z' && Number(fields[2]) === group
  })
}

export function freePort(): Promise<number> {
  return new Promise((resolved, rejected) => {
    const server = createServer()
    server.once('error', rejected)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolved(port))
    })
  })
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolved) => {
    const socket = connect(port, '127.0.0.1')
    const tell = (isOpen: boolean) => {
      socket.destroy()
      resolved(isOpen)
    }
    socket.once('connect', () => tell(true))
    socket.once('error', () => tell(false))
  })
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** A directory in a server's home, for the user that it works as. */
export function folder(home: string, name: string): string {
  const path = join(home, name)
  mkdirSync(path)
  giveToServer(path)
  return path
}

/** A file of these lines in a server's home; gives its path. */
export function write(home: string, name: string, lines: readonly string[]): string {
  const path = join(home, name)
  writeFileSync(path, `${lines.join('\n')}\n`)
  return path
}

export function entries(env: ServerOptions['env']): readonly [string, string][] {
  return Object.entries(env ?? {})
}

/** As Apache and nginx read a value in quotes. */
export function quoted(value: string): string {
  return `"${value.replace(/[\\"]/g, '\\$&')}"`
}

const startSeconds = 60
// Apache's event MPM waits for busy programs much longer.
const stopSeconds = 3

// The leaders of the process groups that live, and how to call off their end with this process.
const groups = new Map<number, () => void>()
