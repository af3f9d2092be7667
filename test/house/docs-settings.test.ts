// What the documentation shows to be pasted is right: each setting, in a block or within a
// sentence, is one that the program takes, each command has the options that are shown, and every
// language is named as the setting `language` wants it.

import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { parse } from 'smol-toml'
import { commandTable } from '../../src/command/commands.ts'
import { languageFiles } from '../../src/languages/files.ts'
import { settingsTable } from '../../src/settings/table.ts'

const root = resolve(import.meta.dirname, '../..')
const pages = globSync(['README.md', 'docs/*.md'], { cwd: root }).map((path) => ({
  path,
  text: readFileSync(join(root, path), 'utf8'),
}))

test('the program takes every setting that the documentation shows', () => {
  const settings = pages.flatMap(({ path, text }) =>
    shownIn(text).flatMap((toml) =>
      Object.entries(parse(toml)).map(([key, value]) => ({ path, key, value })),
    ),
  )
  assert.ok(settings.length >= 80, `${settings.length} settings found`)
  const wrong = settings.filter(({ key, value }) => {
    const row = settingsTable.find((one) => one.key === key)
    return row === undefined || !('value' in row.kind.parse(value, row, '/srv'))
  })
  assert.deepEqual(wrong, [])
})

test('every command has the options with which the documentation shows it', () => {
  const shown = pages.flatMap(({ path, text }) =>
    [...text.replaceAll('\\\n', ' ').matchAll(/upload\.cgi ([a-z][a-z-]*)([^\n`;|]*)/g)]
      .filter(([, name]) => commandTable.some((command) => command.name === name))
      .flatMap(([, name = '', rest = '']) =>
        [...rest.matchAll(/ --([a-z-]+)/g)].map(([, option = '']) => ({ path, name, option })),
      ),
  )
  assert.ok(shown.length >= 20, `${shown.length} options found`)
  const unknown = shown.filter(
    ({ name, option }) =>
      !commandTable.some((command) => command.name === name && option in command.options),
  )
  assert.deepEqual(unknown, [])
})

test('docs/owner.md names every language as the settings want it', () => {
  const owner = pages.find(({ path }) => path === 'docs/owner.md')?.text ?? ''
  const [, names = ''] = /one of eighteen: ([^.]*)\./.exec(owner) ?? []
  const codes = [...names.matchAll(/`([\w-]+)`/g)].map(([, code]) => code)
  assert.deepEqual(codes, Object.keys(languageFiles))
  assert.equal(codes.length, 18)
})

/** The lines of settings in it, without the first line of a settings script. */
function shownIn(text: string): string[] {
  const blocks = [...text.matchAll(/^```toml\n(.*?)^```/gms)].map(([, block = '']) => block)
  const inSentences = [...text.matchAll(/`([a-z_]+ =\s[^`]*)`/g)].map(([, line = '']) => line)
  return [
    ...blocks.map((block) => block.replace(/^#!.*\n/, '')),
    ...inSentences.map((line) => line.replaceAll(/\s+/g, ' ')),
  ]
}
