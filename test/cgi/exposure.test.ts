// A directory that must not receive uploads because of where it is: requests refuse it, and the
// owner reads why and what to do. Whatever requests refuse, `check` reports as an error.

import assert from 'node:assert/strict'
import { copyFileSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Place } from '../host/check.ts'
import { assertFault, type Env, file, finished, post } from '../host/form.ts'
import { freshDirectory, program } from '../host/program.ts'

/** The path of a fresh directory that ends so. */
function made(t: TestContext, ...parts: string[]): string {
  const path = join(freshDirectory(t), ...parts)
  mkdirSync(path, { recursive: true })
  return path
}

async function assertRefused(directory: string, reason: RegExp, env: Env = {}) {
  const reply = await post(directory, [file('a.txt')], env)
  assertFault(reply, 'DIRECTORY_UNUSABLE')
  assert.match(reply.stderr, reason)
  assert.doesNotMatch(reply.text, /\//, 'a visitor sees no path')
  assert.ok(!finished(directory).includes('a.txt'))
}

async function assertTaken(directory: string, env: Env = {}) {
  const reply = await post(directory, [file('a.txt')], env)
  assert.equal(reply.status, 201, reply.text + reply.stderr)
}

const isPublic = { UPLOAD_CGI_ALLOW_PUBLIC_DIRECTORY: 'true' }

test('a directory in the document root of the host or of the address', async (t) => {
  const directory = made(t, 'site', 'up')
  const site = join(directory, '..')
  for (const name of ['DOCUMENT_ROOT', 'CONTEXT_DOCUMENT_ROOT']) {
    for (const root of [site, `${site}/`, directory]) {
      await assertRefused(directory, /inside the site .*allow_public_directory/, { [name]: root })
    }
    await assertTaken(made(t), { [name]: site, ...isPublic })
  }
  await assertTaken(directory, { DOCUMENT_ROOT: `${site}/u`, CONTEXT_DOCUMENT_ROOT: '' })
})

test('a directory in a document root behind symbolic links', async (t) => {
  const directory = made(t, 'site', 'up')
  const home = join(directory, '../..')
  symlinkSync(join(home, 'site'), join(home, 'www'))
  symlinkSync(directory, join(home, 'files'))
  const env = { DOCUMENT_ROOT: join(home, 'www') }
  await assertRefused(join(home, 'files'), /inside the site/, env)
})

test('a directory below a folder with a name that sites have', async (t) => {
  const names = ['public_html', 'private_html', 'htdocs', 'httpdocs', 'wwwroot', 'www/html']
  for (const name of names) {
    const directory = made(t, name, 'a', 'up')
    await assertRefused(directory, /inside the site .*allow_public_directory/)
    await assertTaken(directory, isPublic)
  }
  await assertTaken(made(t, 'html', 'up'))
})

test('a directory below the program, above it and beside it', async (t) => {
  const folder = made(t, 'web', 'cgi')
  const copy = join(folder, 'form.cgi')
  try {
    linkSync(program, copy)
  } catch {
    copyFileSync(program, copy)
  }
  const below = join(folder, 'files')
  mkdirSync(below)
  const asScript = { SCRIPT_FILENAME: copy }
  await assertRefused(below, /below .*cgi, where the web server runs programs/, asScript)
  await assertTaken(below, { ...asScript, ...isPublic })
  // The trial server shows nothing of the folder in which somebody tries the program.
  await assertTaken(below, { ...asScript, SERVER_SOFTWARE: 'upload.cgi-serve' })
  for (const env of [asScript, { ...asScript, ...isPublic }]) {
    const reply = await post(join(folder, '..'), [file('a.txt')], env)
    assertFault(reply, 'DIRECTORY_UNUSABLE')
    assert.match(reply.stderr, /contains the program/)
  }
  await assertRefused(freshDirectory(t), /the directory of the program itself/, {
    SCRIPT_FILENAME: undefined,
    UPLOAD_CGI_DIRECTORY: join(program, '..'),
  })
})

for (const key of ['log_file', 'stylesheet', 'logo'] as const) {
  test(`a directory that contains the ${key} of its form`, async (t) => {
    const directory = made(t, 'up')
    const home = join(directory, '..')
    const name = `UPLOAD_CGI_${key.toUpperCase()}`
    mkdirSync(join(directory, 'sub'))
    const reason = new RegExp(`contains ${key} .*an upload could replace: keep it in another`)
    await assertRefused(directory, reason, { [name]: join(directory, 'own') })
    await assertRefused(directory, reason, { [name]: join(directory, 'sub', 'own') })
    // A symbolic link outside that leads inside, and one inside that leads outside.
    writeFileSync(join(directory, 'sub', 'file'), '')
    symlinkSync(join(directory, 'sub', 'file'), join(home, 'to-inside'))
    await assertRefused(directory, reason, { [name]: join(home, 'to-inside') })
    symlinkSync(join(home, 'outside'), join(directory, 'sub', 'to-outside'))
    await assertRefused(directory, reason, { [name]: join(directory, 'sub', 'to-outside') })
    await assertTaken(directory, { [name]: join(home, 'outside') })
  })
}

test('a directory that contains the settings', async (t) => {
  const directory = made(t, 'up')
  const settings = join(directory, 'guests.toml')
  writeFileSync(settings, 'directory = "."\non_conflict = "overwrite"\n')
  const env = { UPLOAD_CGI_CONFIG: settings, UPLOAD_CGI_DIRECTORY: undefined }
  const evil = 'directory = "/tmp"\n'
  const reply = await post(directory, [file('guests.toml', evil)], env)
  assertFault(reply, 'DIRECTORY_UNUSABLE')
  assert.match(reply.stderr, /contains the settings .*guests\.toml/)
})

test('check reports what requests refuse', (t) => {
  const place = new Place(t)
  const errors = (settings: string) =>
    place
      .check({ settings })
      .findings.filter(({ level }) => level === 'error')
      .map(({ code }) => code)
  assert.deepEqual(errors(`log_file = "${place.directory}/log"\n`), ['OWN_FILE_INSIDE'])
  assert.deepEqual(errors(`stylesheet = "${place.directory}/a.css"\n`), ['OWN_FILE_INSIDE'])
  assert.deepEqual(errors(`log_file = "${place.home}/log"\n`), [])
  const inside = place.check({ file: 'uploads/settings.toml' })
  assert.ok(inside.findings.some(({ code }) => code === 'OWN_FILE_INSIDE'))
})
