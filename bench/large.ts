// Measures what moving the body costs: one large file, many middling ones, fields that are refused.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { busyMicroseconds, type Command, measure, median, ratio, type Sample } from './measure.ts'
import { commandsOf } from './peers.ts'
import { aim, heading, table } from './report.ts'
import type { Served } from './served.ts'
import {
  type Body,
  bodyFile,
  boundary,
  ours,
  plain,
  requestEnv,
  type Setting,
  textFile,
} from './setting.ts'

export function benchLarge(setting: Setting): void {
  const [body, size] = largeBody(setting)
  oneFile(setting, body, size)
  durable(setting, body, size)
  rmSync(body.path)
}

export async function benchLargeServed(setting: Setting, served: Served): Promise<void> {
  const [body, size] = largeBody(setting)
  throughApache(served, body, size)
  rmSync(body.path)
}

/** With its size in words. */
export function largeBody(setting: Setting): [body: Body, size: string] {
  const bytes = setting.isQuick ? 2 ** 28 : 2 ** 30
  return [bodyFile(setting, 'large', [bytes]), setting.isQuick ? '256 MiB' : '1 GiB']
}

export function benchMany(setting: Setting): void {
  const many = setting.isQuick ? 5 : 20
  const files = bodyFile(setting, 'many', Array(many).fill(50_000_000))
  compare(setting, files, `${many} files of 50 MB through a pipe`, 3)
  rmSync(files.path)
  refused(setting)
}

function oneFile(setting: Setting, body: Body, size: string): void {
  const to = join(setting.directory, 'floor')
  const machine: Command[] = [
    { name: 'cat > file', words: ['sh', '-c', `exec cat > ${to}`] },
    { name: 'tee and sha256sum', words: ['sh', '-c', `tee ${to} | sha256sum`] },
  ]
  const samples = compare(setting, body, `${size} through a pipe`, setting.isQuick ? 5 : 9, machine)
  const [cat, sum] = [samples.get('cat > file'), samples.get('tee and sha256sum')]
  const own = samples.get('upload.cgi, as the peers')
  aim(`${size} from a pipe to cat > file, wall`, ratio(own, cat), 1.1)
  aim(`${size} from a pipe to cat > file, processor`, ratio(own, cat, 'cpu'), 1.1)
  const summed = samples.get('upload.cgi, checksum')
  aim(`${size} with checksum to tee and sha256sum, wall`, ratio(summed, sum), 1.1)
  aim(`${size} with checksum to tee and sha256sum, processor`, ratio(summed, sum, 'cpu'), 1.1)
  for (const [name, other] of samples) {
    if (setting.peers.programs.has(name)) aim(`${size} to ${name}`, ratio(own, other), 1)
  }
}

function compare(
  setting: Setting,
  body: Body,
  title: string,
  rounds: number,
  machine: readonly Command[] = [],
): ReadonlyMap<string, readonly Sample[]> {
  const names = ['haserl', 'Perl CGI.pm', 'php-cgi', "Python's cgi", 'Node + busboy']
  const commands = [
    ours('upload.cgi, as the peers', plain),
    ours('upload.cgi, checksum', { UPLOAD_CGI_DURABLE: 'false' }),
    ...machine,
    ...commandsOf(setting.peers, names),
  ]
  const env = requestEnv(setting, 'POST', body.bytes)
  const run = {
    rounds,
    input: body.path,
    through: 'pipe',
    directory: setting.directory,
    env,
    commands,
  } as const
  const samples = measure(run)
  printMoves(title, samples, 'upload.cgi, as the peers')
  return samples
}

function printMoves(
  title: string,
  samples: ReadonlyMap<string, readonly Sample[]>,
  own: string,
): void {
  heading(title)
  table(
    ['program', 'median s', 'to upload.cgi', 'processor s'],
    [...samples].map(([name, all]) => [
      name,
      (median(all) / 1e9).toFixed(2),
      ratio(all, samples.get(own)).median.toFixed(2),
      (median(all, 'cpu') / 1e6).toFixed(2),
    ]),
  )
}

