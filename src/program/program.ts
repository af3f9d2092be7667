// Runs a program that the owner names in the settings: a scanner, a mailer, a program that is told
// what came. Never through a shell, in a session of its own, with an environment that has nothing
// of the request, and only so long. It waits for the program: whoever calls it has nothing else to
// do. node:child_process is loaded by the first call.

import { accessSync, constants } from 'node:fs'
import { attempt } from '../system-error.ts'

/** What became of it. */
export type Ran = {
  /** Undefined when it did not end by itself. */
  readonly exit: number | undefined
  /** For the owner: how it ended, and the beginning of what it printed. */
  readonly text: string
  readonly hasPrinted: boolean
}

/** What sends mails: the owner's command, else this machine's sendmail; undefined for neither. */
export function mailerOf(command: readonly string[]): readonly string[] | undefined {
  if (command.length > 0) return command
  const path = findProgram(['/usr/sbin/sendmail', '/usr/lib/sendmail', '/usr/bin/sendmail'])
  return path === undefined ? undefined : [path, '-t', '-i']
}

/** The first that this user may run; undefined when there is none. */
export function findProgram(paths: readonly string[]): string | undefined {
  return paths.find((path) => attempt(() => accessSync(path, constants.X_OK) ?? true) === true)
}

/** `command`: a path and arguments. `input`: what it reads from its standard input. */
export function runProgram(command: readonly string[], input: string, seconds: number): Ran {
  const [path = '', ...args] = command
  const { spawnSync } = process.getBuiltinModule('node:child_process')
  const { pid, status, signal, error, stdout, stderr } = spawnSync(path, args, {
    input,
    stdio: [input === '' ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    env: environment(),
    timeout: Math.max(1, Math.ceil(seconds * 1000)),
    killSignal: 'SIGKILL',
    maxBuffer: maxOutputBytes,
    cwd: '/',
    ...inSession,
  })
  const printed = `${stdout ?? ''}${stderr ?? ''}`.trim().slice(0, maxShownLength)
  const ended = endText(path, seconds, status, signal, error)
  const text = printed === '' ? ended : `${ended}: ${printed}`
  const isStopped = error !== undefined && !isUnread(error)
  // What it started belongs to its session, and nobody waits for it any more.
  if (isStopped && pid > 0) attempt(() => process.kill(-pid, 'SIGKILL'))
  return { exit: isStopped ? undefined : (status ?? undefined), text, hasPrinted: printed !== '' }
}

function endText(
  path: string,
  seconds: number,
  status: number | null,
  signal: string | null,
  error: Error | undefined,
): string {
  const code = error !== undefined && 'code' in error ? error.code : ''
  if (code === 'ETIMEDOUT') return `${path} did not end within ${Math.ceil(seconds)} s`
  if (code === 'ENOBUFS') return `${path} printed more than ${maxOutputBytes} bytes`
  if (error !== undefined && !isUnread(error)) return `${path} cannot be run (${code})`
  return signal === null ? `${path} ended with ${status}` : `${path} was ended by ${signal}`
}

/** It ended without reading all of its input, as it may. */
function isUnread(error: Error): boolean {
  return 'code' in error && error.code === 'EPIPE'
}

/** PATH as systems have it, and of ours only where the home is and which time zone counts. */
function environment(): Record<string, string> {
  const { HOME, TZ } = process.env
  const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
  const env = { PATH, LANG: 'C.UTF-8' }
  return { ...env, ...(HOME === undefined ? {} : { HOME }), ...(TZ === undefined ? {} : { TZ }) }
}

/** Node's types know it of spawn() alone; spawnSync() obeys it too. */
const inSession = { detached: true }
const maxOutputBytes = 1024 * 1024
const maxShownLength = 600
