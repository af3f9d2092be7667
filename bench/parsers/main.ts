// npm run parsers [-- --write]: the table of docs/security.md, measured. With --write it is put there.

import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { documented, measure, table } from './table.ts'

const document = resolve(import.meta.dirname, '../../docs/security.md')
const text = table(await measure())
process.stdout.write(`${text}\n`)
if (process.argv.includes('--write')) {
  const before = readFileSync(document, 'utf8')
  writeFileSync(document, before.replace(documented(before), text))
}
