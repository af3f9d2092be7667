// npm run ready: npm ci runs only where the installed packages are not the locked ones. A stand-in
// for npm, first in PATH, writes down what it is called with.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'

const root = resolve(import.meta.dirname, '../..')
const ownNode = `node_modules/node-${process.platform}-${process.arch}`

type Packages = Record<string, { integrity?: string; optional?: boolean; dependencies?: object }>

const dependencies = { one: '1.0.0' }
const locked: Packages = {
  '': { dependencies },
  'node_modules/one': { integrity: 'sha512-one' },
  'node_modules/other-machine': { integrity: 'sha512-other', optional: true },
  [ownNode]: { integrity: 'sha512-node', optional: true },
}
const installed: Packages = {
  'node_modules/one': { integrity: 'sha512-one' },
  [ownNode]: { integrity: 'sha512-node' },
}

/** `present`: undefined for no node_modules at all. Gives what npm was called with, '' for not. */
function ready(t: TestContext, present: Packages | undefined, manifest: object, npmEnds = 0) {
  const home = mkdtempSync(join(tmpdir(), 'upload-cgi-test-'))
  t.after(() => rmSync(home, { recursive: true }))
  const write = (name: string, text: string, mode = 0o644) => {
    mkdirSync(dirname(join(home, name)), { recursive: true })
    writeFileSync(join(home, name), text, { mode })
  }
  write('package.json', JSON.stringify(manifest))
  write('package-lock.json', JSON.stringify({ packages: locked }))
  if (present !== undefined) {
    write('node_modules/.package-lock.json', JSON.stringify({ packages: present }))
    write('node_modules/.bin/other', '')
    write(`${ownNode}/bin/node`, '')
  }
  write('bin/npm', `#!/bin/sh\necho "$@" > '${home}/called'\nexit ${npmEnds}\n`, 0o755)
  mkdirSync(join(home, 'build'))
  copyFileSync(join(root, 'build/ready.cjs'), join(home, 'build/ready.cjs'))
  const { status } = spawnSync(process.execPath, ['build/ready.cjs'], {
    cwd: home,
    env: { PATH: `${home}/bin:/usr/bin:/bin` },
  })
  const note = join(home, 'called')
  return { home, status, called: existsSync(note) ? readFileSync(note, 'utf8').trim() : '' }
}

test('nothing is installed again, and the link to Node is there, whatever npm made', (t) => {
  const { home, status, called } = ready(t, installed, { dependencies })
  assert.deepEqual([status, called], [0, ''])
  const link = realpathSync(join(home, 'node_modules/.bin/node'))
  assert.equal(link, join(realpathSync(home), ownNode, 'bin/node'))
})

const { [ownNode]: _node, ...withoutNode } = installed
const { 'node_modules/one': _one, ...withoutOne } = installed
const unready: Readonly<Record<string, readonly [Packages | undefined, object]>> = {
  'there is no node_modules': [undefined, { dependencies }],
  'a package is missing': [withoutOne, { dependencies }],
  "this machine's Node is missing": [withoutNode, { dependencies }],
  'a package is another one': [
    { ...installed, 'node_modules/one': { integrity: 'sha512-else' } },
    { dependencies },
  ],
  'a package is not locked': [
    { ...installed, 'node_modules/more': { integrity: 'sha512-more' } },
    { dependencies },
  ],
  'package.json names what is not locked': [installed, { dependencies: { one: '1.0.1' } }],
}

for (const [what, [present, manifest]] of Object.entries(unready)) {
  test(`npm ci runs where ${what}`, (t) => {
    const { status, called } = ready(t, present, manifest)
    assert.deepEqual([status, called], [0, 'ci --loglevel=error'])
  })
}

test('it fails where npm fails', (t) => {
  assert.equal(ready(t, undefined, { dependencies }, 7).status, 7)
})

test('what npm installed here is ready', () => {
  // Without npm: a test must not replace node_modules.
  const options = { cwd: root, env: { PATH: '' } }
  const { status, stdout } = spawnSync(process.execPath, ['build/ready.cjs'], options)
  assert.deepEqual([status, String(stdout)], [0, ''])
})
