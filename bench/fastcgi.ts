// upload.cgi by FastCGI behind one nginx, beside itself as CGI, php-fpm and a C program on libfcgi:
// requests a second, a page of the same size from each. None of them syncs or makes a checksum.

import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  compileFloor,
  type Pool,
  servedHome,
  settingsOf,
  spawned,
  type Variables,
  withPools,
} from './fastcgi-pools.ts'
import { quantile } from './measure.ts'
import { heading, table } from './report.ts'
import { perSecond } from './served.ts'
import { bodyFile, program, type Setting } from './setting.ts'

const phpFpm = '/usr/sbin/php-fpm8.2'

/** Leaves out what is not installed. */
export async function benchFastCgi(setting: Setting): Promise<void> {
  const home = servedHome(setting, 'fastcgi')
  const settings = settingsOf(setting, join(home, 'stored'))
  writePage(join(home, 'page.html'), settings)
  const pools = [
    ...poolOf('upload.cgi, one process', spawned(1, program, settings)),
    ...poolOf('upload.cgi, two processes', spawned(2, program, settings)),
    ...poolOf('C on libfcgi, two processes', spawned(2, compileFloor(home), settings)),
    ...(existsSync(phpFpm) ? [phpPool(home, settings)] : []),
  ]
  await withPools(home, settings, pools, '', ({ cgi, addresses }) => {
    compare(setting, new Map([['upload.cgi, CGI', cgi], ...addresses]))
  })
}

function poolOf(name: string, start: Pool['start'] | undefined): Pool[] {
  return start === undefined ? [] : [{ name, start }]
}

function phpPool(home: string, settings: Variables): Pool {
  const script = join(home, 'upload.php')
  writeFileSync(script, phpText(home))
  const start = (socket: string) => {
    const pool = ['[www]', 'user = www-data', 'group = www-data', `listen = ${socket}`]
    const rest = ['listen.mode = 0666', 'pm = static', 'pm.max_children = 2', 'clear_env = no']
    const log = ['[global]', `error_log = ${home}/fpm.log`, 'daemonize = no']
    const file = join(home, 'fpm.conf')
    writeFileSync(file, [...log, ...pool, ...rest, ''].join('\n'))
    const env = { PATH: '/usr/bin:/bin', ...settings }
    return spawn(phpFpm, ['-F', '-y', file], { env, stdio: 'ignore', detached: true })
  }
  const lines = `fastcgi_param SCRIPT_FILENAME ${script};`
  return { name: 'php-fpm, two processes', start, lines }
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
function writePage(path: string, settings: Variables): void {
  const request = { REQUEST_METHOD: 'GET', SERVER_PROTOCOL: 'HTTP/1.1', HTTP_ACCEPT: 'text/html' }
  const reply = execFileSync(program, { env: { ...settings, ...request }, encoding: 'utf8' })
  writeFileSync(path, reply.slice(reply.indexOf('\r\n\r\n') + 4))
}

function phpText(home: string): string {
  const source = readFileSync(join(import.meta.dirname, 'peers/upload.php'), 'utf8')
  return source.replace(/ {2}echo '<form.*';\n/, `  readfile('${home}/page.html');\n`)
}
