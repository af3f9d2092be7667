// Starts the deliverer: this executable once more, in a session of its own, which the web server
// neither waits for nor ends. It gets the settings and nothing of the request.

import type { Env } from '../http/request.ts'

/** `file`: of the settings. It is not waited for; where it cannot be started, the next one is. */
export function startDeliverer(program: string, env: Env, file: string): void {
  const { spawn } = process.getBuiltinModule('node:child_process')
  const options = { detached: true, stdio: 'ignore', cwd: '/', env: kept(env, file) } as const
  const child = spawn(program, ['deliver', '--due'], options)
  child.on('error', () => undefined)
  child.unref()
}

function kept(env: Env, file: string): Record<string, string> {
  const isKept = (name: string) => /^((REDIRECT_)?UPLOAD_CGI_|PATH$|HOME$|TZ$)/.test(name)
  const entries = Object.entries(env).filter(([name, text]) => text !== undefined && isKept(name))
  return { ...(Object.fromEntries(entries) as Record<string, string>), UPLOAD_CGI_CONFIG: file }
}
