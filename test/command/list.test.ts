// `upload.cgi list`: what came in, as people, programs and spreadsheets read it.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { freshDirectory, program } from '../host/program.ts'
import {
  add,
  close,
  fileField,
  notesOf,
  notesOfDays,
  receiptOf,
  send,
  textField,
} from '../host/record.ts'
import { giveToServer, isRoot, serverUser } from '../host/user.ts'

function list(directory: string, ...args: readonly string[]) {
  const env = { UPLOAD_CGI_DIRECTORY: directory, PATH: '/usr/bin:/bin' }
  return spawnSync(program, ['list', ...args], { env, encoding: 'utf8' })
}

test('one submission of several requests is one batch', (t) => {
  const directory = freshDirectory(t)
  add(directory, 'a', ['a.txt', 'b.txt'])
  add(directory, 'a', ['c.txt'])
  assert.match(
    list(directory).stdout,
    /^\S+ {2}\S+ \(not finished\) {2}192\.0\.2\.7\n( {4}.*\n){3}$/,
  )
  close(directory, 'a')
  const { receipt } = receiptOf(directory, 'a')
  const { stdout, status } = list(directory)
  assert.equal(status, 0)
  const [head = '', ...files] = stdout.trimEnd().split('\n')
  assert.match(head, new RegExp(`^\\d{4}-\\d\\d-\\d\\dT\\S+Z {2}${receipt} {2}192\\.0\\.2\\.7$`))
  assert.deepEqual(files, ['    a.txt  16 bytes', '    b.txt  16 bytes', '    c.txt  16 bytes'])
  add(directory, 'a', ['d.txt'])
  close(directory, 'a')
  const lines = list(directory, '--json').stdout.trimEnd().split('\n')
  const batches = lines.map((line) => JSON.parse(line))
  assert.deepEqual(
    batches.map(({ batch, files }) => [batch, files.length]),
    [
      [1, 3],
      [2, 1],
    ],
  )
  assert.deepEqual(Object.keys(batches[0]), [
    ...['receipt', 'batch', 'time', 'sender', 'answers', 'files'],
  ])
})

test('one number, and what came lately', (t) => {
  const directory = freshDirectory(t)
  const one = send(directory, [fileField('one.txt')]).json.receipt
  const other = send(directory, [fileField('other.txt')]).json.receipt
  const { stdout } = list(directory, one.toLowerCase())
  assert.ok(stdout.includes('one.txt') && !stdout.includes('other.txt'), stdout)
  assert.ok(list(directory, '--since', '1h').stdout.includes(other))
  assert.equal(list(directory, '--since', '0s').stdout, '')
  assert.equal(list(directory, 'NONE-NONE-NO').stdout, '')
})

test('what visitors wrote is no command of a terminal and no formula of a spreadsheet', (t) => {
  const directory = freshDirectory(t)
  const wrote = textField('note', '=1+1\x1b[2J\u202e"quoted"')
  send(directory, [wrote, fileField('+cmd.txt')])
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about
  assert.doesNotMatch(list(directory).stdout, /[\x00-\x09\x0b-\x1f\u202e]/)
  const rows = list(directory, '--csv').stdout.split('\r\n')
  assert.equal(rows.length, 3)
  assert.match(rows[0] ?? '', /^"receipt","batch","time","invitation","user","address","answers",/)
  assert.match(rows[1] ?? '', /,"note: =1\+1.*""quoted""","'\+cmd\.txt",/)
})

test('what cannot be listed is said', (t) => {
  const directory = freshDirectory(t)
  assert.equal(list(directory).stdout, '')
  assert.equal(list(directory, '--since', 'yesterday').status, 64)
  assert.equal(list(directory, '--json', '--csv').status, 64)
  assert.equal(list('/nowhere').status, 78)
})

test('a note that cannot be read is named, and the rest is listed', (t) => {
  const directory = freshDirectory(t)
  const notes = join(directory, '.upload-cgi/notes')
  send(directory, [fileField('unread.txt')])
  const [day = ''] = notesOf(directory, 'batch')
  const [note = ''] = notesOfDays(directory, 'batch')
  send(directory, [fileField('whole.txt')])
  add(directory, 'a', ['open.txt'])
  // As root it would read everything; so it becomes the owner, who may not.
  giveToServer(directory)
  if (isRoot()) execFileSync('chown', ['-R', serverUser, directory])
  const closed = [join(notes, 'batch', day, `.ht${note}`), join(notes, 'storing')]
  chmodSync(join(notes, 'batch', day, `.ht${note}`), 0)
  const one = list(directory)
  assert.deepEqual([one.status, one.stdout.match(/\w+\.txt/g)], [74, ['whole.txt', 'open.txt']])
  assert.match(
    one.stderr,
    new RegExp(`^upload\\.cgi: the note batch/${day}/${note} in .* cannot be read: EACCES.*\n$`),
  )
  for (const path of closed) chmodSync(path, 0)
  const two = list(directory, '--csv')
  assert.deepEqual([two.status, two.stdout.match(/\w+\.txt/g)], [74, ['whole.txt', 'whole.txt']])
  assert.match(two.stderr, /^upload\.cgi: the note storing in /m)
  for (const path of closed) chmodSync(path, 0o700)
  assert.deepEqual([list(directory).status, list(directory).stderr], [0, ''])
})
