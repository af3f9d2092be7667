// The README's tables of settings, faults, log columns and commands, row by row against the code.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { commandTable } from '../../src/command/commands.ts'
import { defaultText } from '../../src/command/help.ts'
import { faultTable } from '../../src/fault-table.ts'
import { logColumns } from '../../src/log.ts'
import { settingsTable } from '../../src/settings/table.ts'

const lines = readFileSync(new URL('../../README.md', import.meta.url), 'utf8').split('\n')

function rowsBelow(head: string): string[] {
  const at = lines.indexOf(head)
  assert.notEqual(at, -1, `the README has no table "${head}"`)
  const rows = lines.slice(at + 2)
  return rows.slice(
    0,
    rows.findIndex((line) => !line.startsWith('|')),
  )
}

test('the table of settings is that of the code', () => {
  const expected = settingsTable.map(
    (row) => `| \`${row.key}\` | ${defaultText(row)} | ${row.help} |`,
  )
  assert.deepEqual(rowsBelow('| setting | default | meaning |'), expected)
})

test('the table of faults is that of the code', () => {
  const expected = Object.entries(faultTable()).map(
    ([code, [status, , when, passing]]) =>
      `| \`${code}\` | ${status} | ${passing === undefined ? '' : 'yes '}| ${when} |`,
  )
  assert.deepEqual(rowsBelow('| code | status | passing | when |'), expected)
})

test('the table of log columns is that of the code', () => {
  const expected = Object.entries(logColumns).map(([column, help]) => `| \`${column}\` | ${help} |`)
  assert.deepEqual(rowsBelow('| column | what it is |'), expected)
})

test('every command is in the README', () => {
  const text = lines.join('\n')
  for (const { usage } of commandTable.filter(({ help }) => help !== '')) {
    const [command = ''] = usage.split(' ')
    assert.ok(text.includes(`upload.cgi ${command}`), command)
  }
})
