// What `upload.cgi check --url` finds at an address, and an Apache to be looked at.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { type ApacheOptions, startApache } from './apache.ts'
import type { Finding } from './check.ts'
import { freshDirectory, program } from './program.ts'
import { giveToServer } from './user.ts'

export function servedDirectory(t: TestContext): string {
  const directory = freshDirectory(t)
  chmodSync(directory, 0o755)
  giveToServer(directory)
  return directory
}

export async function checked(url: string, ...args: string[]) {
  return checkedWith({}, url, ...args)
}

/** `settings`: those of this machine. */
export async function checkedWith(
  settings: Readonly<Record<string, string>>,
  url: string,
  ...args: string[]
) {
  const more = args.includes('--pause') ? args : [...args, '--pause', '1']
  const child = spawn(program, ['check', '--json', '--url', url, ...more], {
    env: { PATH: '/usr/bin:/bin', ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (chunk) => (text += chunk))
  const [status] = await once(child, 'close')
  const { ok, findings } = JSON.parse(text) as { ok: boolean; findings: Finding[] }
  assert.equal(status, ok ? 0 : 69)
  return new Map(findings.map((finding) => [finding.code, finding]))
}

/** Everything passes, and nothing of it stays. */
export async function apache(t: TestContext, options: Partial<ApacheOptions> = {}) {
  const directory = servedDirectory(t)
  const env = { UPLOAD_CGI_DIRECTORY: directory, ...options.env }
  const server = await startApache({ ...options, env })
  t.after(() => server.stop())
  return { server, directory }
}
