// Disks that are really full, quotas that are really used up, directories that may not be written:
// the built executable says so, keeps what was there and leaves nothing of what came. Then, with
// room or permissions again, the same post is stored.

import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { assertFault, contents, file, post, storedNames } from '../host/form.ts'
import { missing } from '../host/installed.ts'
import { cannotMount, fill, mountBtrfs, mountExt4, mountTmpfs, remount } from '../host/mounts.ts'
import { freshDirectory, program } from '../host/program.ts'
import { isRoot, needsRoot } from '../host/user.ts'

const toTheLastByte = { UPLOAD_CGI_MIN_FREE_SPACE: '0' }
const large = Buffer.alloc(300_000, 'L')

/** What is stored must stay what it is; nothing else may be there. */
async function refusedAsFull(directory: string, parts = [file('new.bin', large)]): Promise<void> {
  const reply = await post(directory, parts, toTheLastByte)
  assertFault(reply, 'DISK_FULL')
  const { filler: _, ...others } = contents(directory)
  assert.deepEqual(others, { 'old.txt': 'old' })
}

async function fullAndFreeAgain(directory: string): Promise<void> {
  assert.deepEqual(storedNames(await post(directory, [file('old.txt', 'old')], toTheLastByte)), [
    'old.txt',
  ])
  const filler = fill(directory, 64 * 1024)
  await refusedAsFull(directory)
  fill(directory)
  await refusedAsFull(directory)
  rmSync(filler)
  const again = await post(directory, [file('new.bin', large)], toTheLastByte)
  assert.deepEqual(storedNames(again), ['new.bin'])
  assert.deepEqual(contents(directory), { 'new.bin': large.toString(), 'old.txt': 'old' })
}

test('a full tmpfs is told, and stores again when there is room', async (t) => {
  const reason = cannotMount()
  if (reason) return t.skip(reason)
  await fullAndFreeAgain(mountTmpfs(t, 'size=8m'))
})

test('a full ext4 is told, and stores again when there is room', async (t) => {
  const reason = cannotMount() || missing('mkfs.ext4')
  if (reason) return t.skip(reason)
  await fullAndFreeAgain(mountExt4(t, 8))
})

test('a used-up quota is told, and stores again when there is room', async (t) => {
  const reason = cannotMount() || missing('mkfs.btrfs', 'btrfs')
  if (reason) return t.skip(reason)
  const directory = mountBtrfs(t, 128, '4M')
  assert.equal((await post(directory, [file('old.txt', 'old')], toTheLastByte)).status, 201)
  // Free space is there in plenty: only the quota is in the way.
  const tooMuch = [file('new.bin', Buffer.alloc(6_000_000, 'L'))]
  await refusedAsFull(directory, tooMuch)
  const filler = fill(directory)
  await refusedAsFull(directory)
  rmSync(filler)
  assert.equal((await post(directory, [file('new.bin', large)], toTheLastByte)).status, 201)
  assert.equal(contents(directory)['new.bin'], large.toString())
})

test('what would break min_free_space is refused before the body is read', async (t) => {
  const reason = cannotMount()
  if (reason) return t.skip(reason)
  const directory = mountTmpfs(t, 'size=8m')
  // Whether it was read shows in the log: the default leaves 64 MB free, which this disk never has.
  const log = join(freshDirectory(t), 'log')
  const reply = await post(directory, [file('a.txt')], { UPLOAD_CGI_LOG_FILE: log })
  assertFault(reply, 'DISK_FULL')
  assert.equal(JSON.parse(readFileSync(log, 'utf8')).bytes, 0)
  assert.deepEqual(contents(directory), {})
})

test('a disk that fills up in the middle of the second file keeps neither', async (t) => {
  const reason = cannotMount() || missing('mkfs.ext4')
  if (reason) return t.skip(reason)
  for (const directory of [mountTmpfs(t, 'size=8m'), mountExt4(t, 8)]) {
    await post(directory, [file('old.txt', 'old')], toTheLastByte)
    fill(directory, 1_000_000)
    const parts = [file('first.bin', large), file('second.bin', Buffer.alloc(2_000_000, 'S'))]
    await refusedAsFull(directory, parts)
    assert.equal((await post(directory, [file('third.bin', large)], toTheLastByte)).status, 201)
  }
})

