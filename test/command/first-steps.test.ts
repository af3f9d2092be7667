// What the first steps of an owner are told: without a settings file, and with a directory that is
// not there. Each remedy is typed as it stands, and then it works.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, linkSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCgi } from '../host/cgi.ts'
import { missing } from '../host/installed.ts'
import { cannotMount } from '../host/mounts.ts'
import { freshDirectory, program, writeSettings } from '../host/program.ts'
import { startServe } from '../host/serve.ts'

test('without a settings file check says where it looked, and the command that writes one', (t) => {
  const home = freshDirectory(t)
  const own = join(home, 'upload.cgi')
  // For root the checks run as the web server's user.
  chmodSync(home, 0o755)
  linkSync(program, own)
  const check = () =>
    spawnSync(own, ['check'], { encoding: 'utf8', env: { PATH: process.env['PATH'] } })
  const { status, stdout } = check()
  assert.equal(status, 78)
  const file = `${home}/.htupload.toml`
  assert.ok(stdout.includes(`neither ${file} nor /etc/upload-cgi.toml [SETTINGS_MISSING]`), stdout)
  assert.doesNotMatch(stdout, /\[(?:SETTINGS|SETTINGS_WRONG|PAGE)\]/)
  const [, remedy = ''] = /SETTINGS_MISSING\]\n +→ (.*)/.exec(stdout) ?? []
  execFileSync('sh', ['-c', remedy.replace('/srv/uploads', join(home, 'up'))])
  mkdirSync(join(home, 'up'))
  assert.doesNotMatch(check().stdout, /SETTINGS_MISSING|SETTINGS_WRONG/)
})

test('check says why settings were not read, and does not call their page fine', (t) => {
  const home = freshDirectory(t)
  // For root the checks run as the web server's user.
  chmodSync(home, 0o755)
  const file = writeSettings(home, 'title = "Photos\n')
  const config = { PATH: process.env['PATH'], UPLOAD_CGI_CONFIG: file }
  const check = () => spawnSync(program, ['check'], { encoding: 'utf8', env: config }).stdout
  const codesOfSettings = () => check().match(/(?<=\[)(?:SETTINGS\w*|PAGE)(?=\]$)/gm)
  assert.deepEqual(codesOfSettings(), ['SETTINGS_WRONG'])
  writeSettings(home, 'title = "Photos"\n')
  assert.deepEqual(codesOfSettings(), ['SETTINGS_WRONG', 'PAGE'])
  chmodSync(file, 0o666)
  assert.deepEqual(codesOfSettings(), ['SETTINGS_WRONG'])
})

test('called by its name alone where there is no /proc, it finds what is beside it', {
  skip: cannotMount() || missing('unshare'),
}, (t) => {
  const home = freshDirectory(t)
  chmodSync(home, 0o755)
  linkSync(program, join(home, 'upload.cgi'))
  const settings = writeSettings(home, 'directory = "/nowhere"\n')
  const commands = 'mount -t tmpfs none /proc && cd / && upload.cgi check'
  const { stdout, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', commands], {
    encoding: 'utf8',
    env: { PATH: `${home}:/usr/bin:/bin` },
  })
  assert.ok(stdout.includes(`settings: ${settings} [SETTINGS]`), stdout + stderr)
  assert.ok(stdout.includes(`program: ${home}/upload.cgi [PROGRAM]`), stdout)
})

test('a missing directory: the error log has the command that makes it', async (t) => {
  const directory = join(freshDirectory(t), 'up')
  const env = { UPLOAD_CGI_DIRECTORY: directory }
  const refused = await runCgi({ env })
  assert.equal(refused.status, 503)
  const [, remedy = ''] = /does not exist \(ENOENT\): (install [^#]*)/.exec(refused.stderr) ?? []
  execFileSync('sh', ['-c', remedy])
  assert.equal((await runCgi({ env })).status, 200)
})

test('serve says at once that its directory is missing', async (t) => {
  const home = freshDirectory(t)
  const directory = join(home, 'up')
  const { said } = await startServe(t, { cwd: home, env: { UPLOAD_CGI_DIRECTORY: directory } })
  assert.ok(said.includes(`${directory} does not exist: install -d`), said)
  mkdirSync(directory)
  const again = await startServe(t, { cwd: home, env: { UPLOAD_CGI_DIRECTORY: directory } })
  assert.doesNotMatch(again.said, /does not exist/)
  rmSync(directory, { recursive: true })
})
