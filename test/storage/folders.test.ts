// Files in folders below the upload directory: who may get in there, what is in the way, what is
// left of a request that was refused, and what other processes do meanwhile.

import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertFault, type Env, file, incoming, post, storedNames, visible } from '../host/form.ts'
import { lackingLibrary } from '../host/lacking.ts'
import { meanwhileLibrary } from '../host/meanwhile.ts'
import { cannotMount, mountVfat } from '../host/mounts.ts'
import type { BodyPart } from '../host/multipart-body.ts'
import { freshDirectory } from '../host/program.ts'
import { needsRoot } from '../host/user.ts'

const noRoot = needsRoot('only root can give a directory away')

/** A file with folders, as the page sends it. */
function sent(path: string, content = `content of ${path}`): BodyPart[] {
  return [{ name: '_filename', content: encodeURIComponent(path) }, file('file', content)]
}

/** All that is in the directory, by path; a folder is `path/`, and `incoming/` must be empty. */
function tree(directory: string): Record<string, string> {
  assert.deepEqual(incoming(directory), [])
  const found: Record<string, string> = {}
  for (const top of visible(directory)) {
    const entries = statSync(join(directory, top)).isDirectory()
      ? readdirSync(join(directory, top), { recursive: true, encoding: 'utf8' })
      : []
    for (const path of [top, ...entries.map((entry) => join(top, entry))]) {
      const whole = join(directory, path)
      if (statSync(whole).isDirectory()) found[`${path}/`] = ''
      else found[path] = readFileSync(whole, 'latin1')
    }
  }
  return found
}

test('a file keeps its folders, each by the rules of names', async (t) => {
  const directory = freshDirectory(t)
  const parts = [
    ...sent('Holiday 2026/day 1/a.txt', 'one'),
    ...sent('Holiday 2026/day 2/a.txt', 'two'),
    ...sent('./.git//con/<b>.txt', 'three'),
    ...sent('/etc/passwd', 'four'),
    ...sent('x/../../y.txt', 'five'),
    ...sent('c:\\fakepath\\z.txt', 'six'),
    file('no/folder/w.txt', 'seven'),
  ]
  const reply = await post(directory, parts, { UPLOAD_CGI_PUBLIC_URL: 'https://x.example/in/' })
  assert.deepEqual(storedNames(reply), [
    'Holiday 2026/day 1/a.txt',
    'Holiday 2026/day 2/a.txt',
    'git/_con/_b_.txt',
    'passwd',
    'y.txt',
    'z.txt',
    'w.txt',
  ])
  const [{ name, url }] = reply.json().files
  assert.equal(name, 'Holiday 2026/day 1/a.txt')
  assert.equal(url, 'https://x.example/in/Holiday%202026/day%201/a.txt')
  assert.deepEqual(tree(directory), {
    'Holiday 2026/': '',
    'Holiday 2026/day 1/': '',
    'Holiday 2026/day 1/a.txt': 'one',
    'Holiday 2026/day 2/': '',
    'Holiday 2026/day 2/a.txt': 'two',
    'git/': '',
    'git/_con/': '',
    'git/_con/_b_.txt': 'three',
    passwd: 'four',
    'w.txt': 'seven',
    'y.txt': 'five',
    'z.txt': 'six',
  })
})

test('without keep_folders the name alone counts, and the reply still says the path', async (t) => {
  const directory = freshDirectory(t)
  const log = join(freshDirectory(t), 'log')
  const env = { UPLOAD_CGI_KEEP_FOLDERS: 'false', UPLOAD_CGI_LOG_FILE: log }
  const reply = await post(directory, sent('a/b/c.txt', 'C'), env)
  assert.deepEqual(storedNames(reply), ['c.txt'])
  assert.equal(reply.json().files[0].name, 'a/b/c.txt')
  assert.deepEqual(tree(directory), { 'c.txt': 'C' })
  const [{ stored, name }] = JSON.parse(readFileSync(log, 'utf8')).files
  assert.deepEqual([stored, name], ['c.txt', 'a/b/c.txt'])
})

