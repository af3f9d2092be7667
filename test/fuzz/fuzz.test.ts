// The fuzzer inside npm test: some seconds with a new seed each time, printed so that a finding can
// be had again; and parsers with a planted mistake, to know that the fuzzer finds what it is for.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MultipartParser } from '../../src/multipart/parser.ts'
import type { Subject } from './check.ts'
import { Coverage } from './coverage.ts'
import { describeFinding } from './finding.ts'
import { fuzz } from './fuzzer.ts'

test('mutated bodies are read as the model reads them, however they are cut', (t) => {
  const seed = Date.now() % 2 ** 31
  t.diagnostic(`seed ${seed}`)
  const coverage = new Coverage()
  const { finding, executions } = fuzz(seed, 20, coverage)
  coverage.close()
  t.diagnostic(`${executions} executions`)
  assert.ok(finding === undefined, finding && `seed ${seed}\n${describeFinding(finding)}`)
})

/** A parser whose chunks are spoilt on their way in. */
function spoilt(spoil: (chunk: Buffer, count: number) => Buffer): Subject {
  return (boundary, sink) => {
    const parser = new MultipartParser(boundary, sink)
    let count = 0
    return { write: (chunk) => parser.write(spoil(chunk, ++count)), end: () => parser.end() }
  }
}

const mistakes: readonly (readonly [what: string, subject: Subject])[] = [
  [
    'a byte lost at a chunk border',
    spoilt((chunk, count) => (count === 2 && chunk.length > 1 ? chunk.subarray(1) : chunk)),
  ],
  [
    'a line feed taken for a line end',
    spoilt((chunk) =>
      Buffer.from(chunk.toString('latin1').replace(/(?<!\r)\n/g, '\r\n'), 'latin1'),
    ),
  ],
  [
    'data kept beyond the call',
    (boundary, sink) => {
      let late: Buffer | undefined
      return new MultipartParser(boundary, {
        partBegin: (headers) => sink.partBegin(headers),
        partData(bytes) {
          if (late !== undefined) sink.partData(late)
          late = bytes
        },
        partEnd() {
          if (late !== undefined) sink.partData(late)
          late = undefined
          sink.partEnd()
        },
      })
    },
  ],
  [
    'an end that is not waited for',
    (boundary, sink) => {
      const parser = new MultipartParser(boundary, sink)
      return { write: (chunk) => parser.write(chunk), end: () => undefined }
    },
  ],
]

test('a planted mistake is found, and made small', () => {
  for (const [what, subject] of mistakes) {
    const { finding } = fuzz(1, 20, undefined, subject)
    assert.ok(finding !== undefined, what)
    assert.ok(finding.body.length < 200, `${what}: ${describeFinding(finding)}`)
  }
})
