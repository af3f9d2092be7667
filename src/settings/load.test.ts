// Holds the settings to their table: defaults, one value of each kind, files, the environment over them,
// and what is told about wrong ones. Files are written to a directory that goes at the end.
// Every load names its file, so that no settings of this machine are read.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { loadSettings } from './load.ts'
import { executedByBrowsers, executedByServers, settingsTable } from './table.ts'
import { parseValue } from './value.ts'

const directory = mkdtempSync(join(tmpdir(), 'upload-settings-'))
const path = join(directory, 'upload.toml')
after(() => rmSync(directory, { recursive: true }))

function load(toml: string, env: Record<string, string> = {}) {
  writeFileSync(path, toml)
  return loadSettings({ UPLOAD_CGI_CONFIG: path, ...env }, '/nowhere/upload.cgi', '')
}

function parsedValue(key: string, value: unknown): unknown {
  const row = settingsTable.find((candidate) => candidate.key === key)
  assert.ok(row)
  const parsed = parseValue(row, value, '/base')
  return 'problem' in parsed ? 'refused' : parsed.value
}

test('keys and names of the table are each other in snake and camel case, and unique', () => {
  const keys = settingsTable.map((row) => row.key)
  assert.equal(new Set(keys).size, keys.length)
  for (const { key, name } of settingsTable) {
    const camel = key.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())
    const isSize = /Size$|Space$/.test(camel)
    const expected = isSize ? camel.replace(/Size$|Space$/, '') : camel
    assert.equal(name.replace(/Bytes$|Seconds$/, ''), expected, key)
  }
})

test('a file with the directory alone gives every default', () => {
  assert.deepEqual(load('directory = "/srv/up"'), {
    directory: '/srv/up',
    maxFileBytes: 100_000_000,
    maxRequestBytes: 1_000_000_000,
    maxFiles: 20,
    maxFields: 100,
    maxFieldBytes: 64_000,
    minFreeBytes: 64_000_000,
    allowExtensions: [],
    blockExtensions: executedByServers,
    onConflict: 'rename',
    fileMode: 0o640,
    allowPublicDirectory: false,
    durable: true,
    checksum: 'sha256',
    chunkBytes: 8_000_000,
    partialLifetimeSeconds: 86_400,
    maxPartialUploads: 100,
    publicUrl: '',
    logFile: '',
    requireUser: false,
    allowedOrigins: [],
    title: 'Upload files',
    message: '',
    stylesheet: '',
    language: '',
    logo: '',
    accentColor: '',
    extraFields: [],
    parallelUploads: 2,
    successRedirect: '',
    debug: false,
    file: path,
    origins: new Map([['directory', `${path} line 1`]]),
    problems: [],
  })
})

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
  ['success_redirect', '/thanks\r\nX: y', 'refused'],
  ['title', '<b>', '<b>'],
  ['title', 1, 'refused'],
]

test('a value is taken as its kind says, and nothing is guessed', () => {
  for (const [key, value, parsed] of values) {
    assert.deepEqual(parsedValue(key, value), parsed, `${key} = ${JSON.stringify(value)}`)
  }
})

test('the environment overrides the file, and tells where each value came from', () => {
  const loaded = load('directory = "in"\nmax_files = 3\ndurable = true', {
    UPLOAD_CGI_MAX_FILES: '4',
    REDIRECT_UPLOAD_CGI_MAX_FILES: '5',
    REDIRECT_UPLOAD_CGI_DURABLE: 'Off',
    UPLOAD_CGI_ALLOW_EXTENSIONS: 'jpg, PNG,',
    HTTP_UPLOAD_CGI_TITLE: 'evil',
  })
  assert.deepEqual(loaded.problems, [])
  assert.equal(loaded.directory, join(directory, 'in'))
  assert.equal(loaded.maxFiles, 4)
  assert.equal(loaded.durable, false)
  assert.deepEqual(loaded.allowExtensions, ['jpg', 'png'])
  assert.equal(loaded.title, 'Upload files')
  assert.deepEqual(Object.fromEntries(loaded.origins), {
    directory: `${path} line 1`,
    max_files: 'UPLOAD_CGI_MAX_FILES',
    durable: 'REDIRECT_UPLOAD_CGI_DURABLE',
    allow_extensions: 'UPLOAD_CGI_ALLOW_EXTENSIONS',
  })
})

test('a public directory also blocks what browsers run, unless the list is given', () => {
  const toml = 'directory = "/srv/up"\nallow_public_directory = true\n'
  const all = [...executedByServers, ...executedByBrowsers]
  assert.deepEqual(load(toml).blockExtensions, all)
  assert.deepEqual(load(`${toml}block_extensions = ["exe"]`).blockExtensions, ['exe'])
})

test('everything wrong is listed with key and place, not only the first', () => {
  const loaded = load('directroy = "/srv/up"\n\nmax_files = 0', { UPLOAD_CGI_DURABLE: 'maybe' })
  assert.deepEqual(
    loaded.problems.map(({ key, where, problem }) => [key, where, problem]),
    [
      ['directroy', `${path} line 1`, 'there is no setting "directroy"'],
      ['directory', path, 'directory is not set'],
      ['max_files', `${path} line 3`, '0 does not fit'],
      ['durable', 'UPLOAD_CGI_DURABLE', '"maybe" does not fit'],
    ],
  )
  assert.ok(loaded.problems.every(({ remedy }) => remedy !== ''))
})

test('a file that is not TOML is told with its line', () => {
  const problem = load('title = "a"\ndirectory = /srv/up\n').problems[0]
  assert.equal(problem?.where, `${path} line 2`)
  assert.match(problem?.problem ?? '', /^not TOML: /)
})

test('a named file that is missing or not absolute is a problem, never another file', () => {
  for (const name of [join(directory, 'missing.toml'), 'upload.toml']) {
    const loaded = load('directory = "/srv/up"', { UPLOAD_CGI_CONFIG: name })
    assert.equal(loaded.problems[0]?.key, 'config', name)
    assert.equal(loaded.file, '')
    assert.equal(loaded.directory, '')
  }
})

test('a settings script goes before the named file', () => {
  const script = join(directory, 'form.cgi')
  writeFileSync(script, '#!/usr/local/bin/upload.cgi\ndirectory = "/srv/script"\n')
  const loaded = loadSettings({ UPLOAD_CGI_CONFIG: path }, '/nowhere/upload.cgi', script)
  assert.deepEqual(loaded.problems, [])
  assert.equal(loaded.directory, '/srv/script')
  assert.equal(loaded.file, script)
})

test('the file beside the executable is found', () => {
  const file = join(directory, '.htupload.toml')
  writeFileSync(file, 'directory = "in"')
  assert.equal(loadSettings({}, join(directory, 'upload.cgi'), '').directory, join(directory, 'in'))
})

test('a wrong key is told with its own line, also where it begins another one or is a table', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'upload-cgi-test-')), 'settings.toml')
  writeFileSync(file, 'directory = "/srv"\nmax_file_size = "1MB"\nmax_file = 3\n[limits]\nx = 1\n')
  const { problems } = loadSettings({ UPLOAD_CGI_CONFIG: file }, '/nonexistent/upload.cgi', '')
  rmSync(dirname(file), { recursive: true })
  assert.deepEqual(
    problems.map(({ key, where }) => [key, where]),
    [
      ['max_file', `${file} line 3`],
      ['limits', `${file} line 4`],
    ],
  )
})
