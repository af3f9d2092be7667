// The units of systemd that the packages bring: systemd understands each of them, and those of
// FastCGI are the text of docs/servers.md.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { template } from '../../build/packages/tree.ts'
import { section } from '../host/guide.ts'
import { missing } from '../host/installed.ts'
import { freshDirectory, root } from '../host/program.ts'

const folder = join(root, 'build/packages/systemd')
const names = readdirSync(folder)

function unit(name: string, program: string): string {
  return template(join(folder, name), { USER: 'www-data', PROGRAM: program })
}

test('the units of FastCGI are those of the guide', () => {
  const guide = section('systemd units for FastCGI')
  for (const name of ['upload-cgi.socket', 'upload-cgi@.service']) {
    assert.ok(names.includes(name))
    const text = unit(name, '/usr/lib/cgi-bin/upload.cgi')
    assert.equal(text, guide.block(`/etc/systemd/system/${name}`))
  }
})

test('systemd understands every unit', { skip: missing('systemd-analyze') }, (t) => {
  const home = freshDirectory(t)
  assert.ok(names.length >= 6)
  const paths = names.map((name) => {
    writeFileSync(join(home, name), unit(name, '/bin/true'))
    return join(home, name.replace('@.', '@1.'))
  })
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...paths], {
    encoding: 'utf8',
  })
  assert.deepEqual([status, stderr], [0, ''])
})
