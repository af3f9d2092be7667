// Settings files of any content: a request gets the form or an error that says so, never a 500, and
// the settings are read in no time.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadSettings } from '../../src/settings/load.ts'
import { settingsTable } from '../../src/settings/table.ts'
import { endOf, openExchange } from '../host/core.ts'
import { type Damage, damaged, isSlow } from './damage.ts'
import { randomFrom } from './fuzzer.ts'
import type { Random } from './mutate.ts'

/** `directory`: empty, for this alone. */
export function fuzzSettings(seed: number, seconds: number, directory: string): Damage {
  const random = randomFrom(seed)
  const until = performance.now() + seconds * 1000
  const file = join(directory, 'upload.toml')
  let executions = 0
  while (performance.now() < until) {
    executions++
    const bytes = random() < 0.6 ? damaged(random, sample(random)) : sample(random)
    writeFileSync(file, bytes)
    const problem = problemOf(file)
    if (problem !== undefined) {
      return { executions, problem: `${JSON.stringify(bytes.toString('latin1'))}\n${problem}` }
    }
  }
  return { executions, problem: undefined }
}

function problemOf(file: string): string | undefined {
  const complaints: string[] = []
  const before = performance.now()
  try {
    const settings = loadSettings({ UPLOAD_CGI_CONFIG: file }, '/nonexistent/upload.cgi', '')
    const { status, text } = endOf(openExchange({ REQUEST_METHOD: 'GET' }, settings, complaints))
    if (status === 500) return `${status} ${text}\n${complaints.join('\n')}`
  } catch (error) {
    return error instanceof Error ? error.stack : String(error)
  }
  return isSlow(before) ? 'it took long' : undefined
}

const values = [
  ...['20', '-1', '1e9', '0x10', 'inf', 'nan', '99999999999999999999', 'true', '"20 MB"', '""'],
  ...['"\\u0000"', '"../x"', '"/"', '[]', '["a", 1]', '["jpg"]', '[["a"]]', '{ a = 1 }'],
  ...['2026-11-26', '"https://a.example"', "'''x\ny'''", '"\\uD800"', '"1s"', '"x".y', '"☃"', ''],
]

function sample(random: Random): Buffer {
  const pick = <Item>(list: readonly Item[]) => list[Math.floor(random() * list.length)]
  const lines = Array.from({ length: Math.floor(random() * 6) }, () => {
    const key =
      random() < 0.9 ? pick(settingsTable)?.key : pick(['', 'a.b', '__proto__', '[x]', '"'])
    return `${key} = ${pick(values)}`
  })
  return Buffer.from(`directory = "/nonexistent"\n${lines.join('\n')}\n`)
}
