// The stack of an error with positions that an owner can look up in the source.

import { readFileSync } from 'node:fs'
import type { SourceMap, SourceMapPayload } from 'node:module'
import { attempt } from '../system-error.ts'

/**
 * The stack with the positions of the source if the source maps are beside the executable
 * `program`, as JSON by the names of the bundles; otherwise with those of the bundle.
 */
export function stackOf(error: Error, program: string): string {
  const stack = error.stack ?? error.message
  if (!framePattern.test(stack)) return stack
  const read = attempt(() => JSON.parse(readFileSync(`${program}.map`, 'utf8')))
  // To decode one takes a fifth of a second, and the places of a stack are mostly of one bundle.
  const maps = new Map<string, SourceMap | undefined>()
  return stack.replaceAll(new RegExp(framePattern, 'g'), (frame, bundle, line, column) => {
    if (!maps.has(bundle)) maps.set(bundle, mapOf(Object(read)[bundle]))
    const entry = maps.get(bundle)?.findEntry(Number(line) - 1, Number(column) - 1)
    if (entry === undefined || !('originalSource' in entry)) return frame
    const source = String(entry.originalSource).replace(/^(\.\.\/)+/, '')
    return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`
  })
}

/** Undefined for what is not a source map. */
function mapOf(value: SourceMapPayload | undefined): SourceMap | undefined {
  const { SourceMap } = process.getBuiltinModule('node:module')
  return attempt(() => value && new SourceMap(value))
}

/** Matches the name of a bundle and a position in it. */
const framePattern = /(src\/[\w/-]+\.cjs):(\d+):(\d+)/
