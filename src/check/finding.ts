// One thing that was looked at: how it stands, and what to do. Made by the other files of this folder, shown by
// `upload.cgi check` and, with `debug = true`, on the page. Codes are public: scripts look for them.

import { readFileSync } from 'node:fs'

export type Finding = {
  /** `warning`: it works, but not as one would wish. `error`: uploads fail, or are not safe. */
  readonly level: 'ok' | 'warning' | 'error'
  readonly code: string
  /** One sentence. */
  readonly message: string
  /** What to do, a command where there is one; '' for a finding that is fine. */
  readonly remedy: string
}

export function fine(code: string, message: string): Finding {
  return { level: 'ok', code, message, remedy: '' }
}

export function warning(code: string, message: string, remedy: string): Finding {
  return { level: 'warning', code, message, remedy }
}

export function failure(code: string, message: string, remedy: string): Finding {
  return { level: 'error', code, message, remedy }
}

/** One line, and a second one with the remedy. */
export function findingText({ level, code, message, remedy }: Finding): string {
  const mark = { ok: 'ok     ', warning: 'warning', error: 'ERROR  ' }[level]
  return `${mark} ${message} [${code}]\n${remedy === '' ? '' : `        → ${remedy}\n`}`
}

/** A word that a shell takes as it is. */
export function quoted(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

/** The four digits of chmod. */
export function modeText(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0')
}

/** As people call a user; the number where it has no name. */
export function userName(uid: number): string {
  const line = attemptLines('/etc/passwd').find((entry) => entry.split(':')[2] === String(uid))
  return line?.split(':')[0] ?? String(uid)
}

function attemptLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n')
  } catch {
    return []
  }
}
