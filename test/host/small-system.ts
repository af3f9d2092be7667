// A small system for install.sh, in a directory that becomes its root (chroot): busybox or dash,
// two users, and what was unpacked from a release archive.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { missing } from './installed.ts'
import { program as executable, freshDirectory, root } from './program.ts'
import { needsRoot } from './user.ts'

/** The reason to skip, or false. */
export const skip =
  needsRoot('only root can enter a root: run it with sudo') || missing('busybox', 'dash', 'unshare')

/**
 * A small system with the users of a web server and of an account. `paths`: its directories, beside
 * the usual ones.
 */
export class SmallSystem {
  readonly path: string
  readonly #shell: readonly string[]

  constructor(t: TestContext, shell: 'dash' | 'busybox', paths: readonly string[]) {
    this.path = freshDirectory(t)
    chmodSync(this.path, 0o755)
    this.#shell = shell === 'dash' ? ['dash'] : ['busybox', 'sh']
    for (const folder of [
      'bin',
      'usr/bin',
      'tmp',
      'dev',
      'etc',
      'srv',
      'home/me',
      'usr/local',
      ...paths,
    ]) {
      mkdirSync(join(this.path, folder), { recursive: true })
    }
    chmodSync(join(this.path, 'tmp'), 0o1777)
    spawnSync('mknod', ['-m', '666', join(this.path, 'dev/null'), 'c', '1', '3'])
    this.write(
      'etc/passwd',
      'root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/sh\n' +
        'apache:x:48:48::/:/bin/sh\nme:x:1500:1500::/home/me:/bin/sh\n',
    )
    this.write('etc/group', 'root:x:0:\nwww-data:x:33:\napache:x:48:\nme:x:1500:\n')
    const programs = [
      'dash',
      'busybox',
      'setpriv',
      'env',
      'timeout',
      'sha256sum',
      'od',
      'find',
      'stat',
    ]
    for (const name of programs) this.bring(name)
    for (const name of tools) {
      if (!existsSync(join(this.path, 'bin', name)))
        symlinkSync('busybox', join(this.path, 'bin', name))
    }
    symlinkSync(shell, join(this.path, 'bin/sh'))
    this.libraries(executable)
    this.own('home/me')
    unpackInto(join(this.path, 'unpacked'), executable)
  }

  write(path: string, text: string, mode = 0o644): void {
    mkdirSync(dirname(join(this.path, path)), { recursive: true })
    writeFileSync(join(this.path, path), text, { mode })
  }

  /** Of the account, with all that is in it. */
  own(path: string): void {
    spawnSync('chown', ['-R', '1500:1500', join(this.path, path)])
  }

  bring(name: string): void {
    const found = spawnSync('which', [name], { encoding: 'utf8' }).stdout.trim()
    if (found === '') return
    share(realpathSync(found), join(this.path, 'bin', name))
    this.libraries(found)
  }

  libraries(program: string): void {
    const { stdout } = spawnSync('ldd', [program], { encoding: 'utf8' })
    for (const [path] of stdout.matchAll(/\/\S+(?= \()/g)) {
      if (!existsSync(join(this.path, path))) share(realpathSync(path), join(this.path, path))
    }
  }

  /** `uid`: root unless given. */
  run(words: readonly string[], { uid = 0, env = {} as Record<string, string> } = {}) {
    const as = uid === 0 ? [] : [`--userspec=${uid}:${uid}`]
    const { status, stdout, stderr } = spawnSync('chroot', [...as, this.path, ...words], {
      encoding: 'utf8',
      env: {
        PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
        HOME: uid === 0 ? '/root' : '/home/me',
        ...env,
      },
    })
    return { status, stdout, stderr }
  }

  install(args: readonly string[], options: { uid?: number; env?: Record<string, string> } = {}) {
    return this.run([...this.#shell, '/unpacked/install.sh', ...args], options)
  }

  installed(
    args: readonly string[],
    options: { uid?: number; env?: Record<string, string> } = {},
  ): string {
    const { status, stdout, stderr } = this.install(args, options)
    assert.equal(status, 0, stdout + stderr)
    return stdout
  }

  /** Everything but what was unpacked: path, kind, permissions, owner, and the content's time. */
  everything(): string[] {
    return readdirSync(this.path, { recursive: true, encoding: 'utf8' })
      .filter((name) => !/^(unpacked|dev|tmp)(\/|$)/.test(name))
      .sort()
      .map((name) => {
        const { mode, uid, gid, size, mtimeMs } = lstatSync(join(this.path, name))
        const content = (mode & 0o170000) === 0o040000 ? [] : [size, mtimeMs]
        return [name, mode.toString(8), uid, gid, ...content].join(' ')
      })
  }
}

export function systemFor(t: TestContext, paths: readonly string[]): SmallSystem {
  return new SmallSystem(t, 'dash', paths)
}

/** Only what differs: the lists are long. */
export function assertSame(now: readonly string[], before: readonly string[], sentence = ''): void {
  const more = now.filter((line) => !before.includes(line))
  const less = before.filter((line) => !now.includes(line))
  assert.deepEqual({ more, less }, { more: [], less: [] }, sentence || undefined)
}

/** The paths that everything() names, without uploads. */
export function namesOf(lines: readonly string[]): string[] {
  return lines.map((line) => line.split(' ')[0] ?? '').filter((name) => !/uploads|up$/.test(name))
}

/** What an archive holds, unpacked. */
function unpackInto(folder: string, program: string): void {
  mkdirSync(folder, { recursive: true })
  for (const name of ['install.sh', 'apache-example.conf'])
    cpSync(join(root, name), join(folder, name))
  writeFileSync(join(folder, 'upload.cgi.8'), 'page 8\n')
  writeFileSync(join(folder, 'upload-cgi.toml.5'), 'page 5\n')
  share(program, join(folder, 'upload.cgi'))
}

/** The same file at another path, without a copy where that can be. */
export function share(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  try {
    linkSync(from, to)
  } catch {
    copyFileSync(from, to)
  }
}

const tools = [
  '[ awk basename cat chgrp chmod chown cp cut date dirname expr false grep',
  'head id ln ls mkdir mv printf pwd rm rmdir sed sleep sort stat',
  'tail test touch tr true uname wc xargs',
].flatMap((names) => names.split(' '))
