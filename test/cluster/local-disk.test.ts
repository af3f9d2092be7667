// What other machines may share costs a local disk nothing: there no type of a file system is asked
// for, nobody asks which machine this is, and no directory is opened but to be listed. FUSE, as
// which ceph-fuse mounts a CephFS, shows that the same trace would tell.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { runCgi } from '../host/cgi.ts'
import { file } from '../host/form.ts'
import { missing } from '../host/installed.ts'
import { cannotMount, mountBindfs, mountExt4 } from '../host/mounts.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import { freshDirectory, program } from '../host/program.ts'

test('a local disk makes no call for the sake of other machines', {
  skip: cannotMount() || missing('strace', 'mkfs.ext4', 'bindfs'),
}, async (t) => {
  const local = await callsOf(t, mountExt4(t, 32))
  assert.deepEqual(local, { types: 0, machines: 0, syncs: 0, opened: 0 })
  const shared = await callsOf(t, mountBindfs(t))
  for (const [what, count] of Object.entries(shared)) assert.ok(count > 0, what)
})

/** Of a post with limits, once all folders are there; `opened`: directories that are not listed. */
async function callsOf(t: TestContext, directory: string) {
  const home = freshDirectory(t)
  const [trace, traced, stdinFile] = ['trace', 'traced.sh', 'body'].map((name) => join(home, name))
  assert.ok(trace !== undefined && traced !== undefined && stdinFile !== undefined)
  const calls = 'openat,getdents64,statfs,fstatfs,fsync,fdatasync'
  const line = `exec strace -y -qq -e trace=${calls} -o ${trace} ${program}`
  writeFileSync(traced, `#!/bin/sh\n${line}\n`, { mode: 0o755 })
  writeFileSync(stdinFile, multipartBody([file('a.txt')]))
  const env = {
    UPLOAD_CGI_MIN_FREE_SPACE: '0',
    UPLOAD_CGI_DURABLE: 'false',
    UPLOAD_CGI_MAX_TOTAL_FILES: '100',
    UPLOAD_CGI_MAX_SENDER_FILES: '100',
  }
  for (let i = 0; i < 2; i++) {
    const asked = { program: traced, method: 'POST', contentType: contentType() }
    const reply = await runCgi({ ...asked, directory, stdinFile, env })
    assert.equal(reply.status, 201, reply.text + reply.stderr)
  }
  const lines = readFileSync(trace, 'latin1').split('\n')
  const count = (pattern: RegExp) => lines.filter((text) => pattern.test(text)).length
  return {
    types: count(/^f?statfs\(/),
    machines: count(/boot_id/),
    syncs: count(/^f(data)?sync\(/),
    opened: count(/^openat\(.*O_DIRECTORY.* = \d/) - count(/^getdents64\(.* = 0$/),
  }
}
