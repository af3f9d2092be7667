// What a request need not read is in bundles of their own: those of requests have neither the
// command line nor the check room.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from '../host/program.ts'

/** Words that only these files say, and the bundle that has them. */
const lazy = [
  {
    bundle: 'build/bundles/src/check/inspect.cjs',
    words: ['NOT_CHECKED', 'HARD_LINKS', 'CLOCK_APART'],
  },
  { bundle: 'build/bundles/src/command/run.cjs', words: ['there is no command', 'apache-conf'] },
]

for (const { bundle, words } of lazy) {
  test(`the bundles of requests have nothing of ${bundle}`, () => {
    const own = readFileSync(join(root, bundle), 'utf8')
    for (const word of words) assert.ok(own.includes(word), `${bundle} has no ${word}`)
    for (const name of ['form', 'main']) {
      const request = readFileSync(join(root, `build/bundles/src/${name}.cjs`), 'utf8')
      for (const word of words) assert.ok(!request.includes(word), `${name}: ${word}`)
    }
  })
}
