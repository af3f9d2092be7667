// One thing that `upload.cgi check` looked at: its state, and what to do about it. Also shown on
// the page with `debug = true`. Codes are public: scripts look for them.

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
