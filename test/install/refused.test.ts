// What install.sh refuses or warns of before it changes anything.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, lstatSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { program as executable } from '../host/program.ts'
import { assertSame, type SmallSystem, skip, systemFor } from '../host/small-system.ts'

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

test('root makes no uploads, and puts nothing, where others can lay links', { skip }, (t) => {
  const machine = systemFor(t, ['usr/lib/cgi-bin', 'srv/group', 'srv/everybody', 'srv/sticky'])
  chmodSync(join(machine.path, 'srv/group'), 0o775)
  spawnSync('chown', ['0:1500', join(machine.path, 'srv/group')])
  chmodSync(join(machine.path, 'srv/everybody'), 0o777)
  chmodSync(join(machine.path, 'srv/sticky'), 0o1777)
  symlinkSync('/home/me', join(machine.path, 'srv/link'))
  symlinkSync('/nowhere', join(machine.path, 'srv/broken'))
  const before = machine.everything()
  for (const [args, reason] of [
    [['--upload-dir', '/home/me/uploads'], /\/home\/me belongs to somebody else, or others may/],
    [['--upload-dir', '/home/me/a/b/uploads'], /\/home\/me belongs to somebody else/],
    [['--upload-dir', '/srv/link/uploads'], /\/home\/me belongs to somebody else/],
    [['--upload-dir', '/srv/group/uploads'], /\/srv\/group belongs to somebody else/],
    [['--upload-dir', '/srv/everybody/uploads'], /\/srv\/everybody belongs to somebody else/],
    [['--upload-dir', '/srv/new/../../home/me/uploads'], /a directory before \.\. does not exist/],
    [['--upload-dir', '/srv/broken'], /a symbolic link that leads nowhere/],
    [['--prefix', '/home/me/.local'], /\/home\/me belongs to somebody else/],
    [['--cgi-bin', '/srv/sticky'], /\/srv\/sticky belongs to somebody else/],
  ] as const) {
    const refused = machine.install([...args, '--yes'])
    assert.equal(refused.status, 1, `${args} ${refused.stdout}`)
    assert.match(refused.stderr, reason)
    assertSame(machine.everything(), before)
  }
  machine.installed(['--upload-dir', '/srv/sticky/new/uploads', '--yes'])
})

test('uploads that lie with somebody else are used, and root changes nothing there', {
  skip,
}, (t) => {
  const machine = systemFor(t, ['usr/lib/cgi-bin', 'home/me/uploads'])
  machine.own('home/me')
  const before = machine.everything().filter((line) => line.startsWith('home'))
  const said = machine.installed(['--upload-dir', '/home/me/uploads', '--user', 'me', '--yes'])
  assert.match(said, /# \/home\/me\/uploads stays as it is: others than root may change \/home\/me/)
  const after = machine.everything().filter((line) => line.startsWith('home'))
  assertSame(after, before)
})

test('uninstalling as root believes no manifest that somebody else wrote', { skip }, (t) => {
  const machine = systemFor(t, ['usr/lib/cgi-bin'])
  machine.write('etc/precious', 'kept')
  const manifests = 'home/me/.local/share/upload.cgi/manifests'
  machine.write(`${manifests}/usr%2Flib%2Fcgi-bin%2Fupload.cgi`, 'shared\t-\t/etc/precious\n')
  machine.own('home/me')
  const refused = machine.install(['--prefix', '/home/me/.local', '--uninstall', '--yes'])
  assert.equal(refused.status, 1)
  assert.ok(existsSync(join(machine.path, 'etc/precious')))
})

test('a link laid between two commands of root leads nowhere', { skip }, (t) => {
  const machine = systemFor(t, ['usr/lib/cgi-bin', 'srv/sticky', 'home/me/lair'])
  chmodSync(join(machine.path, 'srv/sticky'), 0o1777)
  machine.write('etc/victim', 'secret', 0o600)
  const victim = join(machine.path, 'etc/victim')

  // Just before root changes the owner of the directory that it made.
  before(
    machine,
    'chown',
    '/srv/uploads',
    'mv /srv/uploads /srv/away; ln -s /etc/victim /srv/uploads',
  )
  machine.install(['--yes'])
  assert.equal(lstatSync(join(machine.path, 'srv/uploads')).isSymbolicLink(), true)
  assert.equal(lstatSync(victim).uid, 0)

  // Just before root makes a directory where everybody may make some.
  before(machine, 'mkdir', '/srv/sticky/new', 'ln -s /home/me/lair /srv/sticky/new')
  const args = ['--upload-dir', '/srv/sticky/new/uploads', '--name', 'two.cgi', '--yes']
  assert.notEqual(machine.install(args).status, 0)
  assert.deepEqual(readdirSync(join(machine.path, 'home/me/lair')), [])
})

/** A program in front of a command of the system: it acts once, when an argument is this path. */
function before(machine: SmallSystem, command: string, path: string, act: string): void {
  const once = `[ ! -e /tmp/${command}.done ]`
  const look = `case " $* " in *" ${path} "*) if ${once}; then : >/tmp/${command}.done; ${act}; fi;; esac`
  machine.write(`sbin/${command}`, `#!/bin/sh\n${look}\nexec /bin/${command} "$@"\n`, 0o755)
}
