// The stack of an error with positions that an owner can look up in the source.

import { readFileSync } from 'node:fs'
import { attempt } from '../system-error.ts'

/**
 * The stack with the positions of the source if the source map is beside the executable `program`;
 * otherwise with those of the bundle.
 */
export function stackOf(error: Error, program: string): string {
  const stack = error.stack ?? error.message
  if (!framePattern.test(stack)) return stack
  const text = attempt(() => readFileSync(`${program}.map`, 'utf8'))
  const map = text === undefined ? undefined : parseMap(text)
  if (map === undefined) return stack
  return stack.replaceAll(new RegExp(framePattern, 'g'), (frame, line, column) => {
    const entry = map.findEntry(Number(line) - 1, Number(column) - 1)
    if (!('originalSource' in entry)) return frame
    const source = String(entry.originalSource).replace(/^(\.\.\/)+/, '')
    return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`
  })
}

/** Undefined for a file that is not a source map. */
function parseMap(text: string) {
  const { SourceMap } = process.getBuiltinModule('node:module')
  try {
    return new SourceMap(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** Matches the bundle's file and a position in it. */
const framePattern = /[^\s()]*upload\.cjs:(\d+):(\d+)/
