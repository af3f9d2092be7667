// Settings file and environment → frozen Settings (contract of the settings: README, Settings). Called once
// by each way in. Nothing is ever read from HTTP_* or from the query, which a client can set. Wrong settings
// are not thrown: they are listed in `problems`, so that a visitor gets a neutral 503 and `check` names
// them all, each with its line and its remedy.

import { closeSync, fstatSync, openSync, readFileSync, type Stats, statSync } from 'node:fs'
import { dirname, isAbsolute, resolve } from 'node:path'
import { parse, TomlError } from 'smol-toml'
import { nearest } from './nearest.ts'
import type { SettingsRow } from './row.ts'
import type { LoadedSettings, Settings, SettingsProblem } from './settings.ts'
import { executedByBrowsers, executedByServers, settingsTable } from './table.ts'
import { fromText, parseValue } from './value.ts'

type SettingsFile = { readonly path: string; readonly text: string }
type Found = SettingsFile | { readonly problem: SettingsProblem } | undefined

/**
 * `program` is this executable. `script` is the settings script that the kernel named, '' for none; the
 * caller has made sure that it is one. The first file found wins (files are never merged), then the
 * environment overrides key by key.
 */
export function loadSettings(
  env: Readonly<Record<string, string | undefined>>,
  program: string,
  script: string,
): LoadedSettings {
  const problems: SettingsProblem[] = []
  const origins = new Map<string, string>()
  const raw = new Map<string, unknown>()
  const found = findFile(env, program, script)
  const file = found !== undefined && 'path' in found ? found : undefined
  if (found !== undefined && 'problem' in found) problems.push(found.problem)
  if (file !== undefined) readToml(file, raw, origins, problems)
  readEnvironment(env, raw, origins, problems)

  const base = file === undefined ? '' : dirname(file.path)
  const values: Record<string, unknown> = {}
  for (const row of settingsTable) {
    const where = origins.get(row.key)
    const parsed = parseValue(row, raw.has(row.key) ? raw.get(row.key) : row.default, base)
    if (!('problem' in parsed)) {
      values[row.name] = parsed.value
    } else {
      values[row.name] = 'fallback' in parsed ? parsed.fallback : ''
      const { problem, remedy } = parsed
      problems.push({ key: row.key, where: where ?? (file?.path || 'settings'), problem, remedy })
    }
  }
  if (values['allowPublicDirectory'] === true && !raw.has('block_extensions')) {
    values['blockExtensions'] = [...executedByServers, ...executedByBrowsers]
  }
  const settings = values as Settings
  return Object.freeze({ ...settings, file: file?.path ?? '', origins, problems })
}

function findFile(
  env: Readonly<Record<string, string | undefined>>,
  program: string,
  script: string,
): Found {
  if (script !== '') return readSettingsFile(script, true, true)
  const named = env['UPLOAD_CGI_CONFIG'] || env['REDIRECT_UPLOAD_CGI_CONFIG'] || ''
  if (named !== '' && !isAbsolute(named)) {
    const where = 'UPLOAD_CGI_CONFIG'
    const remedy = 'name the file by its whole path, beginning with /'
    return { problem: { key: 'config', where, problem: `"${named}" is not absolute`, remedy } }
  }
  if (named !== '') return readSettingsFile(named, true)
  return (
    readSettingsFile(resolve(dirname(program), '.htupload.toml'), false) ??
    readSettingsFile('/etc/upload-cgi.toml', false)
  )
}

function readSettingsFile(path: string, isRequired: boolean, isScript = false): Found {
  let fd = -1
  try {
    // That it is not there is what most requests find: told without an error, whose making costs more than the rest.
    if (!isRequired && statSync(path, { throwIfNoEntry: false }) === undefined) return undefined
    fd = openSync(path, 'r')
    // Of the file that is read, whatever has its name meanwhile.
    const distrust = reasonForDistrust(path, fstatSync(fd), isScript)
    if (distrust !== undefined) return { problem: { key: 'config', where: path, ...distrust } }
    return { path, text: readFileSync(fd, 'utf8') }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (!isRequired && (code === 'ENOENT' || code === 'ENOTDIR')) return undefined
    const remedy = `make it a file that the web server's user can read, for example: chmod 644 ${path}`
    const problem = `the settings file cannot be read (${code})`
    return { problem: { key: 'config', where: path, problem, remedy } }
  } finally {
    if (fd !== -1) closeSync(fd)
  }
}

/**
 * Whoever can write the settings can make us write wherever we may. A script lies where its owner put it;
 * one of somebody else's was put there for us to run.
 */
function reasonForDistrust(
  path: string,
  { mode, uid }: Stats,
  isScript: boolean,
): { problem: string; remedy: string } | undefined {
  if ((mode & 0o002) !== 0) {
    return { problem: 'everybody may write to the settings', remedy: `chmod o-w ${path}` }
  }
  const owners = [0, process.geteuid?.(), isScript ? statSync(dirname(path)).uid : uid]
  if (owners.includes(uid)) return undefined
  const problem = `the settings script belongs to user ${uid}, who owns neither its directory nor this program's process`
  return { problem, remedy: `give it to the owner of ${dirname(path)}: chown USER ${path}` }
}

function readToml(
  file: SettingsFile,
  raw: Map<string, unknown>,
  origins: Map<string, string>,
  problems: SettingsProblem[],
): void {
  let table: Record<string, unknown>
  try {
    table = parse(file.text)
  } catch (error) {
    const where = error instanceof TomlError ? `${file.path} line ${error.line}` : file.path
    const problem = `not TOML: ${String(error instanceof Error ? error.message : error).split('\n')[0]}`
    const remedy = 'write each setting as: key = "text", key = 20, key = true or key = ["a", "b"]'
    problems.push({ key: '', where, problem, remedy })
    return
  }
  for (const [key, value] of Object.entries(table)) {
    const where = `${file.path} line ${lineOf(file.text, key)}`
    if (rowOf(key) === undefined) problems.push(unknownKey(key, where))
    raw.set(key, value)
    origins.set(key, where)
  }
}

/** `UPLOAD_CGI_<KEY>`; Apache puts REDIRECT_ in front after an internal redirect. */
function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  raw: Map<string, unknown>,
  origins: Map<string, string>,
  problems: SettingsProblem[],
): void {
  for (const [name, text] of Object.entries(env)) {
    const match = /^(?:REDIRECT_)?UPLOAD_CGI_([A-Z0-9_]+)$/.exec(name)
    const key = (match?.[1] ?? '').toLowerCase()
    if (match === null || text === undefined || key === 'config') continue
    if (name.startsWith('REDIRECT_') && env[name.slice(9)] !== undefined) continue
    const row = rowOf(key)
    if (row === undefined) problems.push(unknownKey(key, name))
    else raw.set(key, fromText(row, text))
    origins.set(key, name)
  }
}

function unknownKey(key: string, where: string): SettingsProblem {
  const meant = nearest(
    key,
    settingsTable.map((row) => row.key),
  )
  const hint = meant === '' ? '' : `did you mean "${meant}"? Else `
  const remedy = `${hint}remove it, or see \`upload.cgi --help\` for the settings there are`
  return { key, where, problem: `there is no setting "${key}"`, remedy }
}

function rowOf(key: string): SettingsRow | undefined {
  return settingsTable.find((row) => row.key === key)
}

/** The line that sets the key or opens the table of that name. */
function lineOf(text: string, key: string): number {
  const starts = text.split('\n').map((line) => /^[\s["']*([^\s=."'\]]*)/.exec(line)?.[1])
  return Math.max(1, 1 + starts.indexOf(key))
}
