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
    maxFiles: 100,
    maxFields: 100,
    maxFieldBytes: 64_000,
    minFreeBytes: 64_000_000,
    allowExtensions: [],
    blockExtensions: [...executedByServers, ...obeyedByWindows],
    contentCheck: true,
    scanCommand: [],
    folder: '',
    keepFolders: true,
    notify: [],
    mailCommand: [],
    mailFrom: '',
    webhookSecret: '',
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
    recordLifetimeSeconds: 7_776_000,
    receiptFile: false,
    requireUser: false,
    passphrase: '',
    invitedOnly: false,
    invitations: [],
    openUntil: 0,
    maxTotalBytes: 0,
    maxTotalFiles: 0,
    maxSenderBytes: 0,
    maxSenderFiles: 0,
    allowedOrigins: [],
    trustedProxies: [],
    title: 'Upload files',
    message: '',
    stylesheet: '',
    language: '',
    logo: '',
    accentColor: '',
    extraFields: [],
    files: 'required',
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

test('secrets come from the settings file alone', () => {
  for (const name of ['UPLOAD_CGI_PASSPHRASE', 'REDIRECT_UPLOAD_CGI_INVITATIONS']) {
    const loaded = load('directory = "/srv/up"', { [name]: 'open sesame' })
    assert.deepEqual([loaded.passphrase, loaded.invitations], ['', []])
    const [problem, ...more] = loaded.problems
    assert.deepEqual([problem?.where, more], [name, []])
    assert.match(problem?.problem ?? '', /^\w+ is read from the settings file alone$/)
  }
})

test('invitations: everything that an owner may write, and what is refused', () => {
  const toml = (more: string, token = '"0123456789abcdef"') =>
    `directory = "/srv"\n[[invitations]]\nname = "Acme & Söhne"\ntoken = ${token}\n${more}`
  const all = toml('folder = "acme"\nuntil = "2026-12-31"\nmax_size = "5GB"\nmax_files = 9\n')
  const endsAt = new Date(2027, 0, 1).getTime()
  const more = { folder: 'acme', endsAt, maxBytes: 5e9, maxFiles: 9 }
  const acme = { name: 'Acme & Söhne', token: '0123456789abcdef' }
  assert.deepEqual(load(all).problems, [])
  assert.deepEqual(load(all).invitations, [{ ...acme, ...more }])
  const least = { folder: '', endsAt: 0, maxBytes: 0, maxFiles: 0 }
  assert.deepEqual(load(toml('')).invitations, [{ ...acme, ...least }])
  const refused = [
    ...['until = "soon"', 'max_size = "big"', 'max_files = -1', 'size = 3', 'folder = 3'],
    ...['[[invitations]]\nname = "Other"\ntoken = "0123456789abcdef"'],
    ...['[[invitations]]\nname = "Acme & Söhne"\ntoken = "0123456789abcdeX"'],
    ...['[[invitations]]\ntoken = "0123456789abcdeX"'],
  ].map((more) => toml(more))
  const tokens = ['"0123456789abcde"', '"0123456789 abcdef"', '3'].map((token) => toml('', token))
  for (const text of [...refused, ...tokens, 'directory = "/srv"\ninvitations = 3']) {
    const [problem, ...others] = load(text).problems
    assert.deepEqual([problem?.key, others], ['invitations', []], text)
    assert.doesNotMatch(JSON.stringify(problem), /0123456789/)
  }
})

test('a day means its end, a time is that of the machine unless it has a zone', () => {
  const until = (text: string) => {
    const { openUntil, problems } = load(`directory = "/srv"\nopen_until = ${text}\n`)
    return problems.length > 0 ? 'refused' : openUntil
  }
  const midnight = new Date(2028, 2, 1).getTime()
  assert.equal(until('"2028-02-29"'), midnight)
  assert.equal(until('2028-02-29'), midnight)
  const evening = new Date(2026, 11, 31, 18, 0).getTime()
  for (const text of ['"2026-12-31 18:00"', '"2026-12-31T18:00:00"', '2026-12-31 18:00:00']) {
    assert.equal(until(text), evening, text)
  }
  assert.equal(until('"2026-12-31T18:00:00+02:00"'), Date.UTC(2026, 11, 31, 16))
  assert.equal(until('2026-12-31T18:00:00Z'), Date.UTC(2026, 11, 31, 18))
  assert.equal(until('""'), 0)
  for (const text of ['"2026-02-30"', '"soon"', '3', '"2026-12-31 25:00"', 'true']) {
    assert.equal(until(text), 'refused', text)
  }
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
