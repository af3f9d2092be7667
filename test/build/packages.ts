// What a system administrator does with an archive and with the packages, in a bare Debian with
// Apache. The commands are those of the README and of docs/install.md.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cpSync, existsSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Inside } from '../host/debian.ts'
import { root } from '../host/program.ts'

/** The names of the .deb and the .rpm of that version for this machine. */
export function packageNames(version: string): readonly [deb: string, rpm: string] {
  const [debian, redHat] = process.arch === 'arm64' ? ['arm64', 'aarch64'] : ['amd64', 'x86_64']
  return [`upload-cgi_${version}-1_${debian}.deb`, `upload-cgi-${version}-1.${redHat}.rpm`]
}

/** The commands under "By hand" of the README. There is no systemd: the test restarts Apache. */
export function commandsByHand(): readonly string[] {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const [, block = ''] = /By hand on Debian, as root:\n\n((?: {4}.*\n)+)/.exec(readme) ?? []
  const commands = block.trim().split(/\n */)
  assert.equal(commands.length, 4)
  assert.match(commands[3] ?? '', / && systemctl restart apache2$/)
  return commands.map((command) => command.replace(' && systemctl restart apache2', ''))
}

/** Links of the pages in a folder to files that are not there. */
export function deadLinks(folder: string): readonly string[] {
  return globSync('**/*.md', { cwd: folder }).flatMap((page) =>
    [...readFileSync(join(folder, page), 'utf8').matchAll(/\]\((?!https?:)([^)#]+)/g)]
      .filter(([, to = '']) => !existsSync(join(folder, dirname(page), to)))
      .map(([, to = '']) => `${page}: ${to}`),
  )
}

/** Apache runs there and listens at the port. */
export async function installDeb(
  system: string,
  inside: Inside,
  deb: string,
  port: number,
): Promise<void> {
  rmSync(join(system, 'srv/uploads'), { recursive: true })
  const before = olderThan(deb, join(system, 'root'))
  cpSync(deb, join(system, 'root/new.deb'))
  inside('dpkg -i /root/old.deb')
  assert.ok(inside('dpkg -s upload-cgi').includes(`\nVersion: ${before}\n`))
  assert.equal(inside('stat -c %U:%a /srv/uploads'), 'www-data:750\n')

  // Nobody named a directory: the page answers, and nothing is taken.
  const page = readFileSync(join(root, 'docs/install.md'), 'utf8')
  const commands = /^ {4}(sed -i .*upload-cgi\.toml)\n {4}(a2enmod cgid && a2enconf upload-cgi)/m
  const [, name = '', enable = ''] = commands.exec(page) ?? []
  assert.notEqual(enable, '', 'docs/install.md has other commands')
  inside(enable)
  inside('apachectl stop')
  await closed(`http://127.0.0.1:${port}/`)
  inside('apachectl start')
  const url = `http://127.0.0.1:${port}/upload`
  const first = randomBytes(200_000)
  assert.equal((await fetchSoon(url, form(first, 'first.bin'), 503)).status, 503)
  inside(name)
  const stored = await fetchSoon(url, form(first, 'first.bin'))
  assert.equal(stored.status, 201, await stored.text())
  assert.ok(readFileSync(join(system, 'srv/uploads/first.bin')).equals(first))

  assert.deepEqual(deadLinks(join(system, 'usr/share/doc/upload-cgi')), [])

  // An upgrade keeps the settings, and Apache goes on.
  inside('dpkg -i /root/new.deb')
  const next = await fetchSoon(url, form(first, 'second.bin'))
  assert.equal(next.status, 201, await next.text())
  assert.match(inside('/usr/sbin/upload.cgi list --since 7d'), /second\.bin/)

  inside('dpkg -r upload-cgi')
  assert.ok(!existsSync(join(system, 'usr/lib/cgi-bin/upload.cgi')))
  assert.ok(!existsSync(join(system, 'etc/apache2/conf-enabled/upload-cgi.conf')))
  assert.ok(existsSync(join(system, 'etc/upload-cgi.toml')))
  inside('dpkg -P upload-cgi')
  const left = inside("find / -xdev -iname '*upload*cgi*' -not -path '/root/*'")
  assert.equal(left, '/srv/uploads/.upload-cgi\n')
  assert.ok(readFileSync(join(system, 'srv/uploads/second.bin')).equals(first))
}

/**
 * By Debian's rpm, which knows no package of that system: --nodeps. What Red Hat alone has is not
 * tried: httpd, SELinux and its labels.
 */
export async function installRpm(system: string, rpm: string): Promise<void> {
  const manage = (...args: readonly string[]) =>
    execFileSync('rpm', ['--root', system, '--force-debian', '--nodeps', ...args], {
      encoding: 'utf8',
      stdio: 'pipe',
    })
  rmSync(join(system, 'srv/uploads'), { recursive: true })
  manage('-i', rpm)
  assert.equal(manage('-V', 'upload-cgi'), '')
  const settings = join(system, 'etc/upload-cgi.toml')
  const text = readFileSync(settings, 'utf8')
  writeFileSync(settings, text.replace('#directory = ', 'directory = '))
  const body =
    '--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhi\r\n--b--\r\n'
  const request = spawnSync(
    'chroot',
    ['--userspec=apache:apache', system, '/var/www/cgi-bin/upload.cgi'],
    {
      input: body,
      encoding: 'utf8',
      env: {
        PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
        GATEWAY_INTERFACE: 'CGI/1.1',
        REQUEST_METHOD: 'POST',
        CONTENT_TYPE: 'multipart/form-data; boundary=b',
        CONTENT_LENGTH: String(body.length),
      },
    },
  )
  assert.match(request.stdout, /^Status: 201/, request.stderr)
  manage('-e', 'upload-cgi')
  assert.ok(!existsSync(join(system, 'var/www/cgi-bin/upload.cgi')))
  assert.equal(readFileSync(join(system, 'srv/uploads/a.txt'), 'utf8'), 'hi')
}

/** A server that was just told to reload may need a moment. */
export async function fetchSoon(url: string, body: FormData, status = 201): Promise<Response> {
  for (let tries = 0; ; tries++) {
    const reply = await fetch(url, { method: 'POST', body }).catch(() => undefined)
    if (reply !== undefined && (reply.status === status || tries === 240)) return reply
    if (tries === 240) throw new Error(`${url} does not answer`)
    await delay(250)
  }
}

export async function closed(url: string): Promise<void> {
  for (let tries = 0; tries < 240; tries++) {
    const reply = await fetch(url).catch(() => undefined)
    if (reply === undefined) return
    await delay(250)
  }
  throw new Error(`${url} still answers`)
}

/** The same package under an older version: gives that version. */
function olderThan(deb: string, folder: string): string {
  const inside = join(folder, 'unpacked')
  execFileSync('dpkg-deb', ['-R', deb, inside])
  const control = join(inside, 'DEBIAN/control')
  const text = readFileSync(control, 'utf8')
  writeFileSync(control, text.replace(/^Version: .*$/m, 'Version: 0.0.9-1'))
  execFileSync('dpkg-deb', ['-Zgzip', '-z1', '--build', inside, join(folder, 'old.deb')])
  rmSync(inside, { recursive: true })
  return '0.0.9-1'
}

function form(bytes: Uint8Array<ArrayBuffer>, name: string): FormData {
  const body = new FormData()
  body.append('file', new Blob([bytes]), name)
  return body
}
