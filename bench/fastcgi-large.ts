// A large file through nginx to a FastCGI process, in one run with nginx that writes the same body
// to a file itself (its module for PUT). All of it is in memory, so that no disk is measured.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { residentBytes } from '../test/host/process-state.ts'
import { giveToServer } from '../test/host/user.ts'
import { compileFloor, servedHome, settingsOf, spawned, withPools } from './fastcgi-pools.ts'
import { largeBody } from './large.ts'
import { busyMicroseconds, median, quantile, ratio, type Sample } from './measure.ts'
import { aim, heading, table } from './report.ts'
import { type Body, boundary, program, type Setting } from './setting.ts'

export async function benchFastCgiLarge(setting: Setting): Promise<void> {
  const home = servedHome(setting, 'fastcgi-large')
  const directory = join(home, 'stored')
  const settings = settingsOf(setting, directory)
  const summed = { ...settings, UPLOAD_CGI_CHECKSUM: 'sha256' }
  const lines = 'fastcgi_request_buffering off;'
  const kinds = [
    [named.plain, program, settings],
    [named.summed, program, summed],
    [named.floor, compileFloor(home), settings],
  ] as const
  const pools = kinds.flatMap(([name, file, env]) => {
    const start = spawned(1, file, env)
    return start === undefined ? [] : [{ name, start, lines }]
  })
  const [body, size] = largeBody(setting)
  await withPools(home, settings, pools, putLines(home), ({ origin, addresses, processes }) => {
    const urls = new Map([...addresses, [named.put, `${origin}/put/large`]])
    const samples = compare(setting, urls, processes, body, directory)
    print(samples, size)
  })
  rmSync(body.path)
}

/** What nginx puts is renamed from its own place, so both are on one file system. */
function putLines(home: string): string {
  const [root, temporary] = [join(home, 'root'), join(home, 'temporary')]
  for (const path of [root, join(root, 'put'), temporary]) {
    mkdirSync(path)
    giveToServer(path)
  }
  return `location /put/ { root ${root}; client_body_temp_path ${temporary}; dav_methods PUT; }`
}

/** The processor time is that of the whole machine meanwhile, the client and nginx included. */
function compare(
  setting: Setting,
  urls: ReadonlyMap<string, string>,
  processes: (name: string) => readonly number[],
  body: Body,
  directory: string,
): ReadonlyMap<string, readonly Sample[]> {
  const samples = new Map<string, Sample[]>()
  for (let round = 0; round < (setting.isQuick ? 3 : 7); round++) {
    for (const [name, url] of urls) {
      const isPut = name === named.put
      const method = isPut ? 'PUT' : 'POST'
      const type = `Content-Type: multipart/form-data; boundary=${boundary}`
      const args = ['-sS', '-X', method, '-T', body.path, '-H', type, '-H', 'Expect:']
      const [startedAt, busy] = [process.hrtime.bigint(), busyMicroseconds()]
      const said = execFileSync('curl', [...args, '-o', '/dev/null', '-w', '%{http_code}', url])
      const wall = Number(process.hrtime.bigint() - startedAt)
      const cpu = busyMicroseconds() - busy
      if (!/^20[014]/.test(String(said))) throw new Error(`${name} answers ${said}`)
      const memory = Math.max(0, ...processes(name).map(residentBytes))
      samples.set(name, [...(samples.get(name) ?? []), { wall, cpu, memory }])
      for (const one of readdirSync(directory)) {
        if (!one.startsWith('.')) rmSync(join(directory, one))
      }
    }
  }
  return samples
}

function print(samples: ReadonlyMap<string, readonly Sample[]>, size: string): void {
  const put = samples.get(named.put)
  heading(`${size} through nginx by FastCGI`)
  table(
    ['program', 'median s', 'to nginx', 'processor s', 'resident MB'],
    [...samples].map(([name, all]) => [
      name,
      (median(all) / 1e9).toFixed(2),
      ratio(all, put).median.toFixed(2),
      (median(all, 'cpu') / 1e6).toFixed(2),
      name === named.put
        ? ''
        : (
            quantile(
              all.map(({ memory }) => memory),
              1,
            ) / 1e6
          ).toFixed(0),
    ]),
  )
  for (const name of [named.plain, named.summed]) {
    if (samples.has(name))
      aim(`${size} to nginx alone: ${name}`, ratio(samples.get(name), put), 1.1)
  }
}

const named = {
  plain: 'upload.cgi, as the peers',
  summed: 'upload.cgi, checksum',
  floor: 'C on libfcgi',
  put: 'nginx alone, PUT',
} as const
