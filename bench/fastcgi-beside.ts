// How long a visitor waits for the page of a FastCGI process while eight others send large files as
// fast as they can, through nginx, which passes bodies on as they come. The sender, nginx, the
// program and whoever asks share the processors of the machine, so nginx's own file is asked for at
// the same time, too: what it takes is not the program's.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { residentBytes } from '../test/host/process-state.ts'
import { giveToServer } from '../test/host/user.ts'
import { servedHome, settingsOf, spawned, type Variables, withPools } from './fastcgi-pools.ts'
import { quantile } from './measure.ts'
import { aim, heading, table } from './report.ts'
import { program, type Setting } from './setting.ts'

const senders = 8
const fileBytes = 2 ** 26

type Seen = {
  readonly page: Waits
  readonly own: Waits
  readonly megabytesPerSecond: number
  readonly residentMegabytes: number
}
/** Of all requests of one round, in ms. */
type Waits = { readonly median: number; readonly most: number }

export async function benchFastCgiBeside(setting: Setting): Promise<void> {
  const home = servedHome(setting, 'beside')
  // A sync costs nothing in memory.
  const disk = mkdtempSync(join(tmpdir(), 'upload-cgi-bench-disk-'))
  giveToServer(disk)
  try {
    const numbered: Variables = { UPLOAD_CGI_ON_CONFLICT: 'rename' }
    const memory: Variables = { ...settingsOf(setting, join(home, 'stored')), ...numbered }
    const onDisk = { ...settingsOf(setting, join(disk, 'stored')), ...numbered }
    const synced: Variables = { ...onDisk, UPLOAD_CGI_DURABLE: 'true' }
    const pools = [
      ['durable off, one process', 1, memory] as const,
      ['durable off, two processes', 2, memory] as const,
      ['durable, on a disk, one process', 1, synced] as const,
      ['durable, on a disk, two processes', 2, synced] as const,
    ].flatMap(([name, count, settings]) => {
      const start = spawned(count, program, settings)
      return start === undefined ? [] : [{ name, start, lines: 'fastcgi_request_buffering off;' }]
    })
    const file = join(home, 'file')
    writeFileSync(file, Buffer.alloc(fileBytes, 'upload'))
    writeFileSync(join(home, 'page.html'), 'x'.repeat(30_000))
    const extra = `location = /page.html { root ${home}; }`
    await withPools(home, memory, pools, extra, async ({ origin, addresses, processes }) => {
      const seen = new Map<string, Seen[]>()
      for (let round = 0; round < (setting.isQuick ? 1 : 5); round++) {
        for (const [name, url] of addresses) {
          const pids = processes(name)
          const one = await beside(setting, file, { url, own: `${origin}/page.html`, pids })
          seen.set(name, [...(seen.get(name) ?? []), one])
          // To overwrite a file frees its memory, which is not what a visitor's upload does.
          for (const stored of [memory, synced]) removeFiles(stored['UPLOAD_CGI_DIRECTORY'] ?? '')
        }
      }
      print(seen)
    })
  } finally {
    rmSync(disk, { recursive: true })
  }
}

async function beside(
  setting: Setting,
  file: string,
  { url, own, pids }: { url: string; own: string; pids: readonly number[] },
): Promise<Seen> {
  const startedAt = performance.now()
  const sending = Array.from({ length: senders }, (_, i) => startSender(url, file, i))
  try {
    const seconds = setting.isQuick ? 3 : 6
    await delay(1000)
    const page = ask(setting, url, seconds)
    const ownPage = ask(setting, own, seconds / 3)
    const residentMegabytes = Math.max(...pids.map((pid) => residentBytes(pid) / 1e6))
    const took = (performance.now() - startedAt) / 1000
    await Promise.all(sending.map(stop))
    const files = sending.reduce((sum, { statuses }) => sum + statuses().length, 0)
    const megabytesPerSecond = (files * fileBytes) / 1e6 / took
    return { page, own: ownPage, megabytesPerSecond, residentMegabytes }
  } finally {
    await Promise.all(sending.map(stop))
    // What the cut uploads left is removed, and the disk has what it was given.
    await delay(500)
    execFileSync('sync')
  }
}

type Sender = { readonly child: ChildProcess; statuses(): readonly string[] }

/** Sends the file again and again, each sender by a name of its own. */
function startSender(url: string, file: string, index: number): Sender {
  const form = `file=@${file};filename=${index}.bin`
  const send = `curl -s -o /dev/null -w '%{http_code}\\n' -H Expect: -F '${form}' ${url}`
  const child = spawn('/bin/sh', ['-c', `while :; do ${send}; done`], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  })
  let said = ''
  child.stdout.on('data', (bytes: Buffer) => {
    said += bytes
  })
  return { child, statuses: () => said.split('\n').filter(Boolean) }
}

/** Throws when a file was refused. */
async function stop({ child, statuses }: Sender): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    await once(child, 'close')
  }
  const refused = statuses().filter((status) => status !== '201')
  if (refused.length > 0) throw new Error(`the senders were answered ${refused}`)
}

function removeFiles(directory: string): void {
  for (const name of readdirSync(directory)) {
    if (!name.startsWith('.')) rmSync(join(directory, name))
  }
}

/** By ApacheBench, one request after the other. */
function ask(setting: Setting, url: string, seconds: number): Waits {
  const path = join(setting.home, 'waits.csv')
  const limits = ['-t', String(seconds), '-n', '1000000', '-c', '1']
  const args = ['-q', '-l', ...limits, '-e', path, url]
  const said = execFileSync('ab', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  if (/Non-2xx responses|Failed requests: +[1-9]/.test(said)) throw new Error(`${url}: ${said}`)
  const rows = readFileSync(path, 'utf8').split('\n')
  const part = (percent: number) =>
    Number(rows.find((row) => row.startsWith(`${percent},`))?.split(',')[1])
  return { median: part(50), most: part(99) }
}

function print(seen: ReadonlyMap<string, readonly Seen[]>): void {
  heading(`The page beside ${senders} uploads at full rate, by FastCGI behind nginx`)
  const middle = (all: readonly Seen[], of: (one: Seen) => number) => quantile(all.map(of), 0.5)
  table(
    [
      'upload.cgi',
      'median ms',
      '99 of 100, ms',
      "nginx's own file: median ms",
      '99 of 100, ms',
      'uploads, MB a second',
      'resident MB',
    ],
    [...seen].map(([name, all]) => [
      name,
      middle(all, ({ page }) => page.median).toFixed(1),
      middle(all, ({ page }) => page.most).toFixed(1),
      middle(all, ({ own }) => own.median).toFixed(1),
      middle(all, ({ own }) => own.most).toFixed(1),
      middle(all, ({ megabytesPerSecond }) => megabytesPerSecond).toFixed(0),
      middle(all, ({ residentMegabytes }) => residentMegabytes).toFixed(0),
    ]),
  )
  for (const [name, all] of seen) {
    const waits = all.map(({ page }) => page.most)
    const quartile = (part: number) => quantile(waits, part)
    const figures = { median: quartile(0.5), low: quartile(0.25), high: quartile(0.75) }
    aim(`the page beside ${senders} uploads, 99 of 100, in ms: ${name}`, figures, 25)
  }
}
