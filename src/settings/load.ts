// Settings file and environment → frozen settings, as the README's section Settings describes them.
// Nothing is ever read from HTTP_* or from the query, which a client can set. Wrong settings are
// not thrown but listed in `problems`, each with its line and its remedy: a visitor gets a neutral
// 503, and `upload.cgi check` names them all.

import { dirname } from 'node:path'
import { parse, TomlError } from 'smol-toml'
import { quoted } from '../finding.ts'
import type { Env } from '../http/request.ts'
import { findFile, type SettingsFile } from './file.ts'
import { nearest } from './nearest.ts'
import type { SettingsRow, WrittenDefault } from './row.ts'
import type { LoadedSettings, Settings, SettingsProblem } from './settings.ts'
import { settingsTable } from './table.ts'

/**
 * The first file found is used, files are never merged; then the environment overrides it key by
 * key. `program` is the path of this executable. `script` is the path of the settings script
 * through which it was started, '' for none; the caller has made sure that it is one.
 */
export function loadSettings(env: Env, program: string, script: string): LoadedSettings {
  const written: Written = { values: new Map(), origins: new Map(), problems: [] }
  const { values, origins, problems } = written
  const found = findFile(env, program, script)
  const file = found !== undefined && 'path' in found ? found : undefined
  if (found !== undefined && 'problem' in found) problems.push(found.problem)
  if (file !== undefined) readToml(file, written)
  const isUnread = problems.length > 0 && values.size === 0
  readEnvironment(env, written)

  const base = file === undefined ? '' : dirname(file.path)
  const settings = mapRows((row) => {
    const { key, kind } = row
    const parsed = kind.parse(values.has(key) ? values.get(key) : defaultOf(row, values), row, base)
    if ('value' in parsed) return parsed.value
    // What a file says that was not read is unknown.
    if (isUnread && !values.has(key)) return kind.fallback
    const where = origins.get(key) ?? (file?.path || 'settings')
    const { problem, remedy } = parsed
    const isWaiting = file !== undefined && !values.has(key) && hasInComment(file.text, key)
    problems.push({ key, where, problem, remedy: isWaiting ? uncomment(key, file.path) : remedy })
    return kind.fallback
  })
  return Object.freeze({ ...settings, file: file?.path ?? '', origins, problems })
}

/** What the owner wrote, by key. */
type Written = {
  readonly values: Map<string, unknown>
  readonly origins: Map<string, string>
  readonly problems: SettingsProblem[]
}

/** Calls `toValue` for each row and keeps what it returns under the row's name. */
function mapRows(toValue: <Value>(row: SettingsRow<Value>) => Value): Settings {
  const entries = settingsTable.map((row) => [row.name, toValue(row)])
  // The compiler cannot see that a name and its value come from one row, so this line says it.
  return Object.fromEntries(entries) as Settings
}

/** The settings of a package, and the sample, have settings that wait in a comment. */
function hasInComment(text: string, key: string): boolean {
  return new RegExp(`^#${key} = `, 'm').test(text)
}

function uncomment(key: string, path: string): string {
  return `sed -i 's|^#${key}|${key}|' ${quoted(path)}`
}

function readToml(file: SettingsFile, { values, origins, problems }: Written): void {
  let table: Record<string, unknown>
  try {
    table = parse(file.text)
  } catch (error) {
    const where = error instanceof TomlError ? `${file.path} line ${error.line}` : file.path
    const [reason = ''] = String(error instanceof Error ? error.message : error).split('\n')
    const remedy = 'write each setting as: key = "text", key = 20, key = true or key = ["a", "b"]'
    problems.push({ key: '', where, problem: `not TOML: ${reason}`, remedy })
    return
  }
  for (const [key, value] of Object.entries(table)) {
    const where = `${file.path} line ${lineOf(file.text, key)}`
    if (rowOf(key) === undefined) problems.push(unknownKey(key, where))
    values.set(key, value)
    origins.set(key, where)
  }
}

/**
 * Reads UPLOAD_CGI_<KEY>. After an internal redirect Apache puts REDIRECT_ in front of the name.
 */
function readEnvironment(env: Env, { values, origins, problems }: Written): void {
  for (const [name, text] of Object.entries(env)) {
    const match = /^(?:REDIRECT_)?UPLOAD_CGI_([A-Z0-9_]+)$/.exec(name)
    const key = (match?.[1] ?? '').toLowerCase()
    if (match === null || text === undefined || key === 'config') continue
    if (name.startsWith('REDIRECT_') && env[name.slice(9)] !== undefined) continue
    const row = rowOf(key)
    if (row === undefined) problems.push(unknownKey(key, name))
    else if (row.isOfFile) {
      problems.push(ofFileProblem(key, name))
      continue
    } else values.set(key, row.kind.fromText(text))
    origins.set(key, name)
  }
}

function ofFileProblem(key: string, where: string): SettingsProblem {
  const problem = `${key} is read from the settings file alone`
  return { key, where, problem, remedy: 'set it there, and remove it from the environment' }
}

function unknownKey(key: string, where: string): SettingsProblem {
  const meant = nearest(
    key,
    settingsTable.map((row) => row.key),
  )
  const hint = meant === '' ? '' : `did you mean "${meant}"? Else `
  const remedy = `${hint}remove it, or see \`upload.cgi --help\` for the list of settings`
  return { key, where, problem: `there is no setting "${key}"`, remedy }
}

function rowOf(key: string): SettingsRow | undefined {
  return settingsTable.find((row) => row.key === key)
}

function defaultOf(row: SettingsRow, values: ReadonlyMap<string, unknown>): WrittenDefault {
  const other = row.defaultWhile
  return other !== undefined && values.get(other.key) === true ? other.default : row.default
}

/** The line that sets the key or opens the table of that name. */
function lineOf(text: string, key: string): number {
  const starts = text.split('\n').map((line) => /^[\s["']*([^\s=."'\]]*)/.exec(line)?.[1])
  return Math.max(1, 1 + starts.indexOf(key))
}
