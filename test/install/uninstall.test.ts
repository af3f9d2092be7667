// install.sh run again, killed, and undone: what it made goes, and what it did not make stays.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { program as executable } from '../host/program.ts'
import { groupLives } from '../host/server.ts'
import { assertSame, namesOf, skip, systemFor } from '../host/small-system.ts'

test('two forms share one program, which goes with the last', { skip }, (t) => {
  const machine = systemFor(t, ['usr/lib/cgi-bin'])
  const before = machine.everything()
  const form = (name: string) => ['--script', '--name', name, '--upload-dir', `/srv/${name}-files`]
  for (const name of ['one.cgi', 'two.cgi']) machine.installed([...form(name), '--yes'])
  const script = readFileSync(join(machine.path, 'usr/lib/cgi-bin/two.cgi'), 'utf8')
  assert.match(
    script,
    /^#!\/usr\/local\/bin\/upload\.cgi\n[\s\S]*directory = "\/srv\/two\.cgi-files"/,
  )
  // Another version through one of them: the program is still that of both.
  const path = join(machine.path, 'unpacked/upload.cgi')
  rmSync(path)
  writeFileSync(path, Buffer.concat([readFileSync(executable), Buffer.from('\n')]), { mode: 0o755 })
  machine.installed(['--name', 'one.cgi', '--upgrade', '--yes'])
  machine.installed(['--script', '--name', 'one.cgi', '--uninstall', '--yes'])
  assert.ok(existsSync(join(machine.path, 'usr/local/bin/upload.cgi')))
  assert.match(machine.installed([...form('two.cgi')]), /nothing to do/)
  machine.installed(['--name', 'two.cgi', '--uninstall', '--yes'])
  const left = namesOf(machine.everything()).filter((name) => !/^srv/.test(name))
  assert.deepEqual(
    left,
    namesOf(before).filter((name) => !/^srv/.test(name)),
  )
})

test('what somebody edited stays, but for --purge; uploads stay in any case', { skip }, (t) => {
  const machine = systemFor(t, ['usr/lib/cgi-bin'])
  const settings = join(machine.path, 'usr/lib/cgi-bin/.htupload.toml')
  machine.installed(['--yes'])
  writeFileSync(settings, `${readFileSync(settings, 'utf8')}max_files = 3\n`)
  machine.write('srv/uploads/precious.txt', 'kept')
  assert.match(
    machine.installed(['--uninstall', '--dry-run']),
    /\.htupload\.toml stays: somebody edited it/,
  )
  machine.installed(['--uninstall', '--yes'])
  assert.match(readFileSync(settings, 'utf8'), /max_files = 3/)
  machine.installed(['--yes'])
  assert.match(readFileSync(settings, 'utf8'), /max_files = 3/)
  machine.installed(['--uninstall', '--yes'])
  assert.match(readFileSync(settings, 'utf8'), /max_files = 3/)
  // Also after everything else is gone.
  machine.installed(['--uninstall', '--purge', '--yes'])
  assert.ok(!existsSync(settings))
  assert.equal(readFileSync(join(machine.path, 'srv/uploads/precious.txt'), 'utf8'), 'kept')
})

test('killed at any moment and run again: the same as when run once', { skip }, async (t) => {
  const machine = systemFor(t, ['usr/lib/cgi-bin'])
  machine.installed(['--script', '--yes'])
  const whole = namesOf(machine.everything())
  machine.installed(['--uninstall', '--yes'])
  for (let milliseconds = 20; milliseconds < 900; milliseconds += 160) {
    const child = spawn(
      'chroot',
      [machine.path, 'dash', '/unpacked/install.sh', '--script', '--yes'],
      {
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root' },
        detached: true,
        stdio: 'ignore',
      },
    )
    const ended = once(child, 'exit')
    await delay(milliseconds)
    // kill(0) would be the end of this test.
    assert.ok(child.pid)
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch {
      // It was done before.
    }
    await ended
    while (groupLives(child.pid)) await delay(10)
    const script = join(machine.path, 'usr/lib/cgi-bin/upload.cgi')
    if (existsSync(script)) assert.match(readFileSync(script, 'utf8'), /directory = ".*"\n$/)
    machine.installed(['--script', '--yes'])
    assertSame(namesOf(machine.everything()), whole, `killed after ${milliseconds} ms`)
    machine.installed(['--uninstall', '--yes'])
  }
})

test('a link to cgi-bin, a prefix that somebody emptied, a path that is long', { skip }, (t) => {
  const deep = `opt/${'a-long-name/'.repeat(24)}cgi`
  const machine = systemFor(t, ['usr/lib/cgi-bin', deep])
  symlinkSync('/usr/lib/cgi-bin', join(machine.path, 'srv/cgi'))
  machine.installed(['--script', '--cgi-bin', '/srv/cgi', '--yes'])
  rmSync(join(machine.path, 'usr/local/bin'), { recursive: true })
  machine.installed(['--script', '--yes'])
  machine.installed(['--uninstall', '--yes'])
  const left = () => readdirSync(join(machine.path, 'usr/local'), { recursive: true })
  assert.deepEqual(left(), [])
  machine.installed(['--cgi-bin', `/${deep}`, '--yes'])
  machine.installed(['--cgi-bin', `/${deep}`, '--uninstall', '--yes'])
  assert.deepEqual(left(), [])
})
