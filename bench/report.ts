// Prints the results of the bench: tables, and each ratio that has an aim with whether it was
// reached.

import type { Ratio } from './measure.ts'

export type Aim = {
  readonly what: string
  readonly ratio: Ratio
  readonly most: number
}

const aims: Aim[] = []

/** Keeps the ratio for the table at the end. */
export function aim(what: string, ratio: Ratio, most: number): void {
  aims.push({ what, ratio, most })
}

export function printAims(): void {
  heading('Aims')
  table(
    ['what', 'ratio', 'quartiles', 'aim', ''],
    aims.map(({ what, ratio, most }) => [
      what,
      ratio.median.toFixed(2),
      `${ratio.low.toFixed(2)}–${ratio.high.toFixed(2)}`,
      `≤ ${most}`,
      ratio.median <= most ? 'reached' : 'missed',
    ]),
  )
}

export function heading(text: string): void {
  console.log(`\n## ${text}\n`)
}

/** Prints a table as Markdown, for docs/performance.md. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((cell, i) =>
    Math.max(cell.length, ...rows.map((row) => row[i]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`
  console.log(line(head))
  console.log(`|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`)
  for (const row of rows) console.log(line(row))
}
