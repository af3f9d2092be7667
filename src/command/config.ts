// `upload.cgi config`: the settings in force, and where each comes from. Exit status 0, or 78 when some are wrong.

import { loadSettings } from '../settings/load.ts'
import type { LoadedSettings } from '../settings/settings.ts'
import { settingsTable } from '../settings/table.ts'

/** One line a setting: key = value, and with `withOrigin` its source in front, as git config does. */
export function config(script: string, withOrigin: boolean, asJson: boolean): number {
  const settings = loadSettings(process.env, process.execPath, script)
  const rows = settingsTable.map(({ key, name }) => ({
    key,
    value: settings[name as keyof LoadedSettings],
    origin: settings.origins.get(key) ?? 'default',
  }))
  if (asJson) process.stdout.write(`${JSON.stringify({ file: settings.file, settings: rows })}\n`)
  else {
    for (const { key, value, origin } of rows) {
      const shown = `${key} = ${shownValue(key, value)}`
      process.stdout.write(`${withOrigin ? `${origin}\t${shown}` : shown}\n`)
    }
  }
  return complain(settings)
}

function complain({ problems }: LoadedSettings): number {
  for (const { where, problem, remedy } of problems) {
    process.stderr.write(`upload.cgi: ${where}: ${problem}: ${remedy}\n`)
  }
  return problems.length > 0 ? 78 : 0
}

/** As the settings file has it: sizes in bytes, times in seconds. */
function shownValue(key: string, value: unknown): string {
  if (key === 'file_mode') return `"0${Number(value).toString(8)}"`
  if (key === 'partial_lifetime') return `"${value}s"`
  return JSON.stringify(value)
}
