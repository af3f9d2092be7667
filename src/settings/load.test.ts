// Holds the settings to their table: the defaults, the settings files, the environment that
// overrides them, and what is said about wrong ones. Every load names its file, so that no settings
// of this machine are read.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { loadSettings } from './load.ts'
import {
  executedByBrowsers,
  executedByServers,
  inert,
  obeyedByWindows,
  settingsTable,
} from './table.ts'

const directory = mkdtempSync(join(tmpdir(), 'upload-settings-'))
const path = join(directory, 'upload.toml')
after(() => rmSync(directory, { recursive: true }))

function load(toml: string, env: Record<string, string> = {}) {
  writeFileSync(path, toml)
  return loadSettings({ UPLOAD_CGI_CONFIG: path, ...env }, '/nowhere/upload.cgi', '')
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
    blockExtensions: [...executedByServers, ...obeyedByWindows],
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
    logAddress: 'full',
    requireUser: false,
    allowedOrigins: [],
    trustedProxies: [],
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

test('a public directory takes inert kinds alone, unless the lists are given', () => {
  const toml = 'directory = "/srv/up"\nallow_public_directory = true\n'
  const all = [...executedByServers, ...obeyedByWindows, ...executedByBrowsers]
  assert.deepEqual(load(toml).allowExtensions, inert)
  assert.ok(inert.every((extension) => !all.includes(extension)))
  assert.deepEqual(load(`${toml}allow_extensions = ["svg"]`).allowExtensions, ['svg'])
  assert.deepEqual(load(`${toml}allow_extensions = []`).allowExtensions, [])
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

test('a wrong key has its own line, also where it begins another key or is a table', () => {
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
