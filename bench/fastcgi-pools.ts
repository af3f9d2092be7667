// Pools of FastCGI processes behind one nginx, each at an address of its own. They work as the
// user of web servers, as CGI programs beside them do.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startNginx } from '../test/host/nginx.ts'
import { childrenOf } from '../test/host/process-state.ts'
import { giveToServer, isRoot, serverIds } from '../test/host/user.ts'
import { plain, requestEnv, type Setting } from './setting.ts'

export type Variables = Readonly<Record<string, string>>

export type Pool = {
  readonly name: string
  /** Starts processes that listen on this path. They are one group. */
  start(socket: string): ChildProcess
  /** More lines of configuration for its address. */
  readonly lines?: string
}

export type Running = {
  /** Of nginx. */
  readonly origin: string
  /** Of the program as CGI. */
  readonly cgi: string
  /** By the names of the pools. */
  readonly addresses: ReadonlyMap<string, string>
  /** The process ids of a pool. */
  processes(name: string): readonly number[]
}

/** `settings`: of the program as CGI. `extra`: more lines for nginx, in `server`. */
export async function withPools(
  home: string,
  settings: Variables,
  pools: readonly Pool[],
  extra: string,
  use: (running: Running) => Promise<void> | void,
): Promise<void> {
  const children = new Map<string, ChildProcess>()
  try {
    const socketOf = (pool: Pool) => join(home, `${pools.indexOf(pool)}.sock`)
    for (const pool of pools) children.set(pool.name, pool.start(socketOf(pool)))
    while (!pools.every((pool) => existsSync(socketOf(pool)))) await delay(20)
    const locations = pools.map((pool, i) =>
      [
        `location /pool${i} {`,
        '  include /etc/nginx/fastcgi_params;',
        `  ${pool.lines ?? ''}`,
        `  fastcgi_pass unix:${socketOf(pool)};`,
        '}',
      ].join('\n'),
    )
    const nginx = await startNginx({ env: settings, extra: [...locations, extra].join('\n') })
    try {
      const { origin } = new URL(nginx.url)
      const addresses = new Map(pools.map(({ name }, i) => [name, `${origin}/pool${i}`]))
      const processes = (name: string) => childrenOf(children.get(name)?.pid ?? 0)
      await use({ origin, cgi: nginx.url, addresses, processes })
    } finally {
      await nginx.stop()
    }
  } finally {
    for (const { pid } of children.values()) if (pid !== undefined) process.kill(-pid, 'SIGTERM')
  }
}

/** `count` processes of `file`; undefined where spawn-fcgi or the file is missing. */
export function spawned(
  count: number,
  file: string | undefined,
  settings: Variables,
): Pool['start'] | undefined {
  if (file === undefined || !existsSync('/usr/bin/spawn-fcgi')) return undefined
  const each = Array.from({ length: count }, () => `${file} <&3 &`).join(' ')
  // A shell gives /dev/null to what it starts with &, but for what it is told.
  const script = `exec 3<&0; ${each} wait`
  const env = { PATH: '/usr/bin:/bin', ...settings }
  // What one user keeps, another does not touch: nginx starts CGI programs as this one.
  const ids = isRoot() ? serverIds() : {}
  // spawn-fcgi keeps no process of its own: all of a pool is one group, which is ended together.
  return (socket) => {
    const args = ['-n', '-s', socket, '-M', '0666', '--', '/bin/sh', '-c', script]
    return spawn('spawn-fcgi', args, { env, stdio: 'ignore', detached: true, ...ids })
  }
}

/** A new directory that web servers reach, below the home of the bench. */
export function servedHome(setting: Setting, name: string): string {
  const home = join(setting.home, name)
  mkdirSync(home)
  for (const path of [setting.home, home]) chmodSync(path, 0o755)
  for (const path of [setting.home, home]) giveToServer(path)
  return home
}

/** Our settings for a directory, which is made: without sync and checksum. */
export function settingsOf(setting: Setting, directory: string): Variables {
  mkdirSync(directory)
  giveToServer(directory)
  chmodSync(directory, 0o777)
  const env = { ...requestEnv({ ...setting, directory }, ''), ...plain }
  return Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith('UPLOAD_CGI')))
}

/**
 * A program in C that does the least by FastCGI, in `home`, whose page.html is its page. Undefined
 * where the library is not installed.
 */
export function compileFloor(home: string): string | undefined {
  if (!existsSync('/usr/include/fcgiapp.h')) return undefined
  const file = join(home, 'floor')
  const source = join(import.meta.dirname, 'peers/fastcgi.c')
  const page = `-DPAGE="${home}/page.html"`
  execFileSync('gcc', ['-O2', page, '-o', file, source, '-lfcgi'])
  return file
}