test('on_conflict counts within a folder', async (t) => {
  const directory = freshDirectory(t)
  const names = async (env: Env) => storedNames(await post(directory, sent('a/b.tar.gz', '2'), env))
  assert.deepEqual(await names({}), ['a/b.tar.gz'])
  assert.deepEqual(await names({}), ['a/b-2.tar.gz'])
  assert.deepEqual(await names({ UPLOAD_CGI_ON_CONFLICT: 'overwrite' }), ['a/b.tar.gz'])
  const reject = { UPLOAD_CGI_ON_CONFLICT: 'reject' }
  assertFault(await post(directory, sent('a/b.tar.gz'), reject), 'NAME_TAKEN')
  assert.equal((await post(directory, sent('b.tar.gz', '3'), reject)).status, 201)
  assert.deepEqual(Object.keys(tree(directory)), ['a/', 'a/b-2.tar.gz', 'a/b.tar.gz', 'b.tar.gz'])
})

test('what is no folder, or a link to one, is in the way', async (t) => {
  const [directory, other] = [freshDirectory(t), freshDirectory(t)]
  writeFileSync(join(directory, 'plain'), 'plain')
  symlinkSync(other, join(directory, 'link'))
  symlinkSync('/nonexistent', join(directory, 'broken'))
  mkdirSync(join(directory, 'deep'))
  symlinkSync('..', join(directory, 'deep', 'up'))
  for (const path of ['plain/a.txt', 'link/a.txt', 'link/b/a.txt', 'broken/a.txt', 'deep/up/a']) {
    for (const mode of ['rename', 'reject', 'overwrite']) {
      const env = { UPLOAD_CGI_ON_CONFLICT: mode }
      assertFault(await post(directory, sent(path), env), 'NAME_TAKEN')
    }
  }
  assert.deepEqual(readdirSync(other), [])
  assert.deepEqual(visible(directory), ['broken', 'deep', 'link', 'plain'])
  assert.equal(existsSync('/nonexistent'), false)
})

test('a mount is in the way', async (t) => {
  const reason = cannotMount()
  if (reason) return t.skip(reason)
  const mounted = mountVfat(t, 16)
  if ('skip' in mounted) return t.skip(mounted.skip)
  const directory = join(mounted.path, '..')
  const name = mounted.path.slice(directory.length + 1)
  const env = { UPLOAD_CGI_MIN_FREE_SPACE: '0' }
  assertFault(await post(directory, sent(`${name}/a.txt`), env), 'NAME_TAKEN')
  assert.deepEqual(readdirSync(mounted.path), [])
})

test('a request that is refused leaves no folder, but those that were there', async (t) => {
  const directory = freshDirectory(t)
  mkdirSync(join(directory, 'old'))
  writeFileSync(join(directory, 'taken'), '')
  const parts = [...sent('old/new/a.txt'), ...sent('fresh/deep/b.txt'), ...sent('taken')]
  const env = { UPLOAD_CGI_ON_CONFLICT: 'overwrite' }
  mkdirSync(join(directory, 'dir'))
  assertFault(await post(directory, [...parts, ...sent('dir')], env), 'NAME_TAKEN')
  assert.deepEqual(tree(directory), { 'dir/': '', 'old/': '', taken: '' })
})

test('folders are bounded in depth, number and length, and then nothing is stored', async (t) => {
  const directory = freshDirectory(t)
  const deep = (count: number) => `${'d/'.repeat(count)}a.txt`
  assert.deepEqual(storedNames(await post(directory, sent(deep(16)))), [deep(16)])
  assertFault(await post(directory, sent(deep(17))), 'TOO_MANY_FOLDERS')
  const many = (count: number) => Array.from({ length: count }, (_, i) => sent(`f${i}/a`)).flat()
  const env = { UPLOAD_CGI_MAX_FIELDS: '1000', UPLOAD_CGI_MAX_FILES: '1000' }
  assertFault(await post(directory, many(101), env), 'TOO_MANY_FOLDERS')
  const long = `${'é'.repeat(120)}/`
  assertFault(await post(directory, sent(`${long.repeat(9)}a.txt`)), 'TOO_MANY_FOLDERS')
  assert.deepEqual(visible(directory), ['d'])
  assert.equal(storedNames(await post(directory, many(100), env)).length, 100)
  assert.equal((await post(directory, sent(`${long.repeat(8)}a.txt`))).status, 201)
})

