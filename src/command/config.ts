// `upload.cgi config`: the settings in force, and where each comes from. Exit status 0, or 78 when
// some of them are wrong.

import { loadSettings } from '../settings/load.ts'
import { problemText } from '../settings/settings.ts'
import { secretKeys, settingsTable } from '../settings/table.ts'
import { complain, print } from './terminal.ts'

export type Shown = {
  /** The origin comes first, as in git config. */
  readonly withOrigin: boolean
  readonly asJson: boolean
  /** Without it each secret that is set is replaced by a word. */
  readonly withSecrets: boolean
}

/** One line per setting: key = value. */
export function config(script: string, { withOrigin, asJson, withSecrets }: Shown): number {
  const settings = loadSettings(process.env, process.execPath, script)
  const hidden = new Set(withSecrets ? [] : secretKeys(settings))
  const values: Readonly<Record<string, unknown>> = settings
  const rows = settingsTable.map(({ key, name, kind }) => ({
    key,
    value: hidden.has(key) ? '(hidden)' : values[name],
    text: hidden.has(key) ? '(hidden)' : kind.show(values[name]),
    origin: settings.origins.get(key) ?? 'default',
  }))
  if (asJson) {
    const told = rows.map(({ key, value, origin }) => ({ key, value, origin }))
    print(`${JSON.stringify({ file: settings.file, settings: told })}\n`)
  } else {
    for (const { key, text, origin } of rows) {
      print(`${withOrigin ? `${origin}\t` : ''}${key} = ${text}\n`)
    }
  }
  for (const problem of settings.problems) complain(problemText(problem))
  return settings.problems.length > 0 ? 78 : 0
}
