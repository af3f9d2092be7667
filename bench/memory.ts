// Measures memory: whether it grows with the file, and how much uploads that run at the same time
// take together. Processes share the pages of the executable. Private memory is what each process
// has for itself and no file could give back.

import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { quantile } from './measure.ts'
import { aim, heading, table } from './report.ts'
import { boundary, plain, program, requestEnv, type Setting } from './setting.ts'

const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="0.bin"\r\n\r\n`
const tail = `\r\n--${boundary}--\r\n`

export async function benchMemory(setting: Setting): Promise<void> {
  const sizes: readonly (readonly [string, number])[] = [
    ['1 MB', 1e6],
    ...(setting.isQuick
      ? ([['1 GiB', 2 ** 30]] as const)
      : ([
          ['1 GiB', 2 ** 30],
          ['8 GiB', 2 ** 33],
        ] as const)),
  ]
  const rows: { name: string; peak: number; own: number }[] = []
  for (const [name, bytes] of sizes) rows.push({ name, ...(await one(setting, bytes)) })
  heading('Memory of a POST, at its end')
  table(
    ['size', 'peak resident MB', 'private MB'],
    rows.map(({ name, peak, own }) => [name, (peak / 1e6).toFixed(1), (own / 1e6).toFixed(1)]),
  )
  const [first, last] = [rows[0], rows.at(-1)]
  const growth = ((last?.peak ?? 0) - (first?.peak ?? 0)) / 1e6
  const what = `peak memory at ${last?.name} less that at 1 MB, in MB`
  aim(what, { median: growth, low: growth, high: growth }, 2)
  await atOnce(setting, setting.isQuick ? 20 : 50)
}

/**
 * Sends everything but the end, and then reads the memory of the waiting process. Three times; the
 * medians, in bytes.
 */
async function one(setting: Setting, bytes: number): Promise<{ peak: number; own: number }> {
  const looks: { peak: number; own: number }[] = []
  for (let round = 0; round < (bytes > 2 ** 32 ? 1 : 3); round++) {
    const child = start(setting, head.length + bytes + tail.length)
    const { pid = 0, stdin } = child
    stdin?.write(head)
    const chunk = randomBytes(1 << 20)
    for (let left = bytes; left > 0; left -= chunk.length) {
      if (stdin?.write(chunk.subarray(0, left)) === false) await once(stdin, 'drain')
    }
    await delay(200)
    const [, peak = 0] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? []
    looks.push({ peak: 1024 * Number(peak), own: privateBytes(pid) })
    stdin?.end(tail)
    const [status] = await once(child, 'close')
    if (status !== 0) throw new Error(`upload.cgi ended with ${status}`)
    for (const name of readdirSync(setting.directory)) {
      if (!name.startsWith('.')) rmSync(join(setting.directory, name))
    }
  }
  const middle = (of: 'peak' | 'own') =>
    quantile(
      looks.map((look) => look[of]),
      0.5,
    )
  return { peak: middle('peak'), own: middle('own') }
}

/** Each client sends a megabyte and then waits. */
async function atOnce(setting: Setting, count: number): Promise<void> {
  const children = Array.from({ length: count }, () => {
    const child = start(setting, 2_000_000)
    child.stdin?.write(head)
    child.stdin?.write(Buffer.alloc(1_000_000))
    return child
  })
  await delay(setting.isQuick ? 3000 : 6000)
  const parts = children.map(({ pid }) => privateBytes(pid ?? 0))
  for (const child of children) child.kill('SIGKILL')
  await Promise.all(children.map((child) => once(child, 'close')))
  const each = quantile(parts, 0.5) / 1e6
  const total = parts.reduce((sum, part) => sum + part, 0) / 1e6
  heading(`${count} slow uploads at once`)
  table(
    ['private memory', 'MB'],
    [
      ['of each, median', each.toFixed(1)],
      ['of all', total.toFixed(0)],
    ],
  )
  aim('private memory of a process, in MB', { median: each, low: each, high: each }, 12)
}

function start(setting: Setting, bytes: number): ChildProcess {
  const env = { ...requestEnv(setting, 'POST', bytes), ...plain }
  const child = spawn(program, [], { env, stdio: ['pipe', 'ignore', 'inherit'] })
  child.stdin?.on('error', () => undefined) // killed at the end
  return child
}

function privateBytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const values = [...text.matchAll(/^Private_Dirty: +(\d+) kB$/gm)]
  return values.reduce((sum, [, value]) => sum + 1024 * Number(value), 0)
}
