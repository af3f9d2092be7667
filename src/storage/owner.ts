// The name of the user to whom a file belongs.

import { readFileSync } from 'node:fs'

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
