// What storing a form must do on every file system, tried in a directory of one.

import assert from 'node:assert/strict'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { assertFault, contents, type Env, file, post, storedNames } from './form.ts'

/** A file, several in one request, conflicts of each kind, and requests of which one file fails. */
export async function storesAllOrNothing(directory: string, env: Env): Promise<void> {
  const reject = { ...env, UPLOAD_CGI_ON_CONFLICT: 'reject' }
  const overwrite = { ...env, UPLOAD_CGI_ON_CONFLICT: 'overwrite' }
  mkdirSync(join(directory, 'folder'))
  const names = async (parts: readonly string[]) =>
    storedNames(
      await post(
        directory,
        parts.map((name) => file(name)),
        env,
      ),
    )
  assert.deepEqual(await names(['a.txt']), ['a.txt'])
  assert.deepEqual(await names(['a.txt', 'b.txt', 'a.txt']), ['a-2.txt', 'b.txt', 'a-3.txt'])
  const before = contents(directory)
  assert.equal(Object.keys(before).length, 4)

  // The last file of each cannot be placed, after the others were.
  const rejected = [file('c.txt', 'C'), file('d.txt', 'D'), file('c.txt', 'again')]
  assertFault(await post(directory, rejected, reject), 'NAME_TAKEN')
  assert.deepEqual(contents(directory), before)
  const replacing = [file('a.txt', 'A'), file('c.txt', 'C'), file('folder', 'F')]
  assertFault(await post(directory, replacing, overwrite), 'NAME_TAKEN')
  assert.deepEqual(contents(directory), before)

  assert.equal((await post(directory, rejected.slice(0, 2), reject)).status, 201)
  assert.equal((await post(directory, [file('e.txt'), file('a.txt')], reject)).status, 409)
  assert.equal((await post(directory, replacing.slice(0, 1), overwrite)).status, 201)
  assert.deepEqual(contents(directory), { ...before, 'a.txt': 'A', 'c.txt': 'C', 'd.txt': 'D' })
  assert.deepEqual(readdirSync(join(directory, 'folder')), [])
}
