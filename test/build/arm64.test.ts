// The cross-built executable, run under qemu's user mode.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { missing } from '../host/installed.ts'
import { freshDirectory, root, skipped } from '../host/program.ts'

const libraries = '/usr/aarch64-linux-gnu'
const skip =
  process.arch === 'x64'
    ? missing('qemu-aarch64', 'libstdc++6-arm64-cross')
    : skipped('this machine is no x64 one')

test('the executable for arm64 answers a GET', { skip }, (t) => {
  execFileSync(process.execPath, ['build/build.ts', '--target', 'linux-arm64'], { cwd: root })
  const directory = freshDirectory(t)
  const program = resolve(root, 'build/upload-linux-arm64.cgi')
  const env = {
    GATEWAY_INTERFACE: 'CGI/1.1',
    REQUEST_METHOD: 'GET',
    UPLOAD_CGI_DIRECTORY: directory,
  }
  const { stdout, stderr } = spawnSync('/usr/bin/qemu-aarch64', ['-L', libraries, program], { env })
  assert.equal(String(stderr), '')
  assert.match(String(stdout), /^Status: 200 OK/)
})
