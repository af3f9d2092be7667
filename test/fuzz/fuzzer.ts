// A mutation fuzzer for the multipart parser, guided by V8's coverage and by pairs of state and
// byte. The inputs follow from the seed alone. A finding is made as small as it gets while it still
// differs.

import { performance } from 'node:perf_hooks'
import { check, type Input, realParser, type Subject } from './check.ts'
import type { Coverage } from './coverage.ts'
import { mutate, type Random, randomCuts, seeds } from './mutate.ts'
import { pairsOf } from './states.ts'

export type Finding = Input & { readonly problem: string; readonly cuts: readonly number[][] }

export type Result = {
  readonly finding: Finding | undefined
  readonly executions: number
  readonly seconds: number
  readonly kept: number
  readonly pairs: ReadonlySet<number>
}

const batchSize = 32
const maxStateBytes = 4096
const maxKept = 4000
const maxMinimisingMilliseconds = 5000

export function fuzz(
  seed: number,
  seconds: number,
  coverage?: Coverage,
  subject?: Subject,
): Result {
  const random = randomFrom(seed)
  const corpus: Input[] = []
  const pairs = new Set<number>()
  const started = performance.now()
  const elapsed = () => (performance.now() - started) / 1000
  let executions = 0
  let finding: Finding | undefined

  /** Whether it showed a new pair of state and byte. */
  const execute = (input: Input, cuts: readonly number[][]): boolean => {
    executions++
    const before = performance.now()
    const { problem, reading, boundary } = check(input, cuts, subject ?? realParser)
    const milliseconds = performance.now() - before
    const found = problem ?? slowness(input, cuts, milliseconds)
    if (found !== undefined) finding = smallest({ ...input, cuts, problem: found }, subject)
    if (reading === undefined || input.body.length > maxStateBytes) return false
    const size = pairs.size
    for (const pair of pairsOf(input.body, boundary, reading)) pairs.add(pair)
    return pairs.size > size
  }

  for (const input of seeds()) {
    if (finding !== undefined) break
    execute(input, randomCuts(random, input.body.length))
    corpus.push(input)
  }
  coverage?.take()
  while (finding === undefined && elapsed() < seconds) {
    const batch: Input[] = []
    while (finding === undefined && batch.length < batchSize) {
      const input = mutate(random, corpus)
      const isKept = execute(input, randomCuts(random, input.body.length))
      if (isKept && corpus.length < maxKept) corpus.push(input)
      else batch.push(input)
    }
    if (coverage?.take() === true)
      corpus.push(...batch.slice(0, Math.max(0, maxKept - corpus.length)))
  }
  return { finding, executions, seconds: elapsed(), kept: corpus.length, pairs }
}

/** mulberry32: small, and the same everywhere. From 0 up to 1. */
export function randomFrom(seed: number): Random {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Time in proportion: far over what any input of its size takes, three times in a row. */
function slowness(input: Input, cuts: readonly number[][], first: number): string | undefined {
  const allowed = 200 + input.body.length * 0.05
  if (first < allowed) return undefined
  for (let i = 0; i < 2; i++) {
    const before = performance.now()
    check(input, cuts)
    if (performance.now() - before < allowed) return undefined
  }
  return `${Math.round(first)} ms for ${input.body.length} bytes`
}

/** Takes out ever smaller pieces while the input still differs. */
function smallest(finding: Finding, subject?: Subject): Finding {
  let best = finding
  const cuts = [...(best.body.length <= 1000 ? [[1], [2], [3]] : []), ...finding.cuts]
  const until = performance.now() + maxMinimisingMilliseconds
  for (let size = best.body.length >> 1; size > 0 && performance.now() < until; size >>= 1) {
    for (let at = 0; at < best.body.length && performance.now() < until; ) {
      const body = Buffer.concat([best.body.subarray(0, at), best.body.subarray(at + size)])
      const { problem } = check({ ...best, body }, cuts, subject ?? realParser)
      if (problem === undefined) at += size
      else best = { ...best, body, problem, cuts }
    }
  }
  return best
}
