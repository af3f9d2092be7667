// install.sh in the places that people have, each a root of its own (chroot): Debian, Red Hat, cPanel, DirectAdmin,
// Plesk, plain homes, Alpine. Installed, asked, upgraded, uninstalled: nothing is left but uploads. By dash and by
// busybox ash, as root and as an account, with the program in cgi-bin and with settings scripts.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { missing } from '../host/installed.ts'
import { root } from '../host/program.ts'

const executable = join(root, 'build/upload.cgi')
const needsRoot = process.getuid?.() === 0 ? false : 'only root can enter a root: run it with sudo'
if (needsRoot && process.env['UPLOAD_CGI_NO_SKIPS']) throw new Error(needsRoot)
const skip = needsRoot || missing('busybox', 'dash', 'unshare')

const home = mkdtempSync(join(tmpdir(), 'upload-cgi-layouts-'))
chmodSync(home, 0o755)
after(() => rmSync(home, { recursive: true }))

/** What was unpacked: files as they lie in an archive. */
function unpackInto(folder: string, program: string): void {
  mkdirSync(folder, { recursive: true })
  for (const name of ['install.sh', 'apache-example.conf'])
    cpSync(join(root, name), join(folder, name))
  writeFileSync(join(folder, 'upload.cgi.8'), 'page 8\n')
  writeFileSync(join(folder, 'upload-cgi.toml.5'), 'page 5\n')
  share(program, join(folder, 'upload.cgi'))
}

function share(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  try {
    linkSync(from, to)
  } catch {
    copyFileSync(from, to)
  }
}

/** A small system with the users of a web server and of an account. */
class Machine {
  readonly path = mkdtempSync(join(home, 'root-'))
  readonly #shell: readonly string[]

