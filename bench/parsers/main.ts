// npm run parsers [-- --write]: measures the table of docs/security.md and prints it. With --write
// it puts the table into the document, and refuses to if a parser is missing; without, parsers that
// are not installed are left out.

import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { peers } from './peers.ts'
import { documented, installed, measure, table } from './table.ts'

const document = resolve(import.meta.dirname, '../../docs/security.md')
const isWriting = process.argv.includes('--write')
const found = installed()
const absent = peers.filter((peer) => !found.includes(peer)).map(({ name }) => name)
if (absent.length > 0) process.stderr.write(`Not installed: ${absent.join(', ')}\n`)
if (absent.length > 0 && isWriting) process.exit(1)

const text = table(await measure(found))
process.stdout.write(`${text}\n`)
if (isWriting) {
  const before = readFileSync(document, 'utf8')
  writeFileSync(
    document,
    before.replace(documented(before), () => text),
  )
}
