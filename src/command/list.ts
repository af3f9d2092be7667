// `upload.cgi list`: what came in, for people, as JSON (one batch a line) or as CSV (RFC 4180, one
// file a row). It shows no control character to a terminal, and writes no cell that a spreadsheet
// would take for a formula. Exit status 0; 64 for a wrong word; 74 when some of the record cannot
// be read, and the rest is shown; 78 when the settings or the directory cannot be used.

import type { Batch } from '../outcome.ts'
import { formatSize, parseDuration } from '../quantity.ts'
import { loadSettings } from '../settings/load.ts'
import { problemText } from '../settings/settings.ts'
import { openStorage } from '../storage/open.ts'
import { usableDirectory } from '../storage/usable.ts'
import { listBatches } from '../submission/listing.ts'
import { becomeOwner } from './account.ts'
import { failed, print } from './terminal.ts'

type Wanted = {
  /** A number as visitors have it; '' for all. */
  readonly receipt: string
  /** A duration such as 7d; '' for all. */
  readonly since: string
  readonly asJson: boolean
  readonly asCsv: boolean
}

export function list(script: string, { receipt, since, asJson, asCsv }: Wanted): number {
  const settings = loadSettings(process.env, process.execPath, script)
  const seconds = since === '' ? Infinity : parseDuration(since)
  if (seconds === undefined) return failed(64, '--since is a duration such as 12h, 7d or 30d')
  if (asJson && asCsv) return failed(64, 'choose one: --json or --csv')
  const [problem] = settings.problems
  if (problem !== undefined) return failed(78, problemText(problem))
  let batches: Batch[]
  let status = 0
  const unread = (key: string, error: unknown) => {
    const reason = error instanceof Error ? error.message : error
    status = failed(74, `the note ${key} in .upload-cgi/notes cannot be read: ${reason}`)
  }
  try {
    const directory = usableDirectory(settings, {
      documentRoots: [],
      program: process.execPath,
      script,
    })
    becomeOwner(directory)
    const asked = { since: Date.now() - seconds * 1000, receipt: receipt.toUpperCase() }
    batches = listBatches(openStorage(settings, directory), settings, asked, unread)
  } catch (error) {
    return failed(78, `${error instanceof Error ? (error.cause ?? error.message) : error}`)
  }
  if (asJson) for (const batch of batches) print(`${JSON.stringify(batch)}\n`)
  else if (asCsv) print([columns, ...batches.flatMap(rowsOf)].map(csvLine).join(''))
  else for (const batch of batches) print(shown(batch))
  return status
}

/** As a person reads it. */
function shown({ receipt, batch, time, sender, answers, files }: Batch): string {
  const number = batch > 1 ? ` (part ${batch})` : batch === 0 ? ' (not finished)' : ''
  const who = [sender.invitation, sender.user, sender.address].filter(Boolean).join(', ')
  const lines = [
    `${time}  ${receipt}${number}${who === '' ? '' : `  ${who}`}`,
    ...answers.map(({ label, value }) => `    ${label}: ${value}`),
    ...files.map(({ stored, size }) => `    ${stored}  ${formatSize(size)}`),
  ]
  return lines.map((line) => `${line.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')}\n`).join('')
}

/** A batch without a file has one row. */
function rowsOf({ receipt, batch, time, sender, answers, files }: Batch): string[][] {
  const { invitation = '', user = '', address = '' } = sender
  const said = answers.map(({ label, value }) => `${label}: ${value}`).join('\n')
  const head = [receipt, String(batch), time, invitation, user, address, said]
  if (files.length === 0) return [[...head, '', '', '', '', '', '']]
  return files.map(({ stored, name, size, type, sha256 = '', url = '' }) => {
    return [...head, stored, name, String(size), type, sha256, url]
  })
}

/** A spreadsheet runs what begins with one of these characters as a formula. */
function csvLine(cells: readonly string[]): string {
  const safe = cells.map((cell) => (/^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell))
  return `${safe.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')}\r\n`
}

const columns = [
  ...['receipt', 'batch', 'time', 'invitation', 'user', 'address', 'answers'],
  ...['stored', 'name', 'size', 'type', 'sha256', 'url'],
]
