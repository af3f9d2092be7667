// Checks before any comparison that each program does the job, byte for byte.

import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Command, measure } from './measure.ts'
import { commandsOf, perlForm } from './peers.ts'
import { bodyFile, boundary, ours, plain, requestEnv, type Setting } from './setting.ts'

/** Throws when a program fails or stores anything but the file that it was sent. */
export function verify(setting: Setting): void {
  const storesNothing = ['C, static', perlForm]
  const names = [...setting.peers.programs.keys()].filter((name) => !storesNothing.includes(name))
  const body = bodyFile(setting, 'verify', [100_000])
  const whole = readFileSync(body.path)
  const start = whole.indexOf('\r\n\r\n') + 4
  const content = whole.subarray(start, whole.lastIndexOf(`\r\n--${boundary}--`))
  for (const command of [ours('upload.cgi', plain), ...commandsOf(setting.peers, names)]) {
    verifyOne(setting, command, body, content)
  }
  rmSync(body.path)
}

function verifyOne(
  setting: Setting,
  command: Command,
  body: { readonly path: string; readonly bytes: number },
  content: Buffer,
): void {
  measure({
    rounds: 1,
    input: body.path,
    through: 'pipe',
    directory: setting.directory,
    env: requestEnv(setting, 'POST', body.bytes),
    commands: [command],
    isKept: true,
  })
  const stored = readdirSync(setting.directory).filter((name) => !name.startsWith('.'))
  const [name = ''] = stored
  const isRight = stored.length === 1 && readFileSync(join(setting.directory, name)).equals(content)
  if (!isRight) throw new Error(`${command.name} stores ${stored.join(', ') || 'nothing'}`)
  rmSync(join(setting.directory, name))
}
