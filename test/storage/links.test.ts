// Many writers of one name, and file systems without hard links: a real vfat, and ext4 under a
// library that refuses link(2) as other file systems do. What 201 named is there, whole; a request
// is stored whole or not at all, whatever on_conflict says.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { assertFault, contents, type Env, file, post } from '../host/form.ts'
import { missing } from '../host/installed.ts'
import { lackingLibrary } from '../host/lacking.ts'
import { cannotMount, mountVfat } from '../host/mounts.ts'
import { freshDirectory } from '../host/program.ts'
import { storesAllOrNothing } from '../host/storing.ts'

type Outcome = [status: number, stored: string | undefined, content: string]

const processes = 4

/** Posts of one name, `total` in all, by four processes at once. */
async function writers(directory: string, total: number, env: Env): Promise<Outcome[]> {
  const script = join(import.meta.dirname, 'writer.ts')
  const runs = Array.from({ length: processes }, async (_, i) => {
    const task = { directory, name: 'same.txt', label: 'abcd'[i], count: total / processes, env }
    const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(task)], {
      maxBuffer: 1 << 26,
    })
    return JSON.parse(stdout) as Outcome[]
  })
  return (await Promise.all(runs)).flat()
}

/** `rename`: every post is there under its own name. */
async function allAreNumbered(directory: string, total: number, env: Env = {}): Promise<void> {
  const outcomes = await writers(directory, total, env)
  const expected = outcomes.map(([status, stored, content]) => {
    assert.equal(status, 201)
    return [stored, content] as const
  })
  assert.equal(new Set(expected.map(([stored]) => stored)).size, total)
  assert.deepEqual(contents(directory), Object.fromEntries(expected))
}

/** `overwrite`: everyone is told 201, and one of the contents is there, whole. */
async function oneRemains(directory: string, total: number, env: Env = {}): Promise<void> {
  const outcomes = await writers(directory, total, { ...env, UPLOAD_CGI_ON_CONFLICT: 'overwrite' })
  assert.deepEqual([...new Set(outcomes.map(([status]) => status))], [201])
  const remaining = contents(directory)
  assert.deepEqual(Object.keys(remaining), ['same.txt'])
  assert.ok(outcomes.some(([, , content]) => content === remaining['same.txt']))
}

/** `reject`: one is told 201, and its content is there. */
async function oneIsStored(directory: string, total: number, env: Env = {}): Promise<void> {
  const outcomes = await writers(directory, total, { ...env, UPLOAD_CGI_ON_CONFLICT: 'reject' })
  const stored = outcomes.filter(([status]) => status === 201)
  assert.equal(stored.length, 1)
  assert.equal(outcomes.filter(([status]) => status === 409).length, total - 1)
  assert.deepEqual(contents(directory), { 'same.txt': stored[0]?.[2] })
}

test('two files of one name in one request are both there, or neither is', async (t) => {
  for (const mode of ['rename', 'reject', 'overwrite']) {
    const directory = freshDirectory(t)
    const parts = [file('a.txt', 'one'), file('a.txt', 'two')]
    const reply = await post(directory, parts, { UPLOAD_CGI_ON_CONFLICT: mode })
    const expected = reply.status === 201 ? ['one', 'two'] : []
    assert.deepEqual(Object.values(contents(directory)).sort(), expected, mode)
  }
})

test('200 writers of one name in four processes: overwritten, one content remains', async (t) => {
  await oneRemains(freshDirectory(t), 200)
})

test('80 writers of one name in four processes: rejected but for one', async (t) => {
  await oneIsStored(freshDirectory(t), 80)
})

test('without hard links everything is stored all the same, all or nothing', async (t) => {
  const lacking = lackingLibrary(t)
  if ('skip' in lacking) return t.skip(lacking.skip)
  // CIFS says EINVAL, rclone EIO, OpenAFS EXDEV between directories.
  for (const link of ['EPERM', 'ENOTSUP', 'EMLINK', 'ENOSYS', 'EINVAL', 'EIO', 'EXDEV'] as const) {
    await t.test(link, async () => storesAllOrNothing(freshDirectory(t), lacking({ link })))
  }
})

test('a mount that refuses modes and syncs loses no upload', async (t) => {
  const lacking = lackingLibrary(t)
  if ('skip' in lacking) return t.skip(lacking.skip)
  for (const error of ['EINVAL', 'EACCES', 'ENOTSUP'] as const) {
    const env = { ...lacking({ fchmod: error, fsync: error }), UPLOAD_CGI_DURABLE: 'true' }
    await t.test(error, async () => storesAllOrNothing(freshDirectory(t), env))
  }
})

test('a sync that fails because the disk does is an error', async (t) => {
  const lacking = lackingLibrary(t)
  if ('skip' in lacking) return t.skip(lacking.skip)
  const directory = freshDirectory(t)
  const env = { ...lacking({ fsync: 'EIO' }), UPLOAD_CGI_DURABLE: 'true' }
  assertFault(await post(directory, [file('a.txt')], env), 'DIRECTORY_UNUSABLE')
  assert.deepEqual(contents(directory), {})
})

test('without hard links writers of one name keep to on_conflict', async (t) => {
  const lacking = lackingLibrary(t)
  if ('skip' in lacking) return t.skip(lacking.skip)
  const env = lacking({ link: 'EPERM' })
  await allAreNumbered(freshDirectory(t), 80, env)
  await oneRemains(freshDirectory(t), 24, env)
  await oneIsStored(freshDirectory(t), 24, env)
})

test('on vfat everything is stored, all or nothing, and writers keep to on_conflict', async (t) => {
  const reason = cannotMount() || missing('mkfs.vfat')
  if (reason) return t.skip(reason)
  const mounted = mountVfat(t, 16)
  if ('skip' in mounted) return t.skip(mounted.skip)
  const env = { UPLOAD_CGI_MIN_FREE_SPACE: '0' }
  const fresh = (name: string) => {
    mkdirSync(join(mounted.path, name))
    return join(mounted.path, name)
  }
  await storesAllOrNothing(fresh('request'), env)
  await allAreNumbered(fresh('rename'), 24, env)
  await oneRemains(fresh('over'), 24, env)
  await oneIsStored(fresh('reject'), 24, env)
})