test('folders have the mode of the directory, whatever the umask, and inherit its group', {
  skip: noRoot,
}, async (t) => {
  const directory = freshDirectory(t)
  for (const mode of [0o2770, 0o755, 0o3777, 0o700]) {
    chownSync(directory, 0, 33)
    chmodSync(directory, mode)
    const name = mode.toString(8)
    assert.equal((await post(directory, sent(`${name}/in/a.txt`))).status, 201)
    for (const folder of [name, `${name}/in`]) {
      const stats = statSync(join(directory, folder))
      assert.equal(stats.mode & 0o7777, mode, folder)
      assert.equal(stats.gid, (mode & 0o2000) !== 0 ? 33 : 0)
    }
  }
})

test('many processes make one folder and put files of one name into it', async (t) => {
  const directory = freshDirectory(t)
  const posts = Array.from({ length: 24 }, (_, i) => post(directory, sent('a/b/c/d.txt', `${i}`)))
  const names = (await Promise.all(posts)).flatMap(storedNames)
  assert.equal(new Set(names).size, 24)
  const files = Object.entries(tree(directory)).filter(([path]) => !path.endsWith('/'))
  assert.deepEqual(files.map(([path]) => path).sort(), [...names].sort())
  assert.equal(new Set(files.map(([, content]) => content)).size, 24)
})

test('a folder that another request removes meanwhile is made again', async (t) => {
  const meanwhile = meanwhileLibrary(t)
  if ('skip' in meanwhile) return t.skip(meanwhile.skip)
  const directory = freshDirectory(t)
  const env = meanwhile(join(directory, 'a/b'), '')
  assert.deepEqual(storedNames(await post(directory, sent('a/b/c.txt', 'C'), env)), ['a/b/c.txt'])
  assert.deepEqual(tree(directory), { 'a/': '', 'a/b/': '', 'a/b/c.txt': 'C' })
})

test('a folder that becomes a link between the look and the name stores nothing', async (t) => {
  const meanwhile = meanwhileLibrary(t)
  if ('skip' in meanwhile) return t.skip(meanwhile.skip)
  for (const mode of ['rename', 'reject', 'overwrite']) {
    const [directory, other] = [freshDirectory(t), freshDirectory(t)]
    const swap = meanwhile(join(directory, 'a'), other)
    const env = { ...swap, UPLOAD_CGI_ON_CONFLICT: mode }
    assertFault(await post(directory, sent('a/b.txt'), env), 'NAME_TAKEN')
    assert.deepEqual(readdirSync(other), [], mode)
    assert.deepEqual(incoming(directory), [])
    assert.deepEqual(readdirSync(join(directory, 'a.moved')), [])
  }
})

test('without hard links files get into folders, too, and refusals leave none', async (t) => {
  const lacking = lackingLibrary(t)
  if ('skip' in lacking) return t.skip(lacking.skip)
  const directory = freshDirectory(t)
  const env = lacking({ link: 'EPERM' })
  const parts = [...sent('a/b.txt', '1'), ...sent('a/b.txt', '2'), ...sent('c/d.txt', '3')]
  assert.deepEqual(storedNames(await post(directory, parts, env)), [
    'a/b.txt',
    'a/b-2.txt',
    'c/d.txt',
  ])
  const before = tree(directory)
  const reject = { ...env, UPLOAD_CGI_ON_CONFLICT: 'reject' }
  const twice = [...sent('e/f.txt'), ...sent('e/f.txt')]
  assertFault(await post(directory, twice, reject), 'NAME_TAKEN')
  assert.deepEqual(tree(directory), before)
})
