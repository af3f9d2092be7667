// On which file system a path lies, and how it is mounted: /proc/self/mountinfo, as proc(5)
// describes it. Called by directory.ts and place.ts.

import { readFileSync } from 'node:fs'

export type Mount = {
  readonly point: string
  /** ext4, xfs, nfs4, tmpfs, … */
  readonly type: string
  /** Of this mount and of the file system. */
  readonly options: readonly string[]
}

/** `path`: resolved. Undefined where the system does not tell. */
export function mountOf(path: string): Mount | undefined {
  let lines: string[]
  try {
    lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
  } catch {
    return undefined
  }
  let best: Mount | undefined
  for (const line of lines) {
    const [own = '', shared = ''] = line.split(' - ')
    const point = unescaped(own.split(' ')[4] ?? '')
    const [type = '', , superOptions = ''] = shared.split(' ')
    const holds = point !== '' && (path === point || path.startsWith(point.replace(/\/?$/, '/')))
    // A later line lies over an earlier one of the same place.
    if (!holds || point.length < (best?.point.length ?? 0)) continue
    const options = [...(own.split(' ')[5] ?? '').split(','), ...superOptions.split(',')]
    best = { point, type, options }
  }
  return best
}

/** Blanks and the like are written as octal numbers. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  )
}
