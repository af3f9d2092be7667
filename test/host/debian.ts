// A bare Debian in a folder, made by debootstrap from where this machine gets its own packages,
// with Apache and without Node. Nothing is mounted there, and it takes 345 MB.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Owner } from './program.ts'

/** Runs a command there, which must succeed; gives what it printed. */
export type Inside = (command: string) => string

export function bareDebian(home: string, owner: Owner): { system: string; inside: Inside } {
  const system = join(home, 'debian')
  owner.after(() => {
    spawnSync('chroot', [system, 'apachectl', 'stop'])
    rmSync(system, { recursive: true, force: true })
  })
  const made = spawnSync(
    'debootstrap',
    ['--variant=minbase', '--include=apache2', codename(), system, mirror()],
    { encoding: 'utf8' },
  )
  assert.equal(made.status, 0, made.stdout.slice(-2000))
  const inside = (command: string) => {
    const ended = spawnSync('chroot', [system, 'sh', '-c', command], {
      encoding: 'utf8',
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root' },
    })
    assert.equal(ended.status, 0, `${command}\n${ended.stdout}${ended.stderr}`)
    return ended.stdout
  }
  return { system, inside }
}

/** Where this machine gets its own packages from. */
function mirror(): string {
  const files = ['/etc/apt/sources.list', ...sourcesIn('/etc/apt/sources.list.d')]
  const text = files.map((file) => (existsSync(file) ? readFileSync(file, 'utf8') : '')).join('\n')
  const [address = ''] = /^(?:URIs:|deb) .*?(https?:\/\/\S+)/m.exec(text)?.slice(1) ?? []
  assert.notEqual(address, '', 'this machine has no sources of packages')
  return address
}

function sourcesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).map((file) => join(folder, file)) : []
}

function codename(): string {
  const [, codename = ''] =
    /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync('/etc/os-release', 'utf8')) ?? []
  return codename
}
