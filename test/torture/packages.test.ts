// The packages as they are published: two builds of the same sources give the same bytes, and
// lintian and rpmlint find nothing but what the overrides name with a reason. For npm run
// test:long, because packing takes minutes.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { packageNames } from '../build/packages.ts'
import { missing } from '../host/installed.ts'
import { freshDirectory, root } from '../host/program.ts'

const skip = process.env['UPLOAD_CGI_LONG']
  ? missing('dpkg-deb', 'rpmbuild', 'lintian', 'rpmlint')
  : 'by design: it takes minutes; npm run test:long'

test('published packages: the same bytes twice, and nothing for lintian and rpmlint', {
  skip,
}, () => {
  const home = freshDirectory({ after })
  const env = { ...process.env, SOURCE_DATE_EPOCH: '1760000000' }
  const target = ['--target', `linux-${process.arch}`, '--kind', 'deb', '--kind', 'rpm']
  for (const output of ['once', 'twice']) {
    const args = ['build/release.ts', ...target, '--output', join(home, output)]
    execFileSync(process.execPath, args, { cwd: root, env, stdio: 'pipe' })
  }
  const read = (folder: string, file: string) => readFileSync(join(home, folder, file), 'utf8')
  assert.equal(read('twice', 'SHA256SUMS'), read('once', 'SHA256SUMS'))

  const version = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version as string
  const [deb, rpm] = packageNames(version)
  const reasons = join(root, 'build/packages/redhat/upload-cgi.rpmlintrc')
  for (const [program, ...args] of [
    ['lintian', '--allow-root', '--fail-on', 'error,warning', join(home, 'once', deb)],
    ['rpmlint', '--strict', '--rpmlintrc', reasons, join(home, 'once', rpm)],
  ] as const) {
    const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' })
    assert.equal(status, 0, `${stdout}${stderr}`)
  }
})
