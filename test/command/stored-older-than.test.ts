// `upload.cgi clean --stored-older-than`: removes what was stored, by the record and nothing else.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Uploads } from '../host/piece-upload.ts'
import { freshDirectory, program, writeSettings } from '../host/program.ts'
import { add, close, fileField, send, textField, visible } from '../host/record.ts'

type Env = Readonly<Record<string, string>>

/** With the options given after `--stored-older-than`. */
function clean(directory: string, options: readonly string[], env: Env = {}) {
  const set = { UPLOAD_CGI_DIRECTORY: directory, PATH: '/usr/bin:/bin', ...env }
  const { status, stdout, stderr } = spawnSync(
    program,
    ['clean', '--stored-older-than', ...options],
    {
      env: set,
      encoding: 'utf8',
    },
  )
  return { status, stdout, stderr }
}

test('what is old goes, however it came; a dry run says it and removes nothing', async (t) => {
  const directory = freshDirectory(t)
  send(directory, [fileField('one.txt', 'one'), fileField('two.txt', 'two')])
  add(directory, 'a', ['a.txt'])
  close(directory, 'a')
  const folder = { UPLOAD_CGI_FOLDER: '{field:who}' }
  send(directory, [textField('who', 'acme'), fileField('deep.txt', 'deep')], folder)
  assert.equal((await new Uploads(directory).send()).status, 201)
  writeFileSync(join(directory, 'mine.txt'), 'the owner put it there')
  const before = visible(directory)
  const removed = [
    ['a.txt', 16],
    ['acme/deep.txt', 4],
    ['one.txt', 3],
    ['two.txt', 3],
    ['video.mp4', 300_000],
  ]
  const lines = removed.map(([name, size]) => `${name}\t${size}`)
  const told = (stdout: string) => [
    ...stdout.split('\n').slice(0, -2).sort(),
    stdout.split('\n').at(-2),
  ]

  assert.equal(clean(directory, ['1h']).stdout, '0 files removed, 0 bytes\n')
  const tried = clean(directory, ['0s', '--dry-run'])
  assert.deepEqual(told(tried.stdout), [...lines, '5 files would be removed, 300 KB'])
  assert.deepEqual(visible(directory), before)
  const done = clean(directory, ['0s'])
  assert.deepEqual([done.status, done.stderr], [0, ''])
  assert.deepEqual(told(done.stdout), [...lines, '5 files removed, 300 KB'])
  assert.deepEqual(visible(directory), ['acme', 'mine.txt'])
  assert.deepEqual(readdirSync(join(directory, 'acme')), [])
  assert.equal(clean(directory, ['0s']).stdout, '0 files removed, 0 bytes\n')
})

test('what was changed, replaced or moved stays, and so does what a symlink leads to', (t) => {
  const directory = freshDirectory(t)
  const elsewhere = freshDirectory(t)
  const at = (name: string) => join(directory, name)
  const names = ['grown', 'edited', 'replaced', 'moved', 'linked', 'gone']
  send(
    directory,
    names.map((name) => fileField(name, 'content')),
  )
  const folder = { UPLOAD_CGI_FOLDER: '{field:who}' }
  send(directory, [textField('who', 'acme'), fileField('deep.txt', 'deep')], folder)
  writeFileSync(at('grown'), ' and more', { flag: 'a' })
  const { atimeMs, mtimeMs } = statSync(at('edited'))
  writeFileSync(at('edited'), 'CONTENT')
  utimesSync(at('edited'), atimeMs / 1000, mtimeMs / 1000 + 10)
  renameSync(at('replaced'), at('mine'))
  mkdirSync(at('replaced'))
  renameSync(at('moved'), at('moved-by-the-owner'))
  renameSync(at('linked'), join(elsewhere, 'linked'))
  symlinkSync(join(elsewhere, 'linked'), at('linked'))
  renameSync(at('acme'), join(elsewhere, 'acme'))
  symlinkSync(join(elsewhere, 'acme'), at('acme'))
  const { status, stdout, stderr } = clean(directory, ['0s'])
  assert.deepEqual([status, stdout, stderr], [0, 'gone\t7\n1 file removed, 7 bytes\n', ''])
  const left = ['acme', 'edited', 'grown', 'linked', 'mine', 'moved-by-the-owner', 'replaced']
  assert.deepEqual(visible(directory), left)
  assert.equal(readFileSync(join(elsewhere, 'linked'), 'utf8'), 'content')
  assert.equal(readFileSync(join(elsewhere, 'acme/deep.txt'), 'utf8'), 'deep')
})

test('what somebody in notify has not heard of stays', (t) => {
  const home = freshDirectory(t)
  const directory = freshDirectory(t)
  const hearing = join(home, 'hears')
  const notify = `notify = ["${hearing}"]`
  const settings = writeSettings(home, `directory = "${directory}"\n${notify}\n`)
  const env = { UPLOAD_CGI_CONFIG: settings, PATH: '/usr/bin:/bin' }
  const run = (...args: readonly string[]) => spawnSync(program, args, { env, encoding: 'utf8' })
  const hears = (status: number) => {
    writeFileSync(hearing, `#!/bin/sh\ncat >/dev/null\nexit ${status}\n`, { mode: 0o755 })
  }
  hears(1)
  const body = fileField('a.txt', 'content')
  send(directory, [body], { UPLOAD_CGI_CONFIG: settings })
  assert.equal(run('deliver').status, 69)
  const old = ['clean', '--stored-older-than', '0s']
  assert.equal(run(...old).stdout, '0 files removed, 0 bytes\n')
  hears(0)
  assert.equal(run('deliver').stdout, 'told: 1\n')
  assert.equal(run(...old).stdout, 'a.txt\t7\n1 file removed, 7 bytes\n')
})

test('an age of which nothing is known is refused, and names both', (t) => {
  const directory = freshDirectory(t)
  send(directory, [fileField('a.txt')])
  const env = { UPLOAD_CGI_RECORD_LIFETIME: '30d' }
  const { status, stdout, stderr } = clean(directory, ['31d'], env)
  assert.deepEqual([status, stdout], [64, ''])
  assert.match(stderr, /--stored-older-than 31d is too old: .* record_lifetime = "30d"\n$/)
  assert.equal(clean(directory, ['30d'], env).status, 0)
  assert.equal(clean(directory, ['a month'], env).status, 64)
  assert.deepEqual(visible(directory), ['a.txt'])
})
