// The table of docs/security.md is what the test measures, and this program never loses a byte
// without a word. Without all peers installed there is no table: then only this program is held to
// the bodies.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { peers } from '../../bench/parsers/peers.ts'
import { documented, measure, table } from '../../bench/parsers/table.ts'
import { missing } from '../host/installed.ts'

const document = resolve(import.meta.dirname, '../../docs/security.md')

test('this program loses no part of any of the bodies without a word', async () => {
  const { rows } = await measure(peers.slice(0, 1))
  assert.ok(rows.length >= 40)
  for (const { body, verdicts } of rows) {
    assert.equal(verdicts[0]?.isLoss, false, `${body}: ${verdicts[0]?.words}`)
    assert.notEqual(verdicts[0]?.words, 'never answers', body)
  }
})

test('the table of other parsers in docs/security.md is what they do', {
  skip: missing('php-cgi', 'libcgi-pm-perl', 'python3'),
}, async () => {
  const measured = table(await measure()).split('\n')
  const written = documented(readFileSync(document, 'utf8')).split('\n')
  // Patch releases of the peers come and go; what they do is in the rows.
  const rows = (lines: readonly string[]) => lines.filter((_, i) => i !== 1)
  assert.deepEqual(rows(written), rows(measured), 'npm run parsers -- --write')
})
