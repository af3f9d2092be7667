// Holds the kinds of settings to what an owner may write: values of each kind, and what they
// become.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settingsTable } from './table.ts'

const values: readonly (readonly [key: string, value: unknown, parsed: unknown])[] = [
  ['max_file_size', '1.5 MiB', 1_572_864],
  ['max_file_size', 0, 0],
  ['max_file_size', '8M', 'refused'],
  ['max_file_size', -1, 'refused'],
  ['max_file_size', true, 'refused'],
  ['max_field_size', 0, 'refused'],
  ['max_field_size', 1, 1],
  ['chunk_size', 65535, 'refused'],
  ['chunk_size', '64KiB', 65536],
  ['max_files', 1, 1],
  ['max_files', 100_000, 100_000],
  ['max_files', 0, 'refused'],
  ['max_files', 100_001, 'refused'],
  ['max_files', 1.5, 'refused'],
  ['max_files', '20', 'refused'],
  ['partial_lifetime', '60s', 60],
  ['partial_lifetime', '365d', 31_536_000],
  ['partial_lifetime', '59s', 'refused'],
  ['partial_lifetime', '366d', 'refused'],
  ['partial_lifetime', 3600, 'refused'],
  ['file_mode', '0644', 0o644],
  ['file_mode', '600', 0o600],
  ['file_mode', '0755', 'refused'],
  ['file_mode', '0641', 'refused'],
  ['file_mode', '0240', 'refused'],
  ['file_mode', '4640', 'refused'],
  ['file_mode', 640, 'refused'],
  ['on_conflict', 'overwrite', 'overwrite'],
  ['on_conflict', 'Rename', 'refused'],
  ['checksum', 'md5', 'refused'],
  ['durable', false, false],
  ['durable', 'yes', 'refused'],
  ['allow_extensions', ['.JPG', 'tar.gz'], ['jpg', 'tar.gz']],
  ['allow_extensions', ['a/b'], 'refused'],
  ['allow_extensions', [''], 'refused'],
  ['allow_extensions', 'jpg', 'refused'],
  ['allow_extensions', [1], 'refused'],
  ['allowed_origins', ['https://A.example/'], ['https://a.example']],
  ['allowed_origins', ['https://a.example/path'], 'refused'],
  ['allowed_origins', ['*'], 'refused'],
  ['directory', 'up/../in', '/base/in'],
  ['directory', '/srv/up/', '/srv/up'],
  ['directory', '~/up', 'refused'],
  ['directory', '/a\0b', 'refused'],
  ['directory', '', 'refused'],
  ['log_file', '', ''],
  ['public_url', 'https://a.example/files/', 'https://a.example/files/'],
  ['public_url', '/files/', '/files/'],
  ['public_url', '//evil.example/', 'refused'],
  ['public_url', 'javascript:alert(1)', 'refused'],
  ['success_redirect', '/thanks?r={receipt}', '/thanks?r={receipt}'],
  ['success_redirect', 'https://a.example/{receipt}', 'https://a.example/{receipt}'],
  ['success_redirect', 'https://{receipt}.example/', 'refused'],
  ['success_redirect', 'https://a.example?{receipt}', 'https://a.example?{receipt}'],
  ['success_redirect', '/thanks?r={id}', 'refused'],
  ['success_redirect', 'https://a:b/', 'refused'],
  ['success_redirect', 'https://a.example;img-src/', 'refused'],
  ['success_redirect', '/thanks\r\nX: y', 'refused'],
  ['success_redirect', 'http://\\evil.example', 'refused'],
  ['success_redirect', '/\\evil.example', 'refused'],
  ['success_redirect', 'http://\t/evil.example', 'refused'],
  ['title', '<b>', '<b>'],
  ['title', 1, 'refused'],
]

test('a value is taken as its kind says, and nothing is guessed', () => {
  for (const [key, value, parsed] of values) {
    assert.deepEqual(parsedValue(key, value), parsed, `${key} = ${JSON.stringify(value)}`)
  }
})

test('a field of the form has a known type, and options that differ', () => {
  const asked = (type: string, more: object = {}) => {
    return parsedValue('extra_fields', [{ name: 'a', label: 'A', type, ...more }])
  }
  for (const type of ['text', 'email', 'textarea', 'number', 'date', 'checkbox']) {
    assert.deepEqual(asked(type), [{ name: 'a', label: 'A', type, required: false, options: [] }])
    assert.equal(asked(type, { options: ['b'] }), 'refused')
  }
  const select = { name: 'a', label: 'A', type: 'select', required: false, options: ['b', 'B'] }
  assert.deepEqual(asked('select', { options: ['b', 'B'] }), [select])
  for (const options of [undefined, [], [1], ['b', 'c', 'b'], ['b', ' '], 'b']) {
    assert.equal(asked('select', { options }), 'refused', JSON.stringify(options))
  }
  assert.equal(asked('password'), 'refused')
})

test('a folder is a path of names and holes that are known', () => {
  const right = [
    '',
    'in',
    '{date}/{sender}',
    '{year}/{month}/{sender}',
    'project {field:project}',
    'a/b/c/d/e/f/g/h',
    'Übungen/{field:E-mail}',
  ]
  for (const folder of right) assert.equal(parsedValue('folder', folder), folder)
  const wrong = [
    1,
    '/in',
    'in/',
    'a//b',
    '../up',
    '.hidden',
    '{name}',
    '{field:}',
    '{field:_submission}',
    '{Date}',
    '{date',
    'date}',
    '{{date}}',
    'a:b',
    'a\\b',
    'a\nb',
    'a/b/c/d/e/f/g/h/i',
  ]
  for (const folder of wrong) {
    assert.equal(parsedValue('folder', folder), 'refused', JSON.stringify(folder))
  }
})

function parsedValue(key: string, value: unknown): unknown {
  const row = settingsTable.find((candidate) => candidate.key === key)
  assert.ok(row)
  const parsed = row.kind.parse(value, row, '/base')
  return 'problem' in parsed ? 'refused' : parsed.value
}
