// The words about a program that does not start are in one file. doctor.cgi and install.sh have
// what it says, and beside it no sentence twice.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { scripts, withCauses } from '../../build/causes.ts'

const root = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const causes = read('build/causes.sh')

test('doctor.cgi and install.sh have the words of build/causes.sh, by npm run build', () => {
  for (const script of scripts) assert.equal(withCauses(read(script), causes), read(script), script)
})

test('beside these words doctor.cgi and install.sh have no sentence in common', () => {
  const [doctor, installer] = scripts.map((script) => sentencesOf(read(script).replace(causes, '')))
  assert.ok(doctor && doctor.size > 100)
  assert.ok(installer && installer.size > 100)
  assert.deepEqual([...doctor].filter((sentence) => installer.has(sentence)).sort(), inCommon)
})

test('each cause that a status or an output leads to has its words', () => {
  const led = new Set([...causes.matchAll(/cause=([A-Z_]+)/g)].map(([, code]) => code))
  const said = new Set([...causes.matchAll(/^ {2}known ([A-Z_]+)/gm)].map(([, code]) => code))
  assert.ok(led.size > 12)
  assert.deepEqual(
    [...led].filter((code) => !said.has(code)),
    [],
  )
})

/** What is in quotes and has four words or more. */
function sentencesOf(script: string): Set<string> {
  const quoted = script.replaceAll(/^ *#.*/gm, '').matchAll(/'([^']*)'|"((?:[^"\\]|\\.)*)"/g)
  const texts = [...quoted].map(([, single, double]) => (single ?? double ?? '').trim())
  return new Set(texts.filter((text) => text.split(/\s+/).length >= 4 && /[a-z]{3}/.test(text)))
}

const inCommon: readonly string[] = []
