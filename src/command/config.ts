// `upload.cgi config`: the settings in force, and where each comes from. Exit status 0, or 78 when
// some of them are wrong.

import { loadSettings } from '../settings/load.ts'
import { problemText } from '../settings/settings.ts'
import { settingsTable } from '../settings/table.ts'
import { complain, print } from './terminal.ts'

/**
 * One line per setting: key = value. With `withOrigin` the origin comes first, as in git config.
 */
export function config(script: string, withOrigin: boolean, asJson: boolean): number {
  const settings = loadSettings(process.env, process.execPath, script)
  const values: Readonly<Record<string, unknown>> = settings
  const rows = settingsTable.map(({ key, name, kind }) => ({
    kind,
    key,
    value: values[name],
    origin: settings.origins.get(key) ?? 'default',
  }))
  if (asJson) {
    const told = rows.map(({ key, value, origin }) => ({ key, value, origin }))
    print(`${JSON.stringify({ file: settings.file, settings: told })}\n`)
  } else {
    for (const { kind, key, value, origin } of rows) {
      print(`${withOrigin ? `${origin}\t` : ''}${key} = ${kind.show(value)}\n`)
    }
  }
  for (const problem of settings.problems) complain(problemText(problem))
  return settings.problems.length > 0 ? 78 : 0
}
