// Says in a few words how a parser read a body. All of it is computed: the parts that it reports
// are compared with the body's lossless readings. `isLoss`: it reported success, although data was
// lost, altered or smuggled in.

import type { Body, Part } from './bodies.ts'
import type { Outcome } from './peers.ts'

export type Verdict = { readonly words: string; readonly isLoss: boolean }

export function verdict(body: Body, outcome: Outcome): Verdict {
  if (outcome === 'refused') return { words: 'refused', isLoss: false }
  if (outcome === 'never answers') return { words: 'never answers', isLoss: false }
  const [reading] = body.readings
  if (reading === undefined) {
    if (outcome.length === 0) return { words: 'success without a file', isLoss: true }
    return { words: `success with ${count(outcome)}`, isLoss: true }
  }
  if (body.readings.some((parts) => isSame(parts, outcome, true))) {
    return { words: 'whole', isLoss: false }
  }
  if (body.readings.some((parts) => isSame(parts, outcome, false))) {
    const other = outcome.find(
      (part, i) => part.filename !== reading[i]?.filename || part.name !== reading[i]?.name,
    )
    const name = Buffer.from(other?.filename ?? 'a field', 'latin1').toString()
    return { words: `whole, as \`${name}\``, isLoss: false }
  }
  const contents = (parts: readonly Part[]) =>
    JSON.stringify(parts.map(({ content }) => content).sort())
  const isLoss = contents(reading) !== contents(outcome)
  if (!isLoss) return { words: 'whole, as another field', isLoss }
  return { words: difference(reading, outcome), isLoss }
}

/**
 * Compares kinds and contents in order, and names too if asked. Fields may be reported after files.
 */
function isSame(expected: readonly Part[], found: readonly Part[], withNames: boolean): boolean {
  const list = (parts: readonly Part[]) =>
    parts
      .map((part) => {
        const kind = part.filename === undefined ? 'field' : 'file'
        return JSON.stringify(withNames ? part : [kind, part.content], [
          'name',
          'filename',
          'content',
          '0',
          '1',
        ])
      })
      .sort()
      .join('\n')
  return list(expected) === list(found)
}

function difference(expected: readonly Part[], found: readonly Part[]): string {
  for (const part of expected) {
    const same = found.find(({ name }) => name === part.name)
    if (same === undefined) return part.filename ? `\`${part.filename}\` dropped` : 'a part dropped'
    if (same.content.length < part.content.length) {
      return `cut to ${same.content.length} of ${part.content.length} bytes`
    }
    if (same.content !== part.content) return 'content altered'
  }
  return `${count(found)} instead of ${count(expected)}`
}

function count(parts: readonly Part[]): string {
  return parts.length === 1 ? '1 part' : `${parts.length} parts`
}
