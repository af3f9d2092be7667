// Large uploads through real servers: a directory that has room for them, servers with limits and
// firewalls in front, programs that are killed while they append, and what must have arrived.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, mkdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { startApache } from './apache.ts'
import { incoming, visible } from './form.ts'
import { incomingFile } from './incoming.ts'
import { startNginx } from './nginx.ts'
import { type PieceSender, sumOf } from './piece-sender.ts'
import { freshDirectory, inMemory, program } from './program.ts'
import { giveToServer } from './user.ts'

export const GiB = 2 ** 30

export const settings = { UPLOAD_CGI_MAX_FILE_SIZE: '0', UPLOAD_CGI_DURABLE: 'false' }

export const newId = () => randomBytes(16).toString('hex')

/** In memory where there is room, for these are huge. */
export function roomyDirectory(t: TestContext): string {
  const home = freshDirectory(t, inMemory())
  const directory = join(home, 'uploads')
  mkdirSync(directory)
  spawnSync('chmod', ['711', home])
  giveToServer(directory)
  return directory
}

/**
 * The process that appends to the upload now, as its claim says; 0 when there is none that lives.
 */
export function holder(directory: string, id: string): number {
  const ours = (name: string) => name.startsWith(basename(incomingFile(directory, id, 'claim-')))
  const claims = incoming(directory).filter(ours)
  const pids = claims.map((name) => {
    const text = attempt(() =>
      readFileSync(join(directory, '.upload-cgi', 'incoming', name), 'utf8'),
    )
    return text?.trim().split(' ')[2] ?? '0'
  })
  // Nobody else, should the number have been given again.
  const pid = pids.find((pid) => attempt(() => readlinkSync(`/proc/${pid}/exe`)) === program)
  return Number(pid ?? 0)
}

/** Kills whoever appends to the upload, as soon as somebody does. True when it was still there. */
export async function killHolder(directory: string, id: string, pauseMs = 0): Promise<boolean> {
  for (let tries = 0; tries < 1000; tries++) {
    const pid = holder(directory, id)
    if (pid > 0) {
      await delay(pauseMs)
      return holder(directory, id) === pid && attempt(() => process.kill(pid, 'SIGKILL')) === true
    }
    await delay(1)
  }
  return false
}

export async function assertArrived(directory: string, size: number, text: string) {
  const [file] = JSON.parse(text).files
  const expected = sumOf(size)
  assert.equal(file.size, size)
  assert.equal(file.sha256, expected)
  assert.equal(statSync(join(directory, file.stored)).size, size)
  assert.equal(await sumOfFile(join(directory, file.stored)), expected)
  assert.deepEqual(visible(directory), [file.stored], 'stored once')
}

/** What was sent again, in bytes: of every piece that was lost at most all. */
export function assertLittleAgain(t: TestContext, sender: PieceSender, pieceBytes: number): void {
  const { size, pieces, lost, sentBytes, mostSentAgain } = sender
  t.diagnostic(
    `${size} bytes in ${pieces} pieces, ${lost} lost; sent again: ${sentBytes - size}, ` +
      `at most ${mostSentAgain} after a loss`,
  )
  assert.ok(mostSentAgain <= pieceBytes)
  assert.ok(sentBytes - size <= lost * pieceBytes)
}

export async function apacheWith(t: TestContext, env: Record<string, string>, extra = '') {
  const apache = await startApache({ env, extra })
  t.after(() => apache.stop())
  return apache.url
}

/** As a proxy, with the limit that it has of itself. */
export async function behindNginx(t: TestContext, env: Record<string, string>): Promise<string> {
  const { origin } = new URL(await apacheWith(t, env))
  const nginx = await startNginx({
    extra: [
      'location /upload {',
      '  client_max_body_size 1m;',
      `  proxy_pass ${origin};`,
      '  proxy_set_header Host $http_host;',
      '}',
    ].join('\n'),
  })
  t.after(() => nginx.stop())
  return new URL('/upload', nginx.url).href
}

/** ModSecurity with Debian's core rule set, blocking. */
export const firewall = [
  'LoadModule unique_id_module /usr/lib/apache2/modules/mod_unique_id.so',
  'LoadModule security2_module /usr/lib/apache2/modules/mod_security2.so',
  'Include /etc/modsecurity/modsecurity.conf-recommended',
  'SecRuleEngine On',
  'SecAuditEngine Off',
  'SecDataDir /tmp',
  'Include /usr/share/modsecurity-crs/owasp-crs.load',
].join('\n')

async function sumOfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk)
  return hash.digest('hex')
}

function attempt<Result>(action: () => Result): Result | undefined {
  try {
    return action()
  } catch {
    return undefined
  }
}
