// `upload.cgi check`: what would go wrong, and how to mend it, before a visitor finds out.
// Looks at settings, directory, rights and space; exit status 0, or 78 (EX_CONFIG) when something is wrong.

import { lstatSync, mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { freeBytes, usableDirectory } from '../directory.ts'
import { errorCode, Fault } from '../fault.ts'
import { readLogo, readStylesheet, textOn } from '../look.ts'
import { Partials } from '../partial.ts'
import { attempt } from '../placement.ts'
import { formatSize } from '../quantity.ts'
import type { LoadedSettings } from '../settings.ts'
import { loadSettings } from '../settings-load.ts'
import { Store } from '../store.ts'

export type Finding = {
  readonly level: 'ok' | 'warning' | 'error'
  readonly code: string
  readonly message: string
  /** What to do; '' for a finding that is fine. */
  readonly remedy: string
}

export function check(script: string, asJson: boolean): number {
  const settings = loadSettings(process.env, process.execPath, script)
  const findings = findingsFor(settings)
  const isFine = findings.every((finding) => finding.level !== 'error')
  if (asJson) process.stdout.write(`${JSON.stringify({ ok: isFine, findings })}\n`)
  else process.stdout.write(findings.map(line).join(''))
  return isFine ? 0 : 78
}

function findingsFor(settings: LoadedSettings): Finding[] {
  const from = settings.file === '' ? 'no settings file; environment and defaults' : settings.file
  const findings: Finding[] = settings.problems.map(({ where, problem, remedy }) =>
    error('SETTINGS_WRONG', `${where}: ${problem}`, remedy),
  )
  if (findings.length === 0) findings.push(fine('SETTINGS', `settings: ${from}`))
  findings.push(...lookFindings(settings))
  if (settings.directory === '') return findings
  try {
    const documentRoot = process.env['DOCUMENT_ROOT'] ?? ''
    const directory = usableDirectory(settings, documentRoot, process.execPath)
    findings.push(fine('DIRECTORY', `directory: ${directory}`))
    findings.push(tryStoring(settings, directory), space(settings, directory))
    findings.push(...unfinished(settings, directory))
  } catch (problem) {
    findings.push(directoryProblem(settings, problem))
  }
  return findings
}

/** What the page will look like, and what of it cannot be used. */
function lookFindings(settings: LoadedSettings): Finding[] {
  const { title, language, accentColor, extraFields } = settings
  const findings = [
    fine('PAGE', `page: “${title}”, language: ${language || "the visitor's own"}`),
    ...usable('LOGO', 'logo', settings.logo, readLogo),
    ...usable('STYLESHEET', 'stylesheet', settings.stylesheet, readStylesheet),
  ]
  if (accentColor !== '') {
    const { color, contrast } = textOn(accentColor)
    const shown = `accent_color ${accentColor}: ${color} on it has a contrast of ${contrast.toFixed(1)}`
    findings.push(fine('ACCENT_COLOR', shown))
  }
  for (const { name, label, type, required } of extraFields) {
    const kind = `${type}${required ? ', required' : ''}`
    findings.push(fine('EXTRA_FIELD', `field ${name}: “${label}” (${kind})`))
  }
  return findings
}

function usable(
  code: string,
  key: string,
  file: string,
  read: (file: string) => string,
): Finding[] {
  if (file === '') return []
  try {
    read(file)
    return [fine(code, `${key}: ${file}`)]
  } catch (problem) {
    const message = problem instanceof Error ? problem.message : String(problem)
    const remedy = `choose another file, or remove ${key}; until then the page does without`
    return [
      {
        level: 'warning',
        code: `${code}_UNUSABLE`,
        message: `${key}: ${file}: ${message}`,
        remedy,
      },
    ]
  }
}

/** Really creates and removes a file where uploads are received, as this user. */
function tryStoring(settings: LoadedSettings, directory: string): Finding {
  const incoming = join(directory, '.incoming')
  const wasThere = lstatSync(incoming, { throwIfNoEntry: false }) !== undefined
  try {
    if (!wasThere) mkdirSync(incoming, 0o700)
    const pending = new Store({ ...settings, partialLifetimeSeconds: 1e9 }, directory).create()
    try {
      pending.write(Buffer.from('check'))
      pending.end()
    } finally {
      pending.discard()
      if (!wasThere) rmdirSync(incoming)
    }
    return fine('WRITABLE', `files can be written there by user ${process.getuid?.()}`)
  } catch (problem) {
    return directoryProblem(settings, problem)
  }
}

function space(settings: LoadedSettings, directory: string): Finding {
  const free = freeBytes(directory)
  if (free === undefined) return fine('SPACE', 'the file system does not tell its free space')
  if (free < settings.minFreeBytes) {
    const message = `${formatSize(free)} free, less than min_free_space`
    return error('DISK_FULL', message, 'free some space, or lower min_free_space')
  }
  const room = free - settings.minFreeBytes
  if (settings.maxRequestBytes === 0 || room >= settings.maxRequestBytes) {
    return fine('SPACE', `${formatSize(free)} free`)
  }
  return {
    level: 'warning',
    code: 'SPACE_SHORT',
    message: `${formatSize(room)} can be stored, less than max_request_size`,
    remedy: 'free some space, or lower max_request_size so that visitors learn it at once',
  }
}

/** Uploads in pieces: whether they can work, and what of them is there. */
function unfinished(settings: LoadedSettings, directory: string): Finding[] {
  const { chunkBytes, maxRequestBytes, maxPartialUploads } = settings
  const findings: Finding[] = []
  // Around the piece there are some fields.
  if (maxRequestBytes > 0 && chunkBytes + 4096 > maxRequestBytes) {
    const message = `pieces of chunk_size (${formatSize(chunkBytes)}) are over max_request_size`
    findings.push(error('CHUNK_TOO_LARGE', message, 'lower chunk_size, or raise max_request_size'))
  }
  const store = new Store(settings, directory)
  const partials = new Partials(store)
  const states = store.incoming.unfinished().map((id) => attempt(() => partials.look(id)))
  const known = states.filter((state) => state !== undefined)
  const bytes = known.reduce((sum, { offset }) => sum + offset, 0)
  const oldest = Math.min(...known.map(({ touchedAt }) => touchedAt))
  const since = known.length === 0 ? '' : `, ${formatSize(bytes)}, since ${timeOf(oldest)}`
  const message = `unfinished uploads: ${states.length} of ${maxPartialUploads}${since}`
  if (states.length < maxPartialUploads) return [...findings, fine('UNFINISHED', message)]
  const remedy = 'raise max_partial_uploads, or remove old ones: upload.cgi clean --older-than 1h'
  return [...findings, { level: 'warning', code: 'UNFINISHED_MANY', message, remedy }]
}

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

function directoryProblem(settings: LoadedSettings, problem: unknown): Finding {
  const cause = problem instanceof Fault ? (problem.cause ?? problem) : problem
  const code = errorCode(cause)
  const { directory } = settings
  const who = `user ${process.getuid?.()}`
  if (code === 'ENOENT') {
    return error('DIRECTORY_MISSING', `${directory} does not exist`, `mkdir -m 750 ${directory}`)
  }
  if (code === 'EACCES' || code === 'EPERM') {
    const remedy = 'give the directory to the user the web server runs this program as: chown USER'
    return error('DIRECTORY_RIGHTS', `${directory} is not writable for ${who}`, remedy)
  }
  if (code === 'EROFS') {
    const remedy = 'choose a directory on a file system that is mounted for writing'
    return error('DIRECTORY_READ_ONLY', `${directory} is on a read-only file system`, remedy)
  }
  const message = cause instanceof Error ? cause.message : String(cause)
  const remedy = 'choose another directory in the settings'
  return error('DIRECTORY_UNUSABLE', message, remedy)
}

function fine(code: string, message: string): Finding {
  return { level: 'ok', code, message, remedy: '' }
}

function error(code: string, message: string, remedy: string): Finding {
  return { level: 'error', code, message, remedy }
}

function line({ level, code, message, remedy }: Finding): string {
  const mark = { ok: 'ok     ', warning: 'warning', error: 'ERROR  ' }[level]
  return `${mark} ${message} [${code}]\n${remedy === '' ? '' : `        → ${remedy}\n`}`
}
