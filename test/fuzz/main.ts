// npm run fuzz -- --seconds N [--seed S] [--subject parser|state|settings]: the parser against its
// model, guided by coverage, or the program with damaged files; prints what was run and, of the
// parser, what was never met. A finding goes to a file in the temporary directory, exit
// code 1.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Coverage } from './coverage.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    subject: { type: 'string', default: 'parser' },
  },
})
const { subject } = values
const isKnown = ['parser', 'state', 'settings'].includes(subject)
const seconds = Number(values.seconds)
const seed = Number(values.seed ?? Date.now() % 2 ** 31)
if (!(seconds > 0) || !Number.isSafeInteger(seed) || !isKnown) {
  console.error('npm run fuzz -- --seconds N [--seed S] [--subject parser|state|settings]')
  process.exit(64)
}
console.log(`seed ${seed}, ${seconds} s`)

const folder = mkdtempSync(join(tmpdir(), 'upload-fuzz-'))
if (subject === 'parser') await fuzzParser()
else {
  const { fuzzState } = await import('./damaged-state.ts')
  const { fuzzSettings } = await import('./damaged-settings.ts')
  const fuzz = subject === 'state' ? fuzzState : fuzzSettings
  const { executions, problem } = fuzz(seed, seconds, folder)
  console.log(`${executions} executions`)
  if (problem !== undefined) tell(problem)
}
if (process.exitCode === undefined) rmSync(folder, { recursive: true })

function tell(problem: string): void {
  const path = join(folder, 'finding.txt')
  writeFileSync(path, problem)
  console.error(`${problem}\nwritten to ${path}`)
  process.exitCode = 1
}

async function fuzzParser(): Promise<void> {
  // Loaded after coverage began, so that the sources are covered from their first line.
  const coverage = new Coverage()
  const { fuzz } = await import('./fuzzer.ts')
  const { describeFinding } = await import('./finding.ts')
  const { classes, states } = await import('./states.ts')

  const result = fuzz(seed, seconds, coverage)
  const rate = Math.round(result.executions / result.seconds)
  console.log(`${result.executions} executions, ${rate} per second, ${result.kept} inputs kept`)
  console.log(`coverage, and what was never run:\n${coverage.report()}`)
  coverage.close()
  console.log(
    `${result.pairs.size} of ${states.length * classes.length} pairs of state and byte; not met:`,
  )
  states.forEach((state, row) => {
    const missed = classes.filter((_, column) => !result.pairs.has(row * classes.length + column))
    if (missed.length > 0) console.log(`  ${state}: ${missed.join(' ')}`)
  })
  if (result.finding !== undefined) {
    tell(describeFinding(result.finding))
  }
}
