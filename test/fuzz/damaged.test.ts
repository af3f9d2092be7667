// The fuzzers of damaged files inside npm test: some seconds each, with a new seed that is printed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freshDirectory, inMemory } from '../host/program.ts'
import { fuzzSettings } from './damaged-settings.ts'
import { fuzzState } from './damaged-state.ts'

const subjects = [
  ['whatever is in the files of unfinished uploads, no request fails with a bug', fuzzState],
  ['whatever is in the settings file, a request gets the form or is told so', fuzzSettings],
] as const

for (const [sentence, fuzz] of subjects) {
  test(sentence, (t) => {
    const seed = Date.now() % 2 ** 31
    t.diagnostic(`seed ${seed}`)
    const { executions, problem } = fuzz(seed, 10, freshDirectory(t, inMemory(64e6)))
    t.diagnostic(`${executions} executions`)
    assert.ok(problem === undefined, `seed ${seed}\n${problem}`)
    assert.ok(executions > 0)
  })
}
