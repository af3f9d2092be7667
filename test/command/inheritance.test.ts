// Group, setgid bit and default ACL of the upload directory, changed after the first upload: the
// files get them, or `check` says what keeps them from it and its remedy mends it.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertFixed, codes, found, Place } from '../host/check.ts'
import { file, post, storedNames } from '../host/form.ts'
import { missing } from '../host/installed.ts'
import { content, Uploads } from '../host/piece-upload.ts'
import { needsRoot } from '../host/user.ts'

const noRoot = needsRoot('only root can give a directory to another group')
const noAcl = noRoot || missing('setfacl')

function run(tool: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(tool, args, { encoding: 'utf8' })
  assert.equal(status, 0, `${tool} ${args.join(' ')}: ${stderr}`)
  return stdout
}

async function store(place: Place, name: string): Promise<string> {
  const [stored = ''] = storedNames(await post(place.directory, [file(name)]))
  return join(place.directory, stored)
}

/** An upload that has begun and is not finished. */
async function unfinished(place: Place): Promise<Uploads> {
  const uploads = new Uploads(place.directory)
  assert.equal((await uploads.piece({ bytes: content.subarray(0, 1000) })).status, 202)
  return uploads
}

test('a directory gets another group: so do its next files, and check is content', {
  skip: noRoot,
}, async (t) => {
  const place = new Place(t)
  await store(place, 'before.txt')
  chownSync(place.directory, 0, 33)
  chmodSync(place.directory, 0o2770)
  assert.equal(statSync(await store(place, 'after.txt')).gid, 33)
  assert.ok(!codes(place.check()).includes('GROUP_NOT_INHERITED'))
  chmodSync(place.directory, 0o770)
  assert.equal(statSync(await store(place, 'again.txt')).gid, 0)
})

test('while an unfinished upload keeps the old group, check says so, and mends it', {
  skip: noRoot,
}, async (t) => {
  const place = new Place(t)
  const uploads = await unfinished(place)
  chownSync(place.directory, 0, 33)
  chmodSync(place.directory, 0o2770)
  assert.equal(statSync(await store(place, 'old.txt')).gid, 0)
  assertFixed(place, 'GROUP_NOT_INHERITED', 'warning')
  assert.equal(statSync(await store(place, 'new.txt')).gid, 33)
  assert.equal((await uploads.send(content.length, 1000)).status, 201)
  assert.deepEqual(readFileSync(join(place.directory, 'video.mp4')), content)
})

test('a default ACL that comes later is missed, check says so, and mends it', {
  skip: noAcl,
}, async (t) => {
  const place = new Place(t)
  await unfinished(place)
  run('setfacl', '-d', '-m', 'u:www-data:r', place.directory)
  assert.doesNotMatch(run('getfacl', '-cp', await store(place, 'old.txt')), /www-data/)
  assertFixed(place, 'ACL_NOT_INHERITED', 'warning')
  assert.match(run('getfacl', '-cp', await store(place, 'new.txt')), /^user:www-data:r--$/m)
  run('setfacl', '-k', place.directory)
  assertFixed(place, 'ACL_NOT_INHERITED', 'warning')
  assert.doesNotMatch(run('getfacl', '-cp', await store(place, 'last.txt')), /www-data/)
})

test('a default ACL that is there before the first upload is inherited', {
  skip: noAcl,
}, async (t) => {
  const place = new Place(t)
  run('setfacl', '-d', '-m', 'u:www-data:r', place.directory)
  assert.match(run('getfacl', '-cp', await store(place, 'a.txt')), /^user:www-data:r--$/m)
  assert.ok(!codes(place.check()).some((code) => code.startsWith('ACL_')))
})

test('a file_mode that takes back what a default ACL gives is said, and mended', {
  skip: noAcl,
}, async (t) => {
  const place = new Place(t)
  run('setfacl', '-d', '-m', 'u:www-data:rw', place.directory)
  const { remedy, message } = found(place.check(), 'ACL_MASKED')
  assert.match(message, /gives user:www-data:rw-, but file_mode takes/)
  const settings = `${remedy}\n`
  assert.ok(!codes(place.check({ settings })).includes('ACL_MASKED'))
  const mode = /"(\d+)"/.exec(remedy)?.[1]
  const reply = await post(place.directory, [file('a.txt')], { UPLOAD_CGI_FILE_MODE: mode })
  const [stored = ''] = storedNames(reply)
  const acl = run('getfacl', '-cp', join(place.directory, stored))
  assert.match(acl, /^user:www-data:rw-$/m)
})
