// The drawing, held against the import lines: who may touch the file system and the network, what the core
// never loads, and that no file outgrows a reader.

import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { test } from 'node:test'

const root = import.meta.dirname
const sources = globSync(`${root}/**/*.ts`)
  .map((path) => ({ name: relative(root, path), text: readFileSync(path, 'utf8') }))
  .filter(({ name }) => !name.endsWith('.test.ts') && !name.endsWith('.d.ts'))
  .filter(({ name }) => !name.startsWith('testing/'))

/** What a file imports, but for types alone. */
function importsOf(text: string): string[] {
  const statements = text.matchAll(/^(?:import|export)(?! type)[^'"]*?from '([^']+)'/gms)
  const lazy = text.matchAll(/import\('([^']+)'\)/g)
  return [...statements, ...lazy].map((match) => match[1] ?? '')
}

function importersOf(module: RegExp): string[] {
  return sources
    .filter(({ text }) => importsOf(text).some((name) => module.test(name)))
    .map(({ name }) => name)
    .filter((name) => !name.startsWith('command/'))
    .sort()
}

test('only these touch the file system', () => {
  assert.deepEqual(importersOf(/^node:fs$/), [
    'append.ts',
    'block-writer.ts',
    'cgi.ts',
    'check/directory.ts',
    'check/finding.ts',
    'check/limits.ts',
    'check/mounts.ts',
    'check/place.ts',
    'check/settings.ts',
    'claim.ts',
    'directory.ts',
    'incoming.ts',
    'journal.ts',
    'log.ts',
    'look.ts',
    'main.ts',
    'partial.ts',
    'placement.ts',
    'settings-load.ts',
    'store.ts',
    'trace.ts',
  ])
})

test('the path of a request loads node:fs and node:path and no other builtin', () => {
  const builtins = sources
    .filter(({ name }) => name !== 'serve.ts' && !name.startsWith('command/'))
    .flatMap(({ text }) => importsOf(text))
    .filter((name) => name.startsWith('node:'))
  assert.deepEqual([...new Set(builtins)].sort(), ['node:fs', 'node:path'])
})

test('the parser, the names and the vocabulary import no layer above them', () => {
  const allowed: Record<string, string[]> = {
    'delimiter.ts': [],
    'header.ts': [],
    'html.ts': [],
    'quantity.ts': [],
    'request.ts': [],
    'response.ts': [],
    'settings.ts': ['./settings-page.ts'],
    'settings-page.ts': ['./pages/languages/index.ts'],
    'language.ts': ['./pages/languages/index.ts'],
    'fault.ts': [],
    'filename.ts': [],
    'multipart.ts': ['./delimiter.ts', './fault.ts', './header.ts', './preamble.ts'],
    'preamble.ts': [],
    'placement.ts': ['./fault.ts', './filename.ts', 'node:fs', 'node:path'],
    'incoming.ts': ['./fault.ts', './placement.ts', 'node:fs', 'node:path'],
    'block-writer.ts': ['./fault.ts', 'node:fs'],
    'store.ts': [
      './block-writer.ts',
      './directory.ts',
      './fault.ts',
      './incoming.ts',
      './placement.ts',
      'node:fs',
      'node:path',
    ],
  }
  for (const { name, text } of sources) {
    const expected = allowed[name]
    if (expected !== undefined) assert.deepEqual(importsOf(text).sort(), expected, name)
  }
})

test('commands and the server are loaded lazily, and pages by pages/index.ts alone', () => {
  assert.deepEqual(importersOf(/\/command\//), ['main.ts'])
  assert.deepEqual(importersOf(/serve\.ts$/), [])
  assert.deepEqual(importersOf(/\?(text|sha256|asset)$/), [
    'pages/index.ts',
    'pages/languages/index.ts',
  ])
})

test('no file is longer than 300 lines', () => {
  const long = sources.filter(({ text }) => text.split('\n').length - 1 > 300)
  assert.deepEqual(
    long.map(({ name }) => name),
    [],
  )
})
