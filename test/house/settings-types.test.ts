// Holds the compiler to its part: Settings and the table of settings are one thing for it. Copies
// of the room are changed as an author might forget a half, and tsc must name the other half.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { freshDirectory, root } from '../host/program.ts'

const place = freshDirectory({ after })

type Change = readonly [file: string, before: string, after: string]

/** The settings, and what they take from other rooms. */
const parts = [
  'settings',
  'languages/files.ts',
  ...['network.ts', 'request.ts', 'sender.ts'].map((file) => `http/${file}`),
  ...['fault.ts', 'fault-table.ts', 'quantity.ts', 'system-error.ts'],
]
const row = `  maxNightBytes: { key: 'max_night_size', kind: size, default: '0', help: 'all' },\n`
const field = '  readonly maxNightBytes: number\n'
const firstField = '  readonly maxFiles: number\n'
const firstRow = '  maxFiles: {\n'
const firstPageRow = '  title: {\n'

const cases: Readonly<Record<string, { changes: readonly Change[]; error?: RegExp }>> = {
  unchanged: { changes: [] },
  'a-field-and-its-row': {
    changes: [
      ['settings.ts', firstField, field + firstField],
      ['table.ts', firstRow, row + firstRow],
    ],
  },
  'a-field-without-a-row': {
    changes: [['settings.ts', firstField, field + firstField]],
    error: /settings\/table\.ts.*'maxNightBytes' is missing/,
  },
  'a-row-without-a-field': {
    changes: [['table.ts', firstRow, row + firstRow]],
    error: /settings\/table\.ts.*'maxNightBytes' does not exist/,
  },
  'a-page-row-without-a-field': {
    changes: [
      ['page-rows.ts', firstPageRow, row.replace('kind: size', 'kind: color') + firstPageRow],
    ],
    error: /settings\/page-rows\.ts.*'maxNightBytes' does not exist/,
  },
  'a-row-of-another-type': {
    changes: [['table.ts', "key: 'max_files',\n    kind: count", "key: 'x',\n    kind: boolean"]],
    error: /settings\/table\.ts.*'Kind<boolean>' is not assignable to type 'Kind<number>'/,
  },
  'a-choice-that-the-field-lacks': {
    changes: [['table.ts', "oneOf('sha256', 'none')", "oneOf('sha256', 'md5', 'none')"]],
    error: /settings\/table\.ts.*'Kind<"md5" \| .*' is not assignable/,
  },
}

test('a setting without a row does not compile, nor a row without a setting', () => {
  for (const [name, { changes }] of Object.entries(cases)) {
    const copy = join(place, name)
    for (const part of parts) {
      const isSource = (path: string) => !path.endsWith('.test.ts') && !path.endsWith('load.ts')
      cpSync(join(root, 'src', part), join(copy, part), { recursive: true, filter: isSource })
    }
    for (const [file, before, changed] of changes) {
      const path = join(copy, 'settings', file)
      const text = readFileSync(path, 'utf8')
      assert.equal(text.split(before).length, 2, `${file} has ${JSON.stringify(before)} once`)
      writeFileSync(
        path,
        text.replace(before, () => changed),
      )
    }
  }
  const errors = compilerErrors()
  for (const [name, { error }] of Object.entries(cases)) {
    const found = errors.filter((line) => line.startsWith(`${name}/`))
    assert.equal(found.length, error === undefined ? 0 : 1, `${name}: ${found.join('\n')}`)
    if (error !== undefined) assert.match(found[0] ?? '', error)
  }
})

/** One line for each error: the file, relative to the copies, and the message with its details. */
function compilerErrors(): readonly string[] {
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: { typeRoots: [join(root, 'node_modules/@types')] },
    include: [place, join(root, 'src/pages/text.d.ts')],
  }
  writeFileSync(join(place, 'package.json'), '{"type":"module"}')
  writeFileSync(join(place, 'tsconfig.json'), JSON.stringify(config))
  const tsc = join(root, 'node_modules/.bin/tsc')
  const { stdout, stderr } = spawnSync(tsc, ['--pretty', 'false'], { cwd: place, encoding: 'utf8' })
  assert.equal(stderr, '')
  return stdout.replace(/\n +/g, ' ').trim().split('\n')
}
