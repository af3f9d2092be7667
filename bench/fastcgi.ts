// upload.cgi by FastCGI behind one nginx, beside itself as CGI, php-fpm and a C program on libfcgi:
// requests a second, a page of the same size from each. None of them syncs or makes a checksum.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startNginx } from '../test/host/nginx.ts'
import { giveToServer, isRoot, serverIds } from '../test/host/user.ts'
import { quantile } from './measure.ts'
import { heading, table } from './report.ts'
import { perSecond } from './served.ts'
import { bodyFile, plain, program, requestEnv, type Setting } from './setting.ts'

const phpFpm = '/usr/sbin/php-fpm8.2'

/** Leaves out what is not installed. */
export async function benchFastCgi(setting: Setting): Promise<void> {
  const home = join(setting.home, 'fastcgi')
  const directory = join(home, 'stored')
  for (const path of [home, directory]) mkdirSync(path)
  for (const path of [setting.home, home]) chmodSync(path, 0o755)
  for (const path of [home, directory]) giveToServer(path)
  chmodSync(directory, 0o777)
  const env = { ...requestEnv({ ...setting, directory }, ''), ...plain }
  const settings = Object.fromEntries(
    Object.entries(env).filter(([name]) => name.startsWith('UPLOAD_CGI')),
  )
  writePage(join(home, 'page.html'), settings)
  const children: ChildProcess[] = []
  try {
    const pools = startPools(home, settings, children)
    const sockets = [...pools.values()].map(({ socket }) => socket)
    while (!sockets.every((socket) => existsSync(socket))) await delay(20)
    const nginx = await startNginx({ env: settings, extra: locations([...pools.values()]) })
    try {
      const { origin } = new URL(nginx.url)
      const addresses = new Map([['upload.cgi, CGI', nginx.url]])
      for (const [name, pool] of pools) addresses.set(name, origin + pool.address)
      compare(setting, addresses)
    } finally {
      await nginx.stop()
    }
  } finally {
    for (const { pid } of children) if (pid !== undefined) process.kill(-pid, 'SIGTERM')
  }
}

type Pool = { readonly socket: string; readonly address: string; readonly lines: string }

function startPools(
  home: string,
  settings: Readonly<Record<string, string>>,
  children: ChildProcess[],
): ReadonlyMap<string, Pool> {
  const pools = new Map<string, Pool>()
  const add = (name: string, lines = '') => {
    const socket = join(home, `${pools.size}.sock`)
    pools.set(name, { socket, address: `/pool${pools.size}`, lines })
    return socket
  }
  // spawn-fcgi keeps no process of its own: all of a pool is one group, which is ended together.
  const group = { stdio: 'ignore', detached: true } as const
  const many = (count: number, file: string, socket: string) => {
    const words = `spawn-fcgi -n -s ${socket} -M 0666 -- /bin/sh -c`
    const each = Array.from({ length: count }, () => `${file} <&3 &`).join(' ')
    // A shell gives /dev/null to what it starts with &, but for what it is told.
    const script = `exec 3<&0; ${each} wait`
    const env = { PATH: '/usr/bin:/bin', ...settings }
    const [command = '', ...args] = [...words.split(' '), script]
    // What one user keeps, another does not touch: nginx starts CGI programs as this one.
    const ids = isRoot() ? serverIds() : {}
    children.push(spawn(command, args, { env, ...group, ...ids }))
  }
  if (existsSync('/usr/bin/spawn-fcgi')) {
    many(1, program, add('upload.cgi, one process'))
    many(2, program, add('upload.cgi, two processes'))
    if (existsSync('/usr/include/fcgiapp.h')) {
      many(2, compileFloor(home), add('C on libfcgi, two processes'))
    }
  }
  if (existsSync(phpFpm)) {
    const script = join(home, 'upload.php')
    writeFileSync(script, phpText(home))
    const socket = add('php-fpm, two processes', `fastcgi_param SCRIPT_FILENAME ${script};`)
    const pool = ['[www]', 'user = www-data', 'group = www-data', `listen = ${socket}`]
    const rest = ['listen.mode = 0666', 'pm = static', 'pm.max_children = 2', 'clear_env = no']
    const log = [`[global]`, `error_log = ${home}/fpm.log`, 'daemonize = no']
    const file = join(home, 'fpm.conf')
    writeFileSync(file, [...log, ...pool, ...rest, ''].join('\n'))
    const env = { PATH: '/usr/bin:/bin', ...settings }
    children.push(spawn(phpFpm, ['-F', '-y', file], { env, ...group }))
  }
  return pools
}

function locations(pools: readonly Pool[]): string {
  return pools
    .map(({ socket, address, lines }) =>
      [
        `location ${address} {`,
        '  include /etc/nginx/fastcgi_params;',
        `  ${lines}`,
        `  fastcgi_pass unix:${socket};`,
        '}',
      ].join('\n'),
    )
    .join('\n')
}

function compare(setting: Setting, addresses: ReadonlyMap<string, string>): void {
  const { path } = bodyFile(setting, 'fastcgi-small', [1000])
  const columns = ['', path].flatMap((body) =>
    [1, 8, 64].map((atOnce) => ({ title: `${body ? 'POST' : 'GET'}, ${atOnce}`, body, atOnce })),
  )
  const seen = new Map<string, number[]>()
  const rounds = setting.isQuick ? 1 : 5
  for (let round = 0; round < rounds; round++) {
    for (const { title, body, atOnce } of columns) {
      for (const [name, url] of addresses) {
        // The same time for each, about: CGI takes so much longer.
        const count = name.endsWith('CGI') ? 64 : 640
        const key = `${title}: ${name}`
        seen.set(key, [...(seen.get(key) ?? []), perSecond(url, count, atOnce, body)])
      }
    }
  }
  heading('By FastCGI behind nginx, requests a second, and how many at a time')
  const rate = (title: string, name: string) => quantile(seen.get(`${title}: ${name}`) ?? [], 0.5)
  table(
    ['program', ...columns.map(({ title }) => title)],
    [...addresses.keys()].map((name) => [
      name,
      ...columns.map(({ title }) => rate(title, name).toFixed(0)),
    ]),
  )
}

/** Our form, for the others to send: a page of the same size. */
function writePage(path: string, settings: Readonly<Record<string, string>>): void {
  const request = { REQUEST_METHOD: 'GET', SERVER_PROTOCOL: 'HTTP/1.1', HTTP_ACCEPT: 'text/html' }
  const reply = execFileSync(program, { env: { ...settings, ...request }, encoding: 'utf8' })
  writeFileSync(path, reply.slice(reply.indexOf('\r\n\r\n') + 4))
}

function phpText(home: string): string {
  const source = readFileSync(join(import.meta.dirname, 'peers/upload.php'), 'utf8')
  return source.replace(/ {2}echo '<form.*';\n/, `  readfile('${home}/page.html');\n`)
}

function compileFloor(home: string): string {
  const file = join(home, 'floor')
  const source = join(import.meta.dirname, 'peers/fastcgi.c')
  const page = `-DPAGE="${home}/page.html"`
  execFileSync('gcc', ['-O2', page, '-o', file, source, '-lfcgi'])
  return file
}
