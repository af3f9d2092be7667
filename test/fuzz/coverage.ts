// Which parts of the sources were run, by V8's own block coverage through node:inspector in this
// process: nothing is instrumented. Node strips types in place, so that V8's offsets are those of
// the source files.

import { readFileSync } from 'node:fs'
import { type Profiler, Session } from 'node:inspector'

const names = [
  'multipart/parser.ts',
  'multipart/delimiter.ts',
  'multipart/header.ts',
  'storage/filename.ts',
]

type Source = { readonly text: string; readonly isRun: Uint8Array; readonly blocks: Set<string> }

export class Coverage {
  readonly #session = new Session()
  readonly #sources = new Map<string, Source>()

  /**
   * What is loaded later is covered from its first line, what is loaded already from its next call.
   */
  constructor() {
    for (const name of names) {
      const url = new URL(`../../src/${name}`, import.meta.url)
      const text = readFileSync(url, 'utf8')
      this.#sources.set(url.href, { text, isRun: new Uint8Array(text.length), blocks: new Set() })
    }
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  /** Whether anything was run since the last time that never was before. */
  take(): boolean {
    let isNew = false
    // The callback runs before post() returns: the session is of this thread.
    this.#session.post('Profiler.takePreciseCoverage', (error, taken) => {
      if (error !== null) throw error
      for (const { url, functions } of taken.result) {
        const source = this.#sources.get(url)
        if (source !== undefined && merge(source, functions)) isNew = true
      }
    })
    return isNew
  }

  close(): void {
    this.#session.disconnect()
  }

  /** Lines and blocks for each file, and what was never run. */
  report(): string {
    return [...this.#sources]
      .map(([url, { text, isRun, blocks }]) => {
        const missed = [...missedSpans(text, isRun)]
        const missedLines = new Set(missed.flatMap(({ lines }) => lines))
        const lines = text.split('\n').filter((line) => /\S/.test(line)).length
        const share = `${lines - missedLines.size} of ${lines} lines`
        const shown = missed.map(({ lines: [line], code }) => `\n    line ${line}: ${code}`)
        const branches = `${blocks.size - missed.length} of ${blocks.size} blocks`
        return `  ${url.slice(url.lastIndexOf('/') + 1)}: ${share}, ${branches}${shown.join('')}`
      })
      .join('\n')
  }
}

function merge(source: Source, functions: readonly Profiler.FunctionCoverage[]): boolean {
  const ranges = functions.flatMap((one) => one.ranges)
  // Outer before inner: an inner one says more.
  ranges.sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset)
  const isRunNow = new Uint8Array(source.isRun.length)
  for (const { startOffset, endOffset, count } of ranges) {
    isRunNow.fill(count > 0 ? 1 : 0, startOffset, endOffset)
    source.blocks.add(`${startOffset}-${endOffset}`)
  }
  let isNew = false
  for (let i = 0; i < isRunNow.length; i++) {
    if (isRunNow[i] === 0 || source.isRun[i] === 1) continue
    source.isRun[i] = 1
    isNew = true
  }
  return isNew
}

function* missedSpans(text: string, isRun: Uint8Array) {
  for (let from = 0; from < text.length; from++) {
    if (isRun[from] === 1) continue
    let to = from
    while (to < text.length && isRun[to] === 0) to++
    const code = text.slice(from, to).trim()
    const first = text.slice(0, from + text.slice(from).search(/\S|$/)).split('\n').length
    const lines = code.split('\n').map((_, i) => first + i)
    // A closing brace after a return is a span of its own to V8.
    if (/\w/.test(code)) yield { lines, code: code.replace(/\s+/g, ' ').slice(0, 80) }
    from = to
  }
}
