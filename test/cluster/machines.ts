// Two machines that share one upload directory: two clients of a CephFS, or, for comparison, twice
// the same local directory. Each runs the program with a boot of its own, so that the processes of
// one mean nothing to the other; and a clock may be off.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { CephFs } from '../host/cephfs.ts'
import { type CgiReply, runCgi } from '../host/cgi.ts'
import { type Env, incoming } from '../host/form.ts'
import { type BodyPart, contentType, multipartBody } from '../host/multipart-body.ts'
import { freshDirectory, type Owner, program } from '../host/program.ts'
import { shiftedClock } from '../host/shifted-clock.ts'

/** `start`: shell text in front of its programs, as runCgi() takes it. */
export type Host = {
  readonly path: string
  readonly start: string
  readonly clock: Readonly<Record<string, string>>
}

export type Both = readonly [Machine, Machine]

/** One machine in the upload directory of a test. */
export class Machine {
  readonly directory: string
  readonly limit: string
  readonly env: Readonly<Record<string, string>>

  constructor(host: Host, name: string) {
    this.directory = join(host.path, name)
    this.limit = host.start
    this.env = { ...common, ...host.clock }
  }

  post(parts: readonly BodyPart[], env: Env = {}): Promise<CgiReply> {
    return this.send(multipartBody(parts), { CONTENT_TYPE: contentType(), ...env })
  }

  send(body: Buffer | AsyncIterable<Buffer>, env: Env): Promise<CgiReply> {
    return runCgi({
      directory: this.directory,
      body,
      limit: this.limit,
      timeoutSeconds: 180,
      env: { HTTP_ACCEPT: 'application/json', ...this.env, ...env },
    })
  }

  /** A form that stops before its last byte, until it is told to go on. */
  async stalled(parts: readonly BodyPart[], isThere: (name: string) => boolean, env: Env = {}) {
    const body = multipartBody(parts)
    let wake = () => {}
    const awake = new Promise<void>((resolved) => {
      wake = resolved
    })
    async function* slowly() {
      yield body.subarray(0, -1)
      await awake
      yield body.subarray(-1)
    }
    const sent = { CONTENT_TYPE: contentType(), CONTENT_LENGTH: String(body.length), ...env }
    const reply = this.send(slowly(), sent)
    await until(() => incoming(this.directory).some(isThere))
    return {
      finish() {
        wake()
        return reply
      },
    }
  }
}

/** One directory as both machines see it, with a name of its own. */
export function machines([one, other]: readonly [Host, Host], name: string): Both {
  mkdirSync(join(one.path, name))
  return [new Machine(one, name), new Machine(other, name)]
}

/** For comparison. */
export function localHosts(owner: Owner): [Host, Host] {
  const host = { path: freshDirectory(owner), start: '', clock: {} }
  return [host, host]
}

/** `clock`: how far off it is, in seconds. */
export function cephHost(owner: Owner, ceph: CephFs, clock = 0): Host {
  const boot = join(freshDirectory(owner), 'boot_id')
  writeFileSync(boot, `${randomUUID()}\n`)
  const bind = `mount --bind ${boot} /proc/sys/kernel/random/boot_id && exec "$0" "$@"`
  const start = `exec unshare --mount sh -c '${bind}' "$0" "$@";`
  const env = clock === 0 ? {} : shiftedClock(freshDirectory(owner), clock)
  return { path: ceph.mount(env), start, clock: env }
}

/** A settings file beside the directory, which both read. */
export function settingsFor([{ directory }]: Both, text: string): Env {
  const home = `${directory}-home`
  mkdirSync(home, { recursive: true })
  const path = join(home, 'settings.toml')
  writeFileSync(path, text)
  return { UPLOAD_CGI_CONFIG: path }
}

/** What is visible, in all folders: place → content. It must be the same on both machines. */
export function contentsOn(both: Both): Record<string, string> {
  const [one, other] = both.map(({ directory }) => contentsOf(directory))
  assert.deepEqual(other, one)
  return one ?? {}
}

/** What `check` says of the directory: code → message, of several the last one. */
export function findingsOf(
  { directory }: { readonly directory: string },
  PATH = '/usr/bin:/bin',
): Readonly<Record<string, string>> {
  const env = { PATH, UPLOAD_CGI_DIRECTORY: directory }
  const { stdout } = spawnSync(program, ['check', '--json', '--user', 'root'], {
    env,
    encoding: 'utf8',
  })
  const { findings } = JSON.parse(stdout) as { findings: { code: string; message: string }[] }
  return Object.fromEntries(findings.map(({ code, message }) => [code, message]))
}

/** Nothing that a request had is left, as both see it. */
export function assertNothingLeft(both: Both): void {
  for (const { directory } of both) assert.deepEqual(incoming(directory), [])
}

/** Looks again and again, for three minutes at most. */
export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 180_000; !(await isTrue()); ) {
    assert.ok(Date.now() < end, 'it never came true')
    await delay(50)
  }
}

export function contentsOf(directory: string, before = ''): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of readdirSync(directory).sort()) {
    if (name.startsWith('.upload-cgi')) continue
    const path = join(directory, name)
    if (statSync(path).isDirectory()) Object.assign(found, contentsOf(path, `${before}${name}/`))
    else found[before + name] = readFileSync(path, 'latin1')
  }
  return found
}

const common = { UPLOAD_CGI_MIN_FREE_SPACE: '0' }
