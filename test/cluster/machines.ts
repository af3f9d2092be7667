// Two machines that share one upload directory: two clients of a CephFS, or, for comparison, twice
// the same local directory. The second one runs its programs in a pid namespace of its own, where
// the processes of the first mean nothing.

import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { CgiReply } from '../host/cgi.ts'
import { type Env, incoming, post } from '../host/form.ts'
import type { BodyPart } from '../host/multipart-body.ts'
import { freshDirectory, type Owner } from '../host/program.ts'

/** The paths under which the machines have the shared file system. */
export type Shared = readonly [string, string]

export class Machine {
  readonly directory: string
  readonly #isFirst: boolean

  constructor(directory: string, isFirst: boolean) {
    this.directory = directory
    this.#isFirst = isFirst
  }

  /** How runCgi() starts its programs. */
  get start(): { limit: string } {
    return { limit: this.#isFirst ? '' : 'set -- unshare --pid --fork "$0" "$@"; "$@"; exit;' }
  }

  post(parts: readonly BodyPart[], env: Env = {}): Promise<CgiReply> {
    return post(this.directory, parts, { ...common, ...env }, this.start)
  }
}

/** One directory as both machines see it, with a name of its own. */
export function machines(shared: Shared, name: string): [Machine, Machine] {
  const [one, other] = shared
  mkdirSync(join(one, name))
  return [new Machine(join(one, name), true), new Machine(join(other, name), false)]
}

/** For comparison. */
export function localDirectory(owner: Owner): Shared {
  const path = freshDirectory(owner)
  return [path, path]
}

/** What is visible, in all folders: place → content. It must be the same on both machines. */
export function contentsOn(both: readonly Machine[]): Record<string, string> {
  const [one = {}, other] = both.map(({ directory }) => contentsOf(directory))
  assert.deepEqual(other, one)
  return one
}

/** Nothing that a request had is left, as both see it. */
export function assertNothingLeft(both: readonly Machine[]): void {
  for (const { directory } of both) assert.deepEqual(incoming(directory), [])
}

function contentsOf(directory: string, before = ''): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of readdirSync(directory).sort()) {
    if (name.startsWith('.upload-cgi')) continue
    const path = join(directory, name)
    if (statSync(path).isDirectory()) Object.assign(found, contentsOf(path, `${before}${name}/`))
    else found[before + name] = readFileSync(path, 'latin1')
  }
  return found
}

export const common = { UPLOAD_CGI_MIN_FREE_SPACE: '0' }
