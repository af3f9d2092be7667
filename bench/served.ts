// Measures upload.cgi and its peers through a real Apache with mod_cgid: requests a second, one at
// a time and eight at a time.

import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startApache } from '../test/host/apache.ts'
import { quantile } from './measure.ts'
import { heading, table } from './report.ts'
import { bodyFile, boundary, plain, program, requestEnv, type Setting } from './setting.ts'

/**
 * Each program at its own address. The first is ours, set as its peers are: without sync and
 * checksum.
 */
export type Served = {
  /** The directory into which all programs store. */
  readonly directory: string
  readonly addresses: ReadonlyMap<string, string>
  stop(): Promise<void>
}

export async function withServed(
  setting: Setting,
  use: (setting: Setting, served: Served) => Promise<void>,
): Promise<void> {
  const served = await serveAll(setting)
  try {
    await use(setting, served)
  } finally {
    await served.stop()
  }
}

async function serveAll(setting: Setting): Promise<Served> {
  const { programs, env } = setting.peers
  // A separate directory: in the other one, the files of the bare processes belong to another user.
  const directory = join(setting.home, 'served')
  mkdirSync(directory, { recursive: true })
  chmodSync(directory, 0o777)
  const all = { ...requestEnv({ ...setting, directory }, ''), ...env, ...plain }
  const settings = Object.entries(all).filter(([name]) =>
    /^(UPLOAD_CGI|PHPRC|TMPDIR|NODE_PATH)/.test(name),
  )
  chmodSync(setting.home, 0o755)
  const apache = await startApache({
    program,
    module: 'cgid',
    define: { UPLOAD_CGI_MAX_BODY: '0' },
    env: Object.fromEntries(settings.filter(([name]) => name.startsWith('UPLOAD_CGI'))),
    extra: [
      ...[...programs.values()].map((path, i) => `ScriptAlias "/peer${i}" "${path}"`),
      `<Directory "${setting.home}">`,
      '  Require all granted',
      '  LimitRequestBody 0',
      ...settings.map(([name, value]) => `  SetEnv ${name} "${value}"`),
      '</Directory>',
    ].join('\n'),
  })
  const { origin } = new URL(apache.url)
  const addresses = new Map([
    ['upload.cgi', apache.url],
    ...[...programs.keys()].map((name, i) => [name, `${origin}/peer${i}`] as const),
  ])
  return { directory, addresses, stop: () => apache.stop() }
}

export async function benchServed(setting: Setting, { addresses }: Served): Promise<void> {
  const small = bodyFile(setting, 'served-small', [1000])
  const middling = bodyFile(setting, 'served-middling', [100_000])
  const count = setting.isQuick ? 40 : 200
  const columns: readonly (readonly [string, number, string])[] = [
    ['GET, 1', 1, ''],
    ['GET, 8', 8, ''],
    ['POST 1 KB, 1', 1, small.path],
    ['POST 1 KB, 8', 8, small.path],
    ['POST 100 KB, 1', 1, middling.path],
    ['POST 100 KB, 8', 8, middling.path],
  ]
  // The programs run in turn, three times, so that other work of the machine affects all of them.
  const rates = new Map<string, number[]>()
  for (let round = 0; round < 3; round++) {
    for (const [title, atOnce, body] of columns) {
      for (const [name, url] of addresses) {
        if (body !== '' && name === 'C, static') continue
        const key = `${title}: ${name}`
        const rate = perSecond(url, Math.ceil(count / 3), atOnce, body)
        rates.set(key, [...(rates.get(key) ?? []), rate])
      }
    }
  }
  const rate = (title: string, name: string) => quantile(rates.get(`${title}: ${name}`) ?? [], 0.5)
  heading('Through Apache (mod_cgid), requests a second, one at a time and eight at a time')
  table(
    ['program', ...columns.map(([title]) => title)],
    [...addresses.keys()].map((name) => [
      name,
      ...columns.map(([title]) =>
        rates.has(`${title}: ${name}`) ? rate(title, name).toFixed(0) : '',
      ),
    ]),
  )
}

/** By ApacheBench. Throws when a request is refused. */
export function perSecond(url: string, count: number, atOnce: number, body = ''): number {
  const post = body === '' ? [] : ['-p', body, '-T', `multipart/form-data; boundary=${boundary}`]
  const args = ['-q', '-l', '-n', String(count), '-c', String(atOnce), ...post, url]
  const said = execFileSync('ab', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const [, rate = ''] = /Requests per second:\s+([\d.]+)/.exec(said) ?? []
  const [, wrong = '0'] = /Non-2xx responses:\s+(\d+)/.exec(said) ?? []
  if (wrong !== '0') throw new Error(`${url}: ${wrong} of ${count} were refused`)
  return Number(rate)
}
