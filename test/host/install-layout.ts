// What install.sh must do in every place that people have: installed, asked, upgraded, uninstalled;
// nothing is left but uploads.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { program as executable } from './program.ts'
import { assertSame, namesOf, SmallSystem, skip } from './small-system.ts'

export type Layout = {
  readonly name: string
  readonly paths: readonly string[]
  readonly uid?: number
  readonly args?: readonly string[]
  readonly cgiBin: string
  readonly found: RegExp
  readonly uploads: string
  /** The number of the user that may write there. */
  readonly user: number
}

/** By dash with the program in cgi-bin, and by busybox with a settings script. */
export function testLayout(layout: Layout): void {
  for (const [shell, mode] of [
    ['dash', '--drop-in'],
    ['busybox', '--script'],
  ] as const) {
    test(`${layout.name}, ${mode}, by ${shell}`, { skip }, (t) => {
      const { uid = 0, args = [], cgiBin, uploads } = layout
      const machine = new SmallSystem(t, shell, layout.paths)
      if (uid !== 0) machine.own('home/me')
      const options = { uid }
      const all = [mode, ...args]
      const before = machine.everything()

      const dry = machine.installed([...all, '--dry-run', '--verbose'], options)
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

      upgrade(machine, options, all)
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
      assert.ok(!existsSync(join(machine.path, cgiBin, 'upload.cgi')))
    })
  }
}

/** Another version: the same program with a byte more at its end. */
function upgrade(machine: SmallSystem, options: { uid: number }, all: readonly string[]): void {
  const path = join(machine.path, 'unpacked/upload.cgi')
  const bytes = readFileSync(executable)
  rmSync(path)
  writeFileSync(path, Buffer.concat([bytes, Buffer.from('\n')]), { mode: 0o755 })
  const said = machine.installed([...all, '--upgrade', '--yes'], options)
  assert.match(said, /the new program in place of the old one/)
  assert.match(said, /was answered: 200/)
}

function assertStores(machine: SmallSystem, { cgiBin, uploads, user }: Layout): void {
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