/** The processor time is that of the whole machine meanwhile, the client and Apache included. */
function throughApache({ addresses, directory }: Served, body: Body, size: string): void {
  const samples = new Map<string, Sample[]>()
  for (let round = 0; round < 3; round++) {
    for (const [name, url] of addresses) {
      if (name === 'C, static') continue
      const [startedAt, busy] = [process.hrtime.bigint(), busyMicroseconds()]
      const type = `Content-Type: multipart/form-data; boundary=${boundary}`
      const args = ['-sS', '-X', 'POST', '-T', body.path, '-H', type, '-H', 'Expect:']
      const said = execFileSync('curl', [...args, '-o', '/dev/null', '-w', '%{http_code}', url])
      const wall = Number(process.hrtime.bigint() - startedAt)
      const sample = { wall, cpu: busyMicroseconds() - busy, memory: 0 }
      if (!/^2/.test(String(said))) throw new Error(`${name} answers ${said}`)
      samples.set(name, [...(samples.get(name) ?? []), sample])
      for (const one of readdirSync(directory)) {
        if (!one.startsWith('.')) rmSync(join(directory, one))
      }
    }
  }
  printMoves(`${size} through Apache (mod_cgid)`, samples, 'upload.cgi')
}

/** Measured on a disk, since a sync costs nothing in memory. */
function durable(setting: Setting, body: Body, size: string): void {
  const directory = mkdtempSync(join(tmpdir(), 'upload-cgi-bench-disk-'))
  try {
    const env = { ...requestEnv(setting, 'POST', body.bytes), UPLOAD_CGI_DIRECTORY: directory }
    const words = ['sh', '-c', `exec dd of=${directory}/floor bs=128K conv=fsync 2>/dev/null`]
    const commands = [
      ours('upload.cgi, durable', { UPLOAD_CGI_CHECKSUM: 'none' }),
      { name: 'dd conv=fsync', words },
    ]
    const rounds = setting.isQuick ? 3 : 7
    const samples = measure({ rounds, input: body.path, through: 'pipe', directory, env, commands })
    const [own, dd] = [samples.get('upload.cgi, durable'), samples.get('dd conv=fsync')]
    heading(`${size} through a pipe, synced to a disk`)
    table(
      ['program', 'median s', 'to dd'],
      [...samples].map(([name, all]) => [
        name,
        (median(all) / 1e9).toFixed(2),
        ratio(all, dd).median.toFixed(2),
      ]),
    )
    aim(`${size} durable to dd conv=fsync`, ratio(own, dd), 1.05)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/**
 * Sends 100 000 fields where 100 are allowed: the body is refused at the 101st and read to the end.
 */
function refused(setting: Setting): void {
  const field = `--${boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n`
  const body = textFile(setting, 'fields', `${field.repeat(100_000)}--${boundary}--\r\n`)
  compareRefused(setting, body)
  rmSync(body.path)
}

function compareRefused(setting: Setting, body: Body): void {
  const names = ['Perl CGI.pm', 'php-cgi', "Python's cgi", 'Node + busboy']
  const commands = [ours('upload.cgi', plain), ...commandsOf(setting.peers, names)]
  const env = requestEnv(setting, 'POST', body.bytes)
  const run = {
    rounds: 3,
    input: body.path,
    through: 'pipe',
    directory: setting.directory,
    env,
    commands,
  } as const
  const samples = measure(run)
  heading('100 000 fields (upload.cgi refuses at the 101st)')
  table(
    ['program', 'median s', 'processor s', 'memory MB'],
    [...samples].map(([name, own]) => [
      name,
      (median(own) / 1e9).toFixed(2),
      (median(own, 'cpu') / 1e6).toFixed(2),
      (median(own, 'memory') / 1e6).toFixed(0),
    ]),
  )
}
