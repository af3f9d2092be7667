// `upload.cgi clean` from the crontab of root: what it makes belongs to whom the uploads belong to.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chownSync, readdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { freshDirectory, program } from '../host/program.ts'
import { add, notesOfDays } from '../host/record.ts'
import { giveToServer, needsRoot, serverIds } from '../host/user.ts'

test('the notes that root makes belong to the user of the server, and can be read', {
  skip: needsRoot('only root can become another user'),
}, (t) => {
  const directory = freshDirectory(t)
  add(directory, 'a', ['a.txt'])
  const { uid, gid } = serverIds()
  giveToServer(directory)
  for (const path of pathsBelow(directory)) chownSync(path, uid, gid)
  makeOlder(directory)
  const env = { UPLOAD_CGI_DIRECTORY: directory, PATH: '/usr/bin:/bin' }
  const cleaned = spawnSync(program, ['clean'], { env, encoding: 'utf8' })
  assert.equal(cleaned.status, 0, cleaned.stderr)
  assert.equal(notesOfDays(directory, 'batch').length, 1)
  for (const path of pathsBelow(directory)) assert.equal(statSync(path).uid, uid, path)
  const listed = spawnSync(program, ['list'], { env, encoding: 'utf8' })
  assert.equal(listed.status, 0, listed.stderr)
  assert.match(listed.stdout, /^\S+ {2}\S+ {2}192\.0\.2\.7\n {4}a\.txt {2}16 bytes\n$/)
})

function pathsBelow(directory: string): string[] {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  return names.map((name) => join(directory, name))
}

/** The name of the note begins with its minute: after this it is quiet for long enough. */
function makeOlder(directory: string): void {
  const storing = join(directory, '.upload-cgi/notes/storing')
  const [name = ''] = readdirSync(storing)
  const minute = new Date(Date.now() - 40 * 60_000).toISOString().replace(/\D/g, '').slice(0, 12)
  const older = name.replace(/^\.ht\d{12}/, `.ht${minute}`)
  assert.notEqual(older, name)
  renameSync(join(storing, name), join(storing, older))
}
