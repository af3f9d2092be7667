// install.sh --fastcgi writes the units of docs/servers.md where systemd is, and takes them away
// again. The systemctl here writes down what it is told.

import assert from 'node:assert/strict'
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { section } from '../host/guide.ts'
import { program as executable } from '../host/program.ts'
import { namesOf, SmallSystem, skip } from '../host/small-system.ts'

const units = ['upload-cgi.socket', 'upload-cgi@.service']
const guide = section('systemd units for FastCGI')

test('the units are written, kept, told of a new program, and removed', { skip }, (t) => {
  const machine = machineWith(t, 'dash')
  const log = join(machine.path, 'tmp/systemctl')
  machine.write('usr/bin/systemctl', '#!/bin/sh\necho "$*" >>/tmp/systemctl\n', 0o755)
  const told = () => {
    const lines = existsSync(log) ? readFileSync(log, 'utf8').split('\n').slice(0, -1) : []
    rmSync(log, { force: true })
    return lines
  }
  const path = (unit: string) => join(machine.path, 'etc/systemd/system', unit)
  const before = machine.everything()
  const said = machine.installed(['--script', '--fastcgi', '--yes'])
  const [enabled = ''] = /^ +systemctl enable .*$/m.exec(said) ?? []
  assert.ok(enabled !== '' && guide.script().includes(enabled.trim()), said)
  for (const unit of units) {
    assert.equal(readFileSync(path(unit), 'utf8'), guide.block(`/etc/systemd/system/${unit}`))
  }
  assert.deepEqual(told(), ['daemon-reload'])

  // What somebody edited stays, as with every other file.
  appendFileSync(path('upload-cgi@.service'), 'LimitNOFILE=4096\n')
  const edited = readFileSync(path('upload-cgi@.service'), 'utf8')
  const unpacked = join(machine.path, 'unpacked/upload.cgi')
  const bytes = readFileSync(executable)
  rmSync(unpacked)
  writeFileSync(unpacked, Buffer.concat([bytes, Buffer.from('\n')]), { mode: 0o755 })
  machine.installed(['--script', '--fastcgi', '--yes'])
  assert.deepEqual(told(), ['try-restart upload-cgi@*.service'])
  assert.match(machine.installed(['--fastcgi', '--yes']), /nothing to do/)

  const removed = machine.installed(['--uninstall', '--yes'])
  assert.match(removed, /upload-cgi@\.service stays: somebody edited it/)
  assert.equal(readFileSync(path('upload-cgi@.service'), 'utf8'), edited)
  assert.ok(!existsSync(path('upload-cgi.socket')))
  assert.deepEqual(told(), [
    'disable --now upload-cgi.socket',
    'disable upload-cgi@.service',
    'stop upload-cgi@*.service',
    'daemon-reload',
  ])
  machine.installed(['--script', '--uninstall', '--purge', '--yes'])
  assert.deepEqual(namesOf(machine.everything()), namesOf(before))
})

test('busybox shows the same units', { skip }, (t) => {
  const shown = machineWith(t, 'busybox').installed(['--fastcgi', '--dry-run', '--verbose'])
  for (const unit of units) {
    const text = guide.block(`/etc/systemd/system/${unit}`)
    assert.ok(shown.includes(`<<'END'\n${text}END\n`), shown)
  }
})

test('units are for root, for systemd, and not for processes of root', { skip }, (t) => {
  const machine = new SmallSystem(t, 'dash', ['usr/lib/cgi-bin', 'home/me/cgi-bin'])
  machine.own('home/me')
  const refused = (reason: RegExp, args: readonly string[], uid = 0) => {
    const { status, stderr } = machine.install([...args, '--fastcgi', '--yes'], { uid })
    assert.deepEqual([status !== 0, reason.test(stderr)], [true, true], stderr)
  }
  refused(/systemd, which is not here/, [])
  machine.write('run/systemd/system/x', '')
  refused(/--fastcgi needs root/, ['--cgi-bin', '/home/me/cgi-bin'], 1500)
  machine.write('etc/passwd', 'root:x:0:0::/root:/bin/sh\n')
  refused(/--fastcgi needs --user/, [])
})

function machineWith(t: TestContext, shell: 'dash' | 'busybox'): SmallSystem {
  return new SmallSystem(t, shell, ['usr/lib/cgi-bin', 'run/systemd/system'])
}
