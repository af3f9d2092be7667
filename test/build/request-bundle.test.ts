// What a request need not read is in bundles of their own: the request's bundle has neither the
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
  test(`the request's bundle has nothing of ${bundle}`, () => {
    const request = readFileSync(join(root, 'build/upload.cjs'), 'utf8')
    const own = readFileSync(join(root, bundle), 'utf8')
    for (const word of words) {
      assert.ok(own.includes(word), `${bundle} has no ${word}`)
      assert.ok(!request.includes(word), word)
    }
  })
}
