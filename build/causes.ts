// The words of doctor.cgi and install.sh about a program that does not start: one text,
// build/causes.sh, which `npm run build` copies into both. Both have to run as plain files, from a
// checkout too, so what is copied is in the repository; test/house/causes.test.ts compares it.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The scripts that have the words. */
export const scripts = ['doctor.cgi', 'install.sh'] as const

export function writeCauses(root: string): void {
  for (const script of scripts) {
    const path = join(root, script)
    const old = readFileSync(path, 'utf8')
    const text = withCauses(old, readFileSync(join(root, 'build/causes.sh'), 'utf8'))
    if (text !== old) writeFileSync(path, text)
  }
}

/** The script with these words between the two lines that mark their place. */
export function withCauses(script: string, causes: string): string {
  const [before, , after] = script.split(/^(?=# --- Why it does not start: )|^(?=# --- End of )/m)
  if (before === undefined || after === undefined) throw new Error('the script has no place for it')
  return `${before}${begin}\n\n${causes}\n${after}`
}

const place = '# --- Why it does not start: npm run build copies this from build/causes.sh '
const begin = place.padEnd(100, '-')
