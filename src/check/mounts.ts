// Which file system a path is on, and how it is mounted, from /proc/self/mountinfo (proc(5)).

import { readFileSync } from 'node:fs'

export type Mount = {
  readonly point: string
  /** ext4, xfs, nfs4, tmpfs, … */
  readonly type: string
  /** The options of this mount and those of the file system. */
  readonly options: readonly string[]
}

/** `path`: without symbolic links. Undefined where the system does not say. */
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
    // Of two mounts at the same place, the later line is the visible one.
    if (!holds || point.length < (best?.point.length ?? 0)) continue
    const options = [...(own.split(' ')[5] ?? '').split(','), ...superOptions.split(',')]
    best = { point, type, options }
  }
  return best
}

/** mountinfo writes blanks and some other characters as octal numbers. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  )
}
