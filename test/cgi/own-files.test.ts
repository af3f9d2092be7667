// The owner's own files as they may be by mistake: pipes, devices, directories, far too large, in
// another encoding, behind symbolic links. No request waits for one, and the owner reads what is
// wrong.

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { runCgi } from '../host/cgi.ts'
import { file, post } from '../host/form.ts'
import { missing } from '../host/installed.ts'
import { cannotMount, mountVfat } from '../host/mounts.ts'
import { freshDirectory } from '../host/program.ts'

function places(t: TestContext) {
  const home = freshDirectory(t)
  const directory = join(home, 'up')
  mkdirSync(directory)
  return { home, directory }
}

/** The reply to a GET, and what the owner reads. */
async function loaded(t: TestContext, prepare: (path: string, directory: string) => void) {
  const { home, directory } = places(t)
  const path = join(home, 'settings.toml')
  prepare(path, directory)
  const env = { UPLOAD_CGI_CONFIG: path, UPLOAD_CGI_DIRECTORY: undefined }
  return runCgi({ env, timeoutSeconds: 60 })
}

const settings = (directory: string) => `directory = "${directory}"\ntitle = "Größe"\n`

test('settings that are no plain file are refused, and not waited for', async (t) => {
  const wrong: ((path: string) => void)[] = [
    (path) => execFileSync('mkfifo', [path]),
    (path) => mkdirSync(path),
    (path) => symlinkSync('/dev/zero', path),
  ]
  for (const prepare of wrong) {
    const reply = await loaded(t, prepare)
    assert.equal(reply.status, 503)
    assert.match(reply.stderr, /NOT_CONFIGURED: .*settings\.toml: the settings are no plain file: /)
  }
})

test('settings that a pipe brings are refused', async (t) => {
  const reply = await loaded(t, (path, directory) => {
    execFileSync('mkfifo', [path])
    const text = settings(directory)
    // It holds the pipe open until it is stopped.
    const hold = 'exec 3<>"$0"; printf %s "$1" >&3; exec sleep 600'
    const writer = spawn('sh', ['-c', hold, path, text], { stdio: 'ignore' })
    t.after(() => writer.kill('SIGKILL'))
  })
  assert.match(reply.stderr, /the settings are no plain file/)
})

test('settings over 1 MB are refused, and not read', async (t) => {
  const reply = await loaded(t, (path, directory) =>
    writeFileSync(path, `${settings(directory)}#${'x'.repeat(1_000_000)}\n`),
  )
  assert.equal(reply.status, 503)
  assert.match(reply.stderr, /the settings file is over 1 MB: /)
  const most = await loaded(t, (path, directory) =>
    writeFileSync(path, `${settings(directory)}#`.padEnd(999_000, 'x')),
  )
  assert.equal(most.status, 200, most.stderr)
})

test('settings in another encoding are refused, with its name where it is known', async (t) => {
  const encodings = {
    'UTF-16': ['UTF-16', 'UTF-16LE', 'UTF-16BE'],
    'not UTF-8': ['ISO-8859-1'],
  }
  for (const [name, codes] of Object.entries(encodings)) {
    for (const code of codes) {
      const reply = await loaded(t, (path, directory) => {
        const input = settings(directory)
        writeFileSync(path, execFileSync('iconv', ['-f', 'UTF-8', '-t', code], { input }))
      })
      assert.equal(reply.status, 503, code)
      assert.match(reply.stderr, new RegExp(`the settings file is ${name}: save it as UTF-8`), code)
    }
  }
})

test('where chmod has no effect the remedy names the option of the mount', async (t) => {
  const reason = cannotMount() || missing('mkfs.vfat')
  const mounted = reason ? { skip: reason } : mountVfat(t, 16, '000')
  if ('skip' in mounted) return t.skip(mounted.skip)
  const path = join(mounted.path, 'settings.toml')
  writeFileSync(path, settings(places(t).directory))
  const reply = await runCgi({ env: { UPLOAD_CGI_CONFIG: path, UPLOAD_CGI_DIRECTORY: undefined } })
  assert.equal(reply.status, 503)
  assert.match(reply.stderr, /everybody may write to the settings: mount .* with umask=022/)
})

test('a byte order mark before the settings is no fault', async (t) => {
  const reply = await loaded(t, (path, directory) =>
    writeFileSync(path, `\ufeff${settings(directory)}`),
  )
  assert.equal(reply.status, 200, reply.stderr)
  assert.match(reply.text, /<title>Größe</)
})

test('own files may be symbolic links', async (t) => {
  const { home, directory } = places(t)
  const real = join(home, 'real')
  mkdirSync(real)
  writeFileSync(join(real, 'settings.toml'), settings(directory))
  for (const name of ['settings.toml', 'log']) symlinkSync(join(real, name), join(home, name))
  const reply = await post(directory, [file('a.txt')], {
    UPLOAD_CGI_CONFIG: join(home, 'settings.toml'),
    UPLOAD_CGI_LOG_FILE: join(home, 'log'),
  })
  assert.equal(reply.status, 201, reply.stderr)
  assert.match(readFileSync(join(real, 'log'), 'utf8'), /"stored":"a\.txt"/)
})

test('a log that is no plain file holds up no request', async (t) => {
  const wrong: ((path: string) => void)[] = [
    (path) => execFileSync('mkfifo', [path]),
    (path) => mkdirSync(path),
    (path) => symlinkSync('/dev/null', path),
  ]
  for (const prepare of wrong) {
    const { home, directory } = places(t)
    const log = join(home, 'log')
    prepare(log)
    const reply = await post(directory, [file('a.txt')], { UPLOAD_CGI_LOG_FILE: log })
    assert.equal(reply.status, 201, reply.stderr)
    assert.equal(reply.signal, null)
    assert.match(reply.stderr, /log_file: /)
    assert.ok(existsSync(join(directory, 'a.txt')))
  }
})
