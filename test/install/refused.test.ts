// What install.sh refuses or warns of before it changes anything.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { program as executable } from '../host/program.ts'
import { assertSame, skip, systemFor } from '../host/small-system.ts'

test('a damaged download is refused by its sum', { skip }, (t) => {
  const machine = systemFor(t, ['usr/lib/cgi-bin'])
  const sum = spawnSync('sha256sum', [executable], { encoding: 'utf8' }).stdout.split(' ')[0]
  machine.write('unpacked/SHA256SUMS', `${sum}  upload.cgi\n`)
  machine.installed(['--yes'])
  machine.installed(['--uninstall', '--yes'])
  machine.write('unpacked/SHA256SUMS', `${'0'.repeat(64)}  upload.cgi\n`)
  const before = machine.everything()
  const refused = machine.install(['--yes'])
  assert.equal(refused.status, 1)
  assert.match(refused.stderr, /not what SHA256SUMS says/)
  assertSame(machine.everything(), before)
})

test('a file system that forbids programs is told, and nothing is left', { skip }, (t) => {
  const machine = systemFor(t, ['usr/lib/cgi-bin'])
  const folder = join(machine.path, 'usr/lib/cgi-bin')
  assert.equal(
    spawnSync('mount', ['-t', 'tmpfs', '-o', 'noexec,size=200m,mode=755', 'none', folder]).status,
    0,
  )
  try {
    const ended = machine.install(['--yes'])
    assert.equal(ended.status, 1)
    assert.match(ended.stderr, /mounted noexec/)
    assert.deepEqual(readdirSync(folder), [])
  } finally {
    assert.equal(spawnSync('umount', [folder]).status, 0)
  }
})

test('a cgi-bin that others may write to is told with the remedy', { skip }, (t) => {
  const machine = systemFor(t, ['usr/lib/cgi-bin'])
  chmodSync(join(machine.path, 'usr/lib/cgi-bin'), 0o775)
  assert.match(
    machine.installed(['--dry-run']),
    /suexec refuses to run programs there:\n# +chmod go-w \/usr\/lib\/cgi-bin/,
  )
})

test('root writes nothing where somebody else could lay links, nor over links', { skip }, (t) => {
  const machine = systemFor(t, ['usr/lib/cgi-bin', 'home/me/public_html/cgi-bin'])
  machine.own('home/me')
  const there = machine.install(['--cgi-bin', '/home/me/public_html/cgi-bin', '--yes'])
  assert.equal(there.status, 1)
  assert.match(there.stderr, /belongs to somebody else.*su - ACCOUNT/)
  symlinkSync('/unpacked/upload.cgi', join(machine.path, 'usr/lib/cgi-bin/upload.cgi'))
  const before = machine.everything()
  assert.match(machine.install(['--yes']).stderr, /is a symbolic link/)
  assertSame(machine.everything(), before)
})
