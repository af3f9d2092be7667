// `upload.cgi serve` for tests of real clients. Why `serve` and not Apache: no server touches the
// body (what servers do with it is test/abuse/rude.test.ts), it is ready at once, needs no package,
// and starts the same executable for every request.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { TestContext } from 'node:test'
import { incomingPath } from './incoming.ts'
import { startNginxFastCgi } from './nginx.ts'
import { freshDirectory, isThroughFastCgi, program } from './program.ts'

export type Receiver = {
  readonly url: string
  readonly directory: string
  /** What is stored so far, by name; fails when something is left in `incoming/`. */
  stored(): Map<string, Buffer>
}

export type Serve = {
  /** The address of the page. */
  readonly url: string
  /** All that was printed until then. */
  readonly said: string
}

/** Where to start it, with which options and environment, beside a free port and PATH. */
export type ServeOptions = {
  cwd?: string
  args?: readonly string[]
  env?: Readonly<Record<string, string | undefined>>
}

/** Resolves when it says that it serves; it ends with the test. */
export async function startServe(t: TestContext, options: ServeOptions = {}): Promise<Serve> {
  const { cwd, args = [], env } = options
  const server = spawn(program, ['serve', '--port', '0', ...args], {
    ...(cwd === undefined ? {} : { cwd }),
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(async () => {
    if (server.exitCode !== null || server.signalCode !== null) return
    server.kill()
    await once(server, 'exit')
  })
  let said = ''
  while (!/for production/.test(said)) said += (await once(server.stdout, 'data'))[0]
  return { url: /http:\S+/.exec(said)?.[0] ?? '', said }
}

/** `settings`: more UPLOAD_CGI_* variables, or others than these. */
export async function startReceiver(
  t: TestContext,
  settings: Readonly<Record<string, string>> = {},
): Promise<Receiver> {
  const directory = freshDirectory(t)
  const env = { UPLOAD_CGI_MAX_FILES: '100', UPLOAD_CGI_DURABLE: 'false', ...settings }
  const url = isThroughFastCgi()
    ? await startBehindNginx(t, directory, env)
    : (await startServe(t, { args: ['--directory', directory], env })).url
  return { url, directory, stored: () => storedIn(directory) }
}

/** By FastCGI. Gives the address of the page. */
export async function startBehindNginx(
  t: TestContext,
  directory: string,
  settings: Readonly<Record<string, string>>,
): Promise<string> {
  const env = { UPLOAD_CGI_DIRECTORY: directory, ...settings }
  const server = await startNginxFastCgi({ env })
  t.after(() => server.stop())
  return server.url
}

function storedIn(directory: string): Map<string, Buffer> {
  const incoming = incomingPath(directory)
  const left = () => (existsSync(incoming) ? readdirSync(incoming) : [])
  // The request that closes the submission may be making a note there. Not for long: what passes
  // through a proxy of this process stops meanwhile.
  for (let tries = 0; tries < 200 && left().length > 0; tries++) Atomics.wait(clock, 0, 0, 50)
  assert.deepEqual(left(), [])
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => !path.includes('/.upload-cgi/'))
  return new Map(files.map((path) => [relative(directory, path), readFileSync(path)]))
}

const clock = new Int32Array(new SharedArrayBuffer(4))
