// The template of the setting `folder`: what fills it, and what is left out.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Field } from '../outcome.ts'
import { destinationOf } from './destination.ts'

const settings = {
  extraFields: [
    { name: 'project', label: 'Your project', type: 'text', required: false, options: [] },
  ],
} as const

function folders(template: string, fields: Readonly<Record<string, string>> = {}, sender = '') {
  const pairs: Field[] = Object.entries(fields).map(([name, value]) => ({ name, value }))
  const time = new Date(2026, 2, 5, 23, 59)
  const arrival = { time, sender, receipt: '7F3K-92QD-M4', fields: pairs }
  return destinationOf(template, settings, arrival)
}

test('holes are filled, and text stays', () => {
  assert.deepEqual(folders(''), [])
  assert.deepEqual(folders('in'), ['in'])
  assert.deepEqual(folders('{date}/{year}-{month}'), ['2026-03-05', '2026-03'])
  assert.deepEqual(folders('from {sender}/in', {}, 'ann'), ['from ann', 'in'])
  assert.deepEqual(folders('{receipt}'), ['7F3K-92QD-M4'])
})

test('a value is one name, whatever it holds', () => {
  const named = (project: string) => folders('all/{field:project}', { project })
  assert.deepEqual(named('Garden'), ['all', 'Garden'])
  assert.deepEqual(named('a/b\\c\u2215d'), ['all', 'a_b_c_d'])
  assert.deepEqual(named('../../etc'), ['all', '_.._etc'])
  assert.deepEqual(named('/'), ['all', '_'])
  assert.deepEqual(named('.upload-cgi'), ['all', 'upload-cgi'])
  assert.deepEqual(named('con'), ['all', '_con'])
  assert.deepEqual(named('upload'), ['all', 'upload'])
  assert.equal(Buffer.byteLength(named('x'.repeat(1000))[1] ?? ''), 255)
})

test('what is empty is left out, also with the text around it', () => {
  for (const project of ['', ' ', '.', '..', '\u200b', '\u3164']) {
    assert.deepEqual(folders('{date}/for {field:project}/in', { project }), ['2026-03-05', 'in'])
  }
  assert.deepEqual(folders('{sender}'), [])
  assert.deepEqual(folders('{field:a}-{field:b}', { a: '', b: 'B' }), ['B'])
})

test('a field that is missing is asked for by its label', () => {
  const refused = { code: 'FIELD_REQUIRED', holes: { label: 'Your project' } }
  assert.throws(() => folders('{field:project}', { other: 'x' }), refused)
  assert.throws(() => folders('{field:x}'), { code: 'FIELD_REQUIRED', holes: { label: 'x' } })
})