test('a disk without a free inode is full, at every step of a request', async (t) => {
  const reason = cannotMount()
  if (reason) return t.skip(reason)
  const directory = mountTmpfs(t, 'size=8m,nr_inodes=64')
  await post(directory, [file('old.txt', 'old')], toTheLastByte)
  const fillers: string[] = []
  try {
    for (;;) {
      const path = join(directory, `filler-${fillers.length}`)
      writeFileSync(path, '')
      fillers.push(path)
    }
  } catch {}
  const visible = () =>
    Object.keys(contents(directory)).filter((name) => !name.startsWith('filler'))
  // A link takes an inode on tmpfs, too: two files need four, and the note of them one.
  const parts = [file('first.txt'), file('second.txt')]
  for (let free = 0; free < 5; free++) {
    assertFault(await post(directory, parts, toTheLastByte), 'DISK_FULL')
    assert.deepEqual(visible(), ['old.txt'], `${free} inodes free`)
    rmSync(fillers.pop() ?? '')
  }
  assert.equal((await post(directory, parts, toTheLastByte)).status, 201)
  assert.deepEqual(visible(), ['first.txt', 'old.txt', 'second.txt'])
})

test('a limit on the size of files is a full disk', async (t) => {
  const directory = freshDirectory(t)
  // In blocks of 512 bytes; the file before it fits.
  const limit = { limit: 'ulimit -f 400;' }
  const parts = [file('small.txt'), file('large.bin', large)]
  assertFault(await post(directory, parts, {}, limit), 'DISK_FULL')
  assert.deepEqual(contents(directory), {})
  assert.equal((await post(directory, parts.slice(0, 1), {}, limit)).status, 201)
})

test('a directory without the right to write is told and stays as it is', async (t) => {
  const unprivileged = withoutPrivileges(t)
  if ('skip' in unprivileged) return t.skip(unprivileged.skip)
  const directory = freshDirectory(t)
  writeFileSync(join(directory, 'old.txt'), 'old')
  chmodSync(directory, 0o555)
  const parts = [file('new.txt'), file('old.txt')]
  const asReader = await post(directory, parts, {}, unprivileged)
  assertFault(asReader, 'DIRECTORY_UNUSABLE')
  assert.match(asReader.stderr, /EACCES/)
  assert.doesNotMatch(asReader.text, new RegExp(directory))
  assert.deepEqual(contents(directory), { 'old.txt': 'old' })
  chmodSync(directory, 0o777)
  assert.deepEqual(storedNames(await post(directory, parts, {}, unprivileged)), [
    'new.txt',
    'old-2.txt',
  ])
})

test('a hidden folder of somebody else is told and nothing is written into it', async (t) => {
  const unprivileged = withoutPrivileges(t)
  if ('skip' in unprivileged) return t.skip(unprivileged.skip)
  const noRoot = needsRoot('only root can make a directory of somebody else')
  if (noRoot) return t.skip(noRoot)
  const directory = freshDirectory(t)
  chmodSync(directory, 0o777)
  mkdirSync(join(directory, '.upload-cgi'), 0o700)
  const parts = [file('new.txt')]
  assertFault(await post(directory, parts, {}, unprivileged), 'DIRECTORY_UNUSABLE')
  assert.deepEqual(contents(directory), {})
  chownSync(join(directory, '.upload-cgi'), 65534, 65534)
  assert.equal((await post(directory, parts, {}, unprivileged)).status, 201)
})

test('a file system mounted read-only is told and stays as it is', async (t) => {
  const reason = cannotMount()
  if (reason) return t.skip(reason)
  const directory = mountTmpfs(t, 'size=8m')
  await post(directory, [file('old.txt', 'old')], toTheLastByte)
  remount(directory, 'ro')
  const reply = await post(directory, [file('new.txt')], toTheLastByte)
  assertFault(reply, 'DIRECTORY_UNUSABLE')
  assert.match(reply.stderr, /EROFS/)
  assert.deepEqual(contents(directory), { 'old.txt': 'old' })
  remount(directory, 'rw')
  assert.equal((await post(directory, [file('new.txt')], toTheLastByte)).status, 201)
})

/** How runCgi starts the program as nobody; the executable may be where only root gets to. */
function withoutPrivileges(t: TestContext): { skip: string } | { limit: string; program: string } {
  if (!isRoot()) return { limit: '', program }
  const reason = missing('setpriv')
  if (reason) return { skip: reason }
  const home = freshDirectory(t)
  chmodSync(home, 0o755)
  const copy = join(home, 'upload.cgi')
  copyFileSync(program, copy)
  chmodSync(copy, 0o755)
  const ids = '--reuid 65534 --regid 65534 --clear-groups'
  return { limit: `exec setpriv ${ids} "$0" "$@";`, program: copy }
}
