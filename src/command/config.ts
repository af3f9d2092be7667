// `upload.cgi config`: the settings in force, and where each comes from. Exit status 0, or 78 when some are wrong.

import { loadSettings } from '../settings/load.ts'
import { problemText } from '../settings/settings.ts'
import { settingsTable } from '../settings/table.ts'

/** One line a setting: key = value, and with `withOrigin` its source in front, as git config does. */
export function config(script: string, withOrigin: boolean, asJson: boolean): number {
  const settings = loadSettings(process.env, process.execPath, script)
  const values: Readonly<Record<string, unknown>> = settings
  const originOf = (key: string) => settings.origins.get(key) ?? 'default'
  if (asJson) {
    const rows = settingsTable.map(({ key, name }) => ({
      key,
      value: values[name],
      origin: originOf(key),
    }))
    process.stdout.write(`${JSON.stringify({ file: settings.file, settings: rows })}\n`)
  } else {
    for (const { key, name, kind } of settingsTable) {
      const shown = `${key} = ${kind.show(values[name])}`
      process.stdout.write(`${withOrigin ? `${originOf(key)}\t${shown}` : shown}\n`)
    }
  }
  for (const problem of settings.problems) {
    process.stderr.write(`upload.cgi: ${problemText(problem)}\n`)
  }
  return settings.problems.length > 0 ? 78 : 0
}
