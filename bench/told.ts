// Measures whether a visitor waits for those who are told: the time until the reply to a small
// upload has ended, with a program in `notify` and with nobody there, in turn. Each
// round waits until the deliverer has ended, so that it disturbs no other one.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { median, ratio, type Sample } from './measure.ts'
import { aim, heading, table } from './report.ts'
import { bodyFile, program, requestEnv, type Setting } from './setting.ts'

export async function benchTold(setting: Setting): Promise<void> {
  const body = bodyFile(setting, 'told', [1000])
  const content = readFileSync(body.path)
  const env = requestEnv(setting, 'POST', body.bytes)
  const told = '["/bin/true"]'
  const forms = [form(setting, 'nobody', ''), form(setting, 'somebody', `notify = ${told}\n`)]
  const [without, within]: [Sample[], Sample[]] = [[], []]
  for (let round = 0; round < (setting.isQuick ? 30 : 200); round++) {
    for (const [i, { directory, settings }] of forms.entries()) {
      const sample = await reply({ ...env, ...settings }, content)
      if (round > 0) (i === 0 ? without : within).push(sample)
      await settled(directory)
    }
  }
  heading('The reply to an upload of 1 KB, with and without somebody in notify')
  table(
    ['notify', 'median ms'],
    [
      ['nobody', (median(without) / 1e6).toFixed(1)],
      ['a program', (median(within) / 1e6).toFixed(1)],
    ],
  )
  aim('the reply with somebody in notify to that without', ratio(within, without), 1.03)
  for (const { home } of forms) rmSync(home, { recursive: true })
  rmSync(body.path)
}

type Form = {
  readonly home: string
  readonly directory: string
  readonly settings: Readonly<Record<string, string | undefined>>
}

function form(setting: Setting, name: string, lines: string): Form {
  const home = join(setting.home, name)
  const directory = join(home, 'uploads')
  mkdirSync(directory, { recursive: true })
  const path = join(home, 'settings.toml')
  writeFileSync(path, `directory = "${directory}"\non_conflict = "overwrite"\n${lines}`)
  return { home, directory, settings: { UPLOAD_CGI_CONFIG: path, UPLOAD_CGI_DIRECTORY: undefined } }
}

/** Until the server has the whole reply; what the process does then is not waited for. */
async function reply(
  env: Readonly<Record<string, string | undefined>>,
  body: Buffer,
): Promise<Sample> {
  const startedAt = process.hrtime.bigint()
  const child = spawn(program, [], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(body)
  let text = ''
  for await (const chunk of child.stdout) text += chunk
  const wall = Number(process.hrtime.bigint() - startedAt)
  if (!text.startsWith('Status: 201')) throw new Error(text)
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return { wall, cpu: 0, memory: 0 }
}

/** Everybody has heard, and the deliverer has ended. */
async function settled(directory: string): Promise<void> {
  const left = () =>
    ['storing', 'delivering'].flatMap((kind) => {
      const path = join(directory, '.upload-cgi/notes', kind)
      return existsSync(path) ? readdirSync(path) : []
    })
  while (left().length > 0) await sleep(20)
  await sleep(100)
}
