// install.sh on whole systems, as root: Debian, Red Hat with SELinux, a directory that is given,
// and systems without glibc.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { testLayout } from '../host/install-layout.ts'
import { program as executable } from '../host/program.ts'
import { assertSame, skip, systemFor } from '../host/small-system.ts'

testLayout({
  name: 'Debian',
  paths: ['usr/lib/cgi-bin', 'etc/apache2/conf-available'],
  cgiBin: '/usr/lib/cgi-bin',
  found: /# found \/usr\/lib\/cgi-bin, where Debian and systems like it/,
  uploads: '/srv/uploads',
  user: 33,
})

testLayout({
  name: 'Red Hat',
  paths: ['var/www/cgi-bin', 'etc/httpd/conf.d'],
  args: ['--user', 'apache'],
  cgiBin: '/var/www/cgi-bin',
  found: /# found \/var\/www\/cgi-bin, where Red Hat and systems like it/,
  uploads: '/srv/uploads',
  user: 48,
})

testLayout({
  name: 'a directory that is given',
  paths: ['opt/my programs', 'opt/up loads'],
  args: ['--cgi-bin', '/opt/my programs', '--upload-dir', "/opt/up loads/it's", '--user', 'me'],
  cgiBin: '/opt/my programs',
  found: /A request made as user me was answered: 200/,
  uploads: "/opt/up loads/it's",
  user: 1500,
})

test('Alpine, and every system without glibc: said in a sentence, nothing is left', {
  skip,
}, (t) => {
  const machine = systemFor(t, ['var/www/localhost/cgi-bin'])
  // For the kernel the same: the loader that the program names is not there.
  const path = join(machine.path, 'unpacked/upload.cgi')
  const bytes = readFileSync(executable)
  const at = bytes.indexOf('/ld-linux')
  bytes.write('/ld-absen', at)
  rmSync(path)
  writeFileSync(path, bytes, { mode: 0o755 })
  const before = machine.everything()
  const ended = machine.install(['--yes', '--user', 'apache'])
  assert.equal(ended.status, 1, ended.stdout + ended.stderr)
  assert.match(ended.stderr, /no glibc \(Alpine and others have musl\s+instead\)/)
  assertSame(machine.everything(), before)
})

test('SELinux in force: labels are set once', { skip }, (t) => {
  const machine = systemFor(t, ['var/www/cgi-bin'])
  // The commands of such a system, which write down what they were asked.
  machine.write('bin/getenforce', '#!/bin/sh\necho Enforcing\n', 0o755)
  for (const name of ['semanage', 'restorecon']) {
    machine.write(`bin/${name}`, `#!/bin/sh\necho "${name} $*" >>/srv/asked\n`, 0o755)
  }
  machine.installed(['--user', 'apache', '--yes'])
  assert.deepEqual(readFileSync(join(machine.path, 'srv/asked'), 'utf8').split('\n'), [
    'semanage fcontext -a -t httpd_sys_rw_content_t /srv/uploads(/.*)?',
    'restorecon -R /srv/uploads /var/www/cgi-bin/upload.cgi',
    '',
  ])
})

test('DESTDIR: everything lies below it and names the final places', { skip }, (t) => {
  const machine = systemFor(t, ['build/root'])
  const env = { DESTDIR: '/build/root' }
  const args = ['--cgi-bin', '/usr/lib/cgi-bin', '--prefix', '/usr', '--user', 'www-data']
  machine.installed([...args, '--script', '--yes'], { env })
  const below = join(machine.path, 'build/root')
  const names = readdirSync(below, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(below, name)).isFile(),
  )
  assert.deepEqual(
    names.map((name) => basename(name)).sort(),
    [
      'upload-cgi.toml.5',
      'upload.cgi',
      'upload.cgi',
      'upload.cgi.8',
      'usr%2Flib%2Fcgi-bin%2Fupload.cgi',
    ].sort(),
  )
  assert.match(
    readFileSync(join(below, 'usr/lib/cgi-bin/upload.cgi'), 'utf8'),
    /^#!\/usr\/bin\/upload\.cgi\n/,
  )
  assert.ok(!existsSync(join(machine.path, 'usr/lib/cgi-bin/upload.cgi')))
  machine.installed([...args, '--uninstall', '--yes'], { env })
  assert.deepEqual(readdirSync(below, { recursive: true }).sort(), ['srv', 'srv/uploads'])
})
