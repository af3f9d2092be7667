// The name of the user to whom a file belongs.

import { readFileSync } from 'node:fs'

/** The name of the user; the number if the user has no name. */
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
