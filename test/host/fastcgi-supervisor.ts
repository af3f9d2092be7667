// Two FastCGI processes on one socket, as a supervisor starts them: another takes the place of each
// that ends.

import { spawn } from 'node:child_process'
import { readlinkSync, realpathSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { listeningSocket, until } from './fastcgi.ts'
import { childrenOf } from './process-state.ts'
import { program } from './program.ts'

export type Supervised = {
  readonly port: number
  /** The processes that run now. */
  processes(): number[]
  /** The exit statuses of those that ended. */
  statuses(): string[]
}

/** `env`: beside PATH and the directory. */
export async function supervised(
  t: TestContext,
  directory: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Supervised> {
  const { fd, port, close } = await listeningSocket()
  // A shell gives /dev/null to what it starts with &, but for what it is told.
  const keep = 'while :; do "$0" <&3 3<&- >/dev/null; echo $?; done &'
  const all = { PATH: '/usr/bin:/bin', UPLOAD_CGI_DIRECTORY: directory, ...env }
  const shell = spawn('/bin/sh', ['-c', `exec 3<&0; ${keep} ${keep} wait`, program], {
    env: all,
    stdio: [fd, 'pipe', 'ignore'],
    detached: true,
  })
  const { pid = 0 } = shell
  t.after(() => process.kill(-pid, 'SIGKILL'))
  close()
  let output = ''
  shell.stdout?.on('data', (bytes: Buffer) => {
    output += bytes
  })
  const processes = () => childrenOf(pid).flatMap(childrenOf).filter(isProgram)
  await until(
    () => processes().length === 2,
    () => 'two processes do not start',
  )
  return { port, processes, statuses: () => output.split('\n').slice(0, -1) }
}

function isProgram(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`) === realpathSync(program)
  } catch {
    return false
  }
}
