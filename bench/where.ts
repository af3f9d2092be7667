// Shows without noise where the time goes: instructions in user space, counted by valgrind. It does
// not count those of the system.

import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { heading, table } from './report.ts'
import { bodyFile, plain, program, requestEnv, type Setting } from './setting.ts'

export function benchWhere(setting: Setting): void {
  heading('Instructions in user space')
  const script = join(setting.home, 'nothing.cjs')
  writeFileSync(script, '')
  const body = bodyFile(setting, 'where', [1000])
  const get = requestEnv(setting, 'GET')
  const post = requestEnv(setting, 'POST', body.bytes)
  const input = readFileSync(body.path)
  const rows: readonly (readonly [string, readonly string[], Record<string, string>, Buffer?])[] = [
    ['Node as it comes, an empty script', [process.execPath, '--jitless', script], get],
    ['an empty executable', [setting.empty], get],
    ['GET', [program], get],
    ['POST of 1 KB, as the peers', [program], { ...post, ...plain }, input],
    ['POST of 1 KB', [program], post, input],
  ]
  let first = 0
  const lines = rows.map(([name, words, env, bytes]) => {
    const count = instructions(words, env, bytes)
    if (count === undefined) return [name, 'valgrind is not installed', '']
    first ||= count
    return [name, (count / 1e6).toFixed(0), (count / first).toFixed(2)]
  })
  table(['what', 'millions', 'to the first'], lines)
}

function instructions(
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  input: Buffer = Buffer.alloc(0),
): number | undefined {
  const args = ['--tool=callgrind', '--callgrind-out-file=/dev/null', ...words]
  const { stderr } = spawnSync('valgrind', args, { env: { PATH: '/usr/bin:/bin', ...env }, input })
  const [, count] = /Collected : (\d+)/.exec(String(stderr)) ?? []
  return count === undefined ? undefined : Number(count)
}
