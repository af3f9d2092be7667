// FastCGI processes that answer requests which are written as those of CGI: one process for each
// set of settings, a few of them at a time.

import { type FastCgiProcess, type FastCgiReply, request, startFastCgi } from './fastcgi.ts'
import { atExit } from './program.ts'

type Kept = { readonly started: Promise<FastCgiProcess>; asked: number }

/**
 * `environment`: of a CGI program. Undefined when it holds what changes a process in a way that
 * parameters cannot.
 */
export function askKept(
  environment: Readonly<Record<string, string>>,
  body: Buffer,
): Promise<FastCgiReply> | undefined {
  const all = Object.entries(environment)
  if (all.some(([name]) => /^(LD_|FAKETIME|NODE_|LISTEN_)/.test(name))) return undefined
  const settings = all.filter(([name]) => isOfProcess.test(name))
  const params = Object.fromEntries(all.filter(([name]) => !isOfProcess.test(name)))
  return ask(keptWith(settings), params, body)
}

async function ask(kept: Kept, params: Readonly<Record<string, string>>, body: Buffer) {
  kept.asked++
  try {
    return await request((await kept.started).socket, { params, body })
  } finally {
    kept.asked--
  }
}

function keptWith(settings: readonly (readonly [string, string])[]): Kept {
  const key = JSON.stringify([...settings].sort())
  const kept = processes.get(key) ?? { started: start(Object.fromEntries(settings)), asked: 0 }
  // The one that was asked last is the last to go.
  processes.delete(key)
  processes.set(key, kept)
  for (const [other, { started, asked }] of processes) {
    if (processes.size <= mostProcesses) break
    if (asked > 0 || other === key) continue
    processes.delete(other)
    started.then(({ child }) => child.kill('SIGKILL'))
  }
  return kept
}

/** Ends with this process at the latest, and does not keep it alive. */
async function start(settings: Readonly<Record<string, string>>): Promise<FastCgiProcess> {
  const started = await startFastCgi({ after: atExit }, settings)
  started.child.unref()
  for (const output of [started.child.stdout, started.child.stderr]) {
    if (output !== null && 'unref' in output) (output as { unref(): void }).unref()
  }
  return started
}

const processes = new Map<string, Kept>()
const mostProcesses = 3
const isOfProcess = /^((REDIRECT_)?UPLOAD_CGI_.*|PATH|HOME|TMPDIR|TZ|LANG|LC_ALL)$/