  constructor(shell: 'dash' | 'busybox', paths: readonly string[]) {
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
      'root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/sh\napache:x:48:48::/:/bin/sh\nme:x:1500:1500::/home/me:/bin/sh\n',
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

  /** Everything but what was unpacked: path, kind, rights, owner, and the content's time. */
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

const tools =
  '[ awk basename cat chgrp chmod chown cp cut date dirname expr false grep head id ln ls mkdir mv printf pwd rm rmdir sed sleep sort stat tail test touch tr true uname wc xargs'.split(
    ' ',
  )

type Layout = {
  readonly name: string
  readonly paths: readonly string[]
  readonly uid?: number
  readonly args?: readonly string[]
  readonly cgiBin: string
  readonly found: RegExp
  readonly uploads: string
  /** Who may write there. */
  readonly user: number
}

const layouts: readonly Layout[] = [
  {
    name: 'Debian',
    paths: ['usr/lib/cgi-bin', 'etc/apache2/conf-available'],
    cgiBin: '/usr/lib/cgi-bin',
    found: /# found \/usr\/lib\/cgi-bin, where Debian and its kin/,
    uploads: '/srv/uploads',
    user: 33,
  },
  {
    name: 'Red Hat',
    paths: ['var/www/cgi-bin', 'etc/httpd/conf.d'],
    args: ['--user', 'apache'],
    cgiBin: '/var/www/cgi-bin',
    found: /# found \/var\/www\/cgi-bin, where Red Hat and its kin/,
    uploads: '/srv/uploads',
    user: 48,
  },
  {
    name: 'cPanel, the account',
    paths: ['usr/local/cpanel', 'home/me/public_html'],
    uid: 1500,
    cgiBin: '/home/me/public_html/cgi-bin',
    found: /# \/home\/me\/public_html\/cgi-bin will be made, where cPanel runs/,
    uploads: '/home/me/uploads',
    user: 1500,
  },
  {
    name: 'DirectAdmin',
    paths: ['usr/local/directadmin', 'home/me/domains/example.org/public_html'],
    uid: 1500,
    cgiBin: '/home/me/domains/example.org/public_html/cgi-bin',
    found: /example\.org\/public_html\/cgi-bin will be made, where DirectAdmin/,
    uploads: '/home/me/uploads',
    user: 1500,
  },
  {
    name: 'Plesk',
    paths: ['usr/local/psa', 'home/me/httpdocs'],
    uid: 1500,
    cgiBin: '/home/me/httpdocs/cgi-bin',
    found: /httpdocs\/cgi-bin will be made, where Plesk/,
    uploads: '/home/me/uploads',
    user: 1500,
  },
  {
    name: 'a plain public_html',
    paths: ['home/me/public_html/cgi-bin'],
    uid: 1500,
    cgiBin: '/home/me/public_html/cgi-bin',
    found: /# found \/home\/me\/public_html\/cgi-bin/,
    uploads: '/home/me/uploads',
    user: 1500,
  },
  {
    name: 'a directory that is given',
    paths: ['opt/my programs', 'opt/up loads'],
    args: ['--cgi-bin', '/opt/my programs', '--upload-dir', "/opt/up loads/it's", '--user', 'me'],
    cgiBin: '/opt/my programs',
    found: /A request made as user me was answered: 200/,
    uploads: "/opt/up loads/it's",
    user: 1500,
  },
]

for (const layout of layouts) {
  for (const [shell, mode] of [
    ['dash', '--drop-in'],
    ['busybox', '--script'],
  ] as const) {
    test(`${layout.name}, ${mode}, by ${shell}`, { skip }, (t) => {
      const { uid = 0, args = [], cgiBin, uploads } = layout
      const machine = new Machine(shell, layout.paths)
      t.after(() => rmSync(machine.path, { recursive: true }))
      if (uid !== 0) machine.own('home/me')
      const options = { uid }
      const all = [mode, ...args]
      const before = machine.everything()

      const dry = machine.installed([...all, '--dry-run'], options)
      assertSame(machine.everything(), before, 'a dry run changes nothing')
      const said = machine.installed([...all, '--yes'], options)
      assert.match(dry + said, layout.found)
      assert.match(said, /A request made as user \S+ was answered: 200/)
      const installed = machine.everything()
      const made = installed.filter((line) => !before.includes(line))
      assert.deepEqual(
        made.filter((line) => /\.htupload\.new| (100|40)[0-7]([2367].|.[2367]) /.test(line)),
        [],
        'nothing temporary, nothing that others may write to',
      )
      assert.equal(statSync(join(machine.path, uploads)).uid, layout.user)
      assertStores(machine, layout)

      const kept = machine.everything()
      assert.match(machine.installed(all, options), /nothing to do/)
      assertSame(machine.everything(), kept, 'twice is the same')

      const stored = upgrade(machine, options, all)
      assertSame(namesOf(machine.everything()), namesOf(kept), 'an upgrade leaves nothing')
      assertStores(machine, layout)

      machine.installed([...all, '--uninstall', '--yes'], options)
      const left = machine.everything().map((line) => line.replace(/ \S+$/, ''))
      const expected = new Set(before.map((line) => line.replace(/ \S+$/, '')))
      const more = left.filter((line) => !expected.has(line))
      assert.ok(
        more.length > 0 && more.every((line) => `/${line}`.startsWith(uploads)),
        more.join('\n'),
      )
      assert.ok(stored)
      assert.ok(!existsSync(join(machine.path, cgiBin, 'upload.cgi')))
    })
  }
}

/** Only what differs: the lists are long. */
function assertSame(now: readonly string[], before: readonly string[], sentence = ''): void {
  const more = now.filter((line) => !before.includes(line))
  const less = before.filter((line) => !now.includes(line))
  assert.deepEqual({ more, less }, { more: [], less: [] }, sentence || undefined)
}

/** Another version: the same program with a byte more at its end. */
function upgrade(machine: Machine, options: { uid: number }, all: readonly string[]): boolean {
  const path = join(machine.path, 'unpacked/upload.cgi')
  const bytes = readFileSync(executable)
  rmSync(path)
  writeFileSync(path, Buffer.concat([bytes, Buffer.from('\n')]), { mode: 0o755 })
  const said = machine.installed([...all, '--upgrade', '--yes'], options)
  assert.match(said, /the new program in place of the old one/)
  assert.match(said, /was answered: 200/)
  return true
}

function namesOf(lines: readonly string[]): string[] {
  return lines.map((line) => line.split(' ')[0] ?? '').filter((name) => !/uploads|up$/.test(name))
}

function assertStores(machine: Machine, { cgiBin, uploads, user }: Layout): void {
  const program = `${cgiBin}/upload.cgi`
  const body =
    '--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello\r\n--b--\r\n'
  const variables = {
    GATEWAY_INTERFACE: 'CGI/1.1',
    REQUEST_METHOD: 'POST',
    CONTENT_TYPE: 'multipart/form-data; boundary=b',
    CONTENT_LENGTH: String(body.length),
    SCRIPT_FILENAME: program,
  }
  const { stdout, stderr } = spawnSync(
    'chroot',
    [`--userspec=${user}:${user}`, machine.path, program],
    { input: body, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...variables }, encoding: 'utf8' },
  )
  assert.match(stdout, /^Status: 201/, stdout + stderr)
  assert.equal(readFileSync(join(machine.path, uploads, 'a.txt'), 'utf8'), 'hello')
}

function machineFor(t: TestContext, paths: readonly string[]): Machine {
  const machine = new Machine('dash', paths)
  t.after(() => rmSync(machine.path, { recursive: true }))
  return machine
}

test('root on a panel is asked for the account; several domains are named', { skip }, (t) => {
  const machine = machineFor(t, [
    'usr/local/directadmin',
    'usr/lib/cgi-bin',
    'home/me/domains/a.example/public_html',
    'home/me/domains/b.example/public_html',
  ])
  machine.own('home/me')
  const refused = machine.install(['--dry-run'])
  assert.equal(refused.status, 1)
  assert.match(refused.stderr, /run by DirectAdmin.*su - ACCOUNT/)
  const several = machine.install(['--dry-run'], { uid: 1500 })
  assert.match(several.stderr, /several domains .*a\.example\/public_html\/cgi-bin .*b\.example/)
})

test('Alpine, and every system without glibc: said in a sentence, nothing is left', {
  skip,
}, (t) => {
  const machine = machineFor(t, ['var/www/localhost/cgi-bin'])
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
  assert.match(ended.stderr, /no glibc \(Alpine and others have musl instead\)/)
  assertSame(machine.everything(), before)
})

test('two forms share one program, which goes with the last', { skip }, (t) => {
  const machine = machineFor(t, ['usr/lib/cgi-bin'])
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
  const machine = machineFor(t, ['usr/lib/cgi-bin'])
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

test('DESTDIR: everything lies below it and names the final places', { skip }, (t) => {
  const machine = machineFor(t, ['build/root'])
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

test('a damaged download is refused by its sum', { skip }, (t) => {
  const machine = machineFor(t, ['usr/lib/cgi-bin'])
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
  const machine = machineFor(t, ['usr/lib/cgi-bin'])
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

test('killed at any moment and run again: the same as when run once', { skip }, async (t) => {
  const machine = machineFor(t, ['usr/lib/cgi-bin'])
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
    await delay(milliseconds)
    // kill(0) would be the end of this test.
    assert.ok(child.pid)
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch {
      // It was done before.
    }
    await delay(30)
    const script = join(machine.path, 'usr/lib/cgi-bin/upload.cgi')
    if (existsSync(script)) assert.match(readFileSync(script, 'utf8'), /directory = ".*"\n$/)
    machine.installed(['--script', '--yes'])
    assertSame(namesOf(machine.everything()), whole, `killed after ${milliseconds} ms`)
    machine.installed(['--uninstall', '--yes'])
  }
})

test('a cgi-bin that others may write to is told with the remedy', { skip }, (t) => {
  const machine = machineFor(t, ['usr/lib/cgi-bin'])
  chmodSync(join(machine.path, 'usr/lib/cgi-bin'), 0o775)
  assert.match(
    machine.installed(['--dry-run']),
    /suexec refuses to run programs there:\n# +chmod go-w \/usr\/lib\/cgi-bin/,
  )
})

test('SELinux in force: labels are set once', { skip }, (t) => {
  const machine = machineFor(t, ['var/www/cgi-bin'])
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

test('root writes nothing where somebody else could lay links, nor over links', { skip }, (t) => {
  const machine = machineFor(t, ['usr/lib/cgi-bin', 'home/me/public_html/cgi-bin'])
  machine.own('home/me')
  const there = machine.install(['--cgi-bin', '/home/me/public_html/cgi-bin', '--yes'])
  assert.equal(there.status, 1)
  assert.match(there.stderr, /belongs to somebody else.*su - ACCOUNT/)
  symlinkSync('/unpacked/upload.cgi', join(machine.path, 'usr/lib/cgi-bin/upload.cgi'))
  const before = machine.everything()
  assert.match(machine.install(['--yes']).stderr, /is a symbolic link/)
  assertSame(machine.everything(), before)
})

test('a link to cgi-bin, a prefix that somebody emptied, a path that is long', { skip }, (t) => {
  const deep = `opt/${'a-long-name/'.repeat(24)}cgi`
  const machine = machineFor(t, ['usr/lib/cgi-bin', deep])
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

test('an account cannot do what needs root', { skip }, (t) => {
  const machine = machineFor(t, ['home/me/public_html/cgi-bin', 'etc/httpd/conf.d'])
  machine.own('home/me')
  chownSync(join(machine.path, 'home/me'), 1500, 1500)
  const user = machine.install(['--user', 'www-data', '--yes'], { uid: 1500 })
  assert.match(user.stderr, /--user and --group need root/)
  const apache = machine.install(['--apache-conf', 'yes', '--yes'], { uid: 1500 })
  assert.match(apache.stderr, /--apache-conf yes needs root/)
  const shown = machine.installed(['--apache-conf', 'print', '--dry-run'], { uid: 1500 })
  assert.match(shown, /Define UPLOAD_CGI_FOLDER "\/home\/me\/public_html\/cgi-bin"/)
  assert.match(shown, /Define UPLOAD_CGI_UPLOADS "\/home\/me\/uploads"/)
})
