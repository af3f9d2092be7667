// npm run attacks -- [PROGRAM…]: what a stranger spends on each of some attacks, and what is lost.
// Prints a table with a column for each program, the built one unless others are named. It needs
// root, for file systems of its own, and Apache. docs/security.md has the table.

import type { TestContext } from 'node:test'
import { program } from '../../test/host/program.ts'
import { attacks } from './attacks.ts'
import { fileAttacks } from './files.ts'

const named = process.argv.slice(2)
const programs = named.length === 0 ? [program] : named
console.log(`| attack | ${programs.join(' | ')} |`)
console.log(`|---|${programs.map(() => '---|').join('')}`)
for (const { name, run } of [...attacks, ...fileAttacks]) {
  const cells: string[] = []
  for (const path of programs) {
    const undo: (() => unknown)[] = []
    const context = { after: (action: () => unknown) => undo.push(action) }
    try {
      cells.push(await run({ program: path, context: context as unknown as TestContext }))
    } catch (error) {
      cells.push(`failed: ${error instanceof Error ? error.message : error}`)
    } finally {
      for (const action of undo.reverse()) await action()
    }
  }
  console.log(`| ${name} | ${cells.join(' | ')} |`)
}
