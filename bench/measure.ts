// Runs commands in turn, many times, and compares them by medians and by ratios round by round: on
// a busy machine, runs that are close in time are disturbed alike. Absolute times are of this
// machine and this moment only.

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Command = {
  readonly name: string
  readonly words: readonly string[]
  /** Added to the environment of the run. */
  readonly env?: Readonly<Record<string, string>>
}

export type Sample = {
  /** Nanoseconds. */
  readonly wall: number
  /** Microseconds of processor time, user and system. */
  readonly cpu: number
  /** Peak resident memory, bytes. */
  readonly memory: number
}

export type Run = {
  readonly rounds: number
  /** The path of a file; '' for none. */
  readonly input: string
  readonly through: 'pipe' | 'file'
  /** The visible files in this directory are removed between runs. */
  readonly directory: string
  readonly env: Readonly<Record<string, string>>
  readonly commands: readonly Command[]
  /** True if the files of the last run stay in the directory. */
  readonly isKept?: boolean
}

/** The samples by the name of the command, one a round. Throws when a command fails. */
export function measure(run: Run): ReadonlyMap<string, readonly Sample[]> {
  const words = run.commands.flatMap(({ words, env = {} }, i) => {
    const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`)
    const own = settings.length === 0 ? words : ['/usr/bin/env', ...settings, ...words]
    return i === 0 ? own : ['--', ...own]
  })
  const { rounds, input, through, directory, isKept = false } = run
  const end = isKept ? 'keep' : 'clear'
  const args = [String(rounds), input || '/dev/null', through, directory, end, ...words]
  const { stdout, status } = spawnSync(runner(), args, {
    env: { PATH: '/usr/bin:/bin', ...run.env },
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  })
  if (status !== 0) throw new Error(`the runner ended with ${status}`)
  const samples = new Map<string, Sample[]>(run.commands.map(({ name }) => [name, []]))
  for (const line of stdout.trim().split('\n')) {
    const [index = 0, wall = 0, cpu = 0, memory = 0, ended = 1] = line.split(' ').map(Number)
    const { name = '' } = run.commands[index] ?? {}
    if (ended !== 0) throw new Error(`${name} ended with ${ended}`)
    samples.get(name)?.push({ wall, cpu, memory: memory * 1024 })
  }
  return samples
}

export type Ratio = { readonly median: number; readonly low: number; readonly high: number }

/** The ratio of one to the other, round by round; low and high are the quartiles. */
export function ratio(
  one: readonly Sample[] = [],
  other: readonly Sample[] = [],
  of: 'wall' | 'cpu' = 'wall',
): Ratio {
  const ratios = one.map((sample, i) => sample[of] / (other[i]?.[of] ?? Number.NaN))
  return {
    median: quantile(ratios, 0.5),
    low: quantile(ratios, 0.25),
    high: quantile(ratios, 0.75),
  }
}

export function median(samples: readonly Sample[] = [], of: keyof Sample = 'wall'): number {
  return quantile(
    samples.map((sample) => sample[of]),
    0.5,
  )
}

export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((one, other) => one - other)
  const at = (sorted.length - 1) * part
  const [low = Number.NaN, high = low] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]]
  return low + (high - low) * (at - Math.floor(at))
}

/**
 * The user, nice and system time of all processors: /proc/stat counts it in hundredths of a second.
 */
export function busyMicroseconds(): number {
  const [, user, nice, system] = readFileSync('/proc/stat', 'latin1').split(/\s+/).map(Number)
  return ((user ?? 0) + (nice ?? 0) + (system ?? 0)) * 1e4
}

let compiled = ''

function runner(): string {
  if (compiled !== '') return compiled
  const home = mkdtempSync(join(tmpdir(), 'upload-cgi-bench-'))
  process.once('exit', () => rmSync(home, { recursive: true }))
  compiled = join(home, 'run')
  execFileSync('gcc', ['-O2', '-o', compiled, join(import.meta.dirname, 'run.c')])
  return compiled
}
