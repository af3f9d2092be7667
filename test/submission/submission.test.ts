// What a visitor and the owner see of submissions: one receipt for all requests, batches, answers,
// who may add, and what happens as time passes.

import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mock, test } from 'node:test'
import { parseEntryName } from '../../src/storage/entry.ts'
import { doWhatIsDue } from '../../src/submission/due.ts'
import type { BodyPart } from '../host/multipart-body.ts'
import { freshDirectory } from '../host/program.ts'
import {
  add,
  ask,
  close,
  fileField,
  id,
  notesOf,
  notesOfDays,
  receiptOf,
  send,
  settingsOf,
  storageOf,
  textField,
  visible,
} from '../host/record.ts'

const hours = 3_600_000
const names = (files: readonly { readonly stored: string }[]) => files.map(({ stored }) => stored)

test('requests of one id have one number, and the receipt has all of their files', (t) => {
  const directory = freshDirectory(t)
  const first = add(directory, 'a', ['a.txt', 'b.txt'])
  const second = add(directory, 'a', ['c.txt'])
  assert.match(
    first.json.receipt,
    /^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{2}$/,
  )
  assert.equal(second.json.receipt, first.json.receipt)
  const before = receiptOf(directory, 'a')
  assert.deepEqual([before.receipt, before.batch], [first.json.receipt, 0])
  assert.deepEqual(names(before.files), ['a.txt', 'b.txt', 'c.txt'])
  const closed = close(directory, 'a')
  assert.equal(closed.status, 200)
  assert.deepEqual(names(closed.json.files), ['a.txt', 'b.txt', 'c.txt'])
  assert.equal(closed.json.batch, 1)
  assert.deepEqual(close(directory, 'a').json, closed.json)
  assert.deepEqual(receiptOf(directory, 'a'), closed.json)
  const { size, sha256, name, type } = closed.json.files[0]
  assert.deepEqual(
    [size, name, type],
    ['content of a.txt'.length, 'a.txt', 'application/octet-stream'],
  )
  assert.equal(sha256, first.json.files[0].sha256)
})

test('what comes after a batch is in the next one, and a receipt names the last', (t) => {
  const directory = freshDirectory(t)
  add(directory, 'a', ['a.txt'])
  const first = close(directory, 'a').json
  add(directory, 'a', ['b.txt'])
  assert.deepEqual(names(receiptOf(directory, 'a').files), ['a.txt', 'b.txt'])
  assert.equal(receiptOf(directory, 'a').batch, 1)
  const second = close(directory, 'a').json
  assert.equal(second.batch, 2)
  assert.equal(second.receipt, first.receipt)
  assert.deepEqual(names(second.files), ['a.txt', 'b.txt'])
  assert.equal(notesOfDays(directory, 'batch').length, 2)
})

test('of a submission of which nothing is stored there is no receipt', (t) => {
  const directory = freshDirectory(t)
  assert.deepEqual([ask(directory, 'a').status, close(directory, 'a').status], [404, 404])
  const refused = add(directory, 'a', ['a.php'])
  assert.equal(refused.json.code, 'EXTENSION_REFUSED')
  assert.equal(close(directory, 'a').json.code, 'NO_SUCH_SUBMISSION')
  assert.equal(JSON.parse(ask(directory, 'a').text).code, 'NO_SUCH_SUBMISSION')
  assert.deepEqual(notesOf(directory, 'batch'), [])
})

test('the id must be one, come before the file and once, and no file comes with _close', (t) => {
  const directory = freshDirectory(t)
  const own = textField('_submission', id('a'))
  const codeOf = (...parts: Parameters<typeof send>[1]) => send(directory, parts).json.code
  assert.equal(codeOf(textField('_submission', 'a'), fileField('a.txt')), 'BAD_UPLOAD')
  assert.equal(codeOf(fileField('a.txt'), own), 'BAD_UPLOAD')
  assert.equal(codeOf(own, own, fileField('a.txt')), 'BAD_UPLOAD')
  assert.equal(codeOf(own, textField('_close', '1'), fileField('a.txt')), 'BAD_UPLOAD')
  assert.equal(codeOf(textField('_close', '1')), 'BAD_UPLOAD')
  assert.deepEqual(visible(directory), [])
})

test('answers are those of the last field of a name, with its label; ids are told nowhere', (t) => {
  const directory = freshDirectory(t)
  const parts = [
    textField('_submission', id('a')),
    textField('_passphrase', 'open sesame'),
    textField('email', 'ann@'),
    textField('note', 'one'),
    textField('note', 'two'),
    fileField('a.txt'),
  ]
  const { json } = send(directory, parts)
  assert.deepEqual(
    json.fields.map(({ name }: { name: string }) => name),
    ['email', 'note', 'note'],
  )
  const { answers } = close(directory, 'a').json
  assert.deepEqual(answers, [
    { name: 'email', label: 'email', value: 'ann@' },
    { name: 'note', label: 'note', value: 'two' },
  ])
  const [name = ''] = notesOfDays(directory, 'batch')
  const [day = ''] = notesOf(directory, 'batch')
  const note = readFileSync(join(directory, '.upload-cgi/notes/batch', day, `.ht${name}`), 'utf8')
  assert.doesNotMatch(note, /sesame|aaaaaaaa/)
})

test('a user is fixed by the first request, an address is not and is told to nobody', (t) => {
  const directory = freshDirectory(t)
  assert.equal(add(directory, 'a', ['a.txt'], { REMOTE_USER: 'ann' }).status, 201)
  assert.equal(add(directory, 'a', ['b.txt'], { REMOTE_USER: 'bob' }).json.code, 'NOT_YOURS')
  assert.equal(add(directory, 'a', ['b.txt']).json.code, 'NOT_YOURS')
  assert.equal(
    add(directory, 'a', ['c.txt'], { REMOTE_USER: 'ann', REMOTE_ADDR: '198.51.100.9' }).status,
    201,
  )
  const { sender, files } = close(directory, 'a').json
  assert.deepEqual([sender, names(files)], [{ user: 'ann' }, ['a.txt', 'c.txt']])
  assert.equal(add(directory, 'b', ['d.txt']).status, 201)
  assert.equal(add(directory, 'b', ['e.txt'], { REMOTE_ADDR: '198.51.100.9' }).status, 201)
  assert.deepEqual(visible(directory), ['a.txt', 'c.txt', 'd.txt', 'e.txt'])
})

test('a post without an id is a submission of its own, and leaves one note', (t) => {
  const directory = freshDirectory(t)
  const one = send(directory, [fileField('a.txt')]).json.receipt
  const other = send(directory, [fileField('a.txt')]).json.receipt
  assert.notEqual(one, other)
  assert.equal(notesOfDays(directory, 'batch').length, 2)
  assert.deepEqual([notesOf(directory, 'storing'), notesOf(directory, 'verdict')], [[], []])
})

test('what is quiet for a quarter of an hour is closed by the next request, not by a GET', (t) => {
  const directory = freshDirectory(t)
  add(directory, 'a', ['a.txt'])
  add(directory, 'a', ['b.txt'])
  const now = Date.now()
  t.mock.timers.enable({ apis: ['Date'], now: now + hours / 5 })
  send(directory, [fileField('other.txt')])
  assert.equal(receiptOf(directory, 'a').batch, 0)
  t.mock.timers.setTime(now + hours / 3)
  assert.equal(receiptOf(directory, 'a').batch, 0)
  send(directory, [fileField('other.txt')])
  assert.equal(receiptOf(directory, 'a').batch, 1)
  assert.deepEqual(notesOf(directory, 'storing'), [])
})

test('a day after its beginning a submission takes no file, and its receipt stays', (t) => {
  const directory = freshDirectory(t)
  add(directory, 'a', ['a.txt'])
  const receipt = close(directory, 'a').json
  const now = Date.now()
  t.mock.timers.enable({ apis: ['Date'], now: now + 23 * hours })
  assert.equal(add(directory, 'a', ['b.txt']).status, 201)
  const whole = close(directory, 'a').json
  assert.equal(whole.receipt, receipt.receipt)
  t.mock.timers.setTime(now + 25 * hours)
  assert.equal(add(directory, 'a', ['c.txt']).json.code, 'SUBMISSION_CLOSED')
  // Four days later the note of its beginning is gone.
  for (const days of [4, 5]) {
    t.mock.timers.setTime(now + days * 24 * hours)
    send(directory, [fileField('other.txt')])
    assert.equal(add(directory, 'a', ['c.txt']).json.code, 'SUBMISSION_CLOSED')
  }
  assert.deepEqual(notesOf(directory, 'begin'), [])
  assert.deepEqual(receiptOf(directory, 'a'), whole)
  t.mock.timers.setTime(now + 95 * 24 * hours)
  send(directory, [fileField('other.txt')])
  assert.equal(ask(directory, 'a').status, 404)
})

test('twenty files leave one note a batch once a day has passed', (t) => {
  const directory = freshDirectory(t)
  for (let i = 0; i < 20; i++) add(directory, 'a', [`${i}.txt`])
  close(directory, 'a')
  assert.equal(notesOfDays(directory, 'verdict').length, 20)
  assert.deepEqual([notesOf(directory, 'storing'), notesOf(directory, 'begin').length], [[], 1])
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 4 * 24 * hours })
  send(directory, [fileField('other.txt')])
  assert.deepEqual([notesOf(directory, 'verdict'), notesOf(directory, 'begin')], [[], []])
  assert.equal(notesOfDays(directory, 'batch').length, 2)
  assert.equal(receiptOf(directory, 'a').files.length, 20)
})

test('a submission makes a hundred folders, in however many requests', (t) => {
  const directory = freshDirectory(t)
  const inFolders = (digit: string, folders: readonly string[], more: readonly BodyPart[] = []) => {
    const files = folders.flatMap((folder) => {
      return [textField('_filename', `${folder}/a.txt`), fileField('a.txt')]
    })
    return send(directory, [textField('_submission', id(digit)), ...more, ...files])
  }
  const some = (from: number) => Array.from({ length: 33 }, (_, i) => `f${from + i}`)
  for (const from of [0, 33, 66]) assert.equal(inFolders('a', some(from)).status, 201)
  assert.equal(inFolders('a', ['f99/deep']).json.code, 'TOO_MANY_FOLDERS')
  close(directory, 'a')
  assert.equal(inFolders('a', ['f99']).status, 201)
  assert.equal(inFolders('a', ['f100']).json.code, 'TOO_MANY_FOLDERS')
  const piece = [textField('_upload', id('b')), textField('_offset', '0'), textField('_size', '16')]
  assert.equal(inFolders('a', ['f100'], piece).json.code, 'TOO_MANY_FOLDERS')
  // One that is there is no new one, and another submission has its own.
  assert.equal(inFolders('a', ['f7']).status, 201)
  assert.equal(inFolders('b', ['f100']).status, 201)
  assert.equal(visible(directory).length, 101)
})

test('with receipt_file a text file beside the files says what came, and by whom', (t) => {
  const directory = freshDirectory(t)
  const env = { UPLOAD_CGI_RECEIPT_FILE: 'true' }
  const answer = textField('note', 'two\nlines')
  send(directory, [textField('_submission', id('a')), answer, fileField('a.txt')], env)
  assert.deepEqual(visible(directory), ['a.txt'])
  const { receipt } = close(directory, 'a', env).json
  assert.deepEqual(visible(directory), ['a.txt', `receipt-${receipt}.txt`])
  const text = readFileSync(join(directory, `receipt-${receipt}.txt`), 'utf8')
  assert.match(
    text,
    /^[0-9A-Z-]{12}\r\n[^\n]+Z\r\n192\.0\.2\.7\r\n\r\nnote: two\r\n {4}lines\r\n\r\na\.txt\t16\t/,
  )
  close(directory, 'a', env)
  const own = send(directory, [fileField('b.txt')], env).json.receipt
  assert.deepEqual(visible(directory), [
    'a.txt',
    'b.txt',
    ...[`receipt-${receipt}.txt`, `receipt-${own}.txt`].sort(),
  ])
  assert.deepEqual(notesOf(directory, 'storing'), [])
  mock.restoreAll()
})

for (const conflict of ['rename', 'reject']) {
  test(`with on_conflict = "${conflict}" a file named as a receipt is in nobody's way`, (t) => {
    const directory = freshDirectory(t)
    const env = { UPLOAD_CGI_RECEIPT_FILE: 'true', UPLOAD_CGI_ON_CONFLICT: conflict }
    const { receipt } = add(directory, 'a', ['a.txt'], env).json
    add(directory, 'a', [`receipt-${receipt}.txt`, `receipt-${receipt}-2.txt`], env)
    assert.equal(close(directory, 'a', env).status, 200)
    const text = readFileSync(join(directory, `receipt-${receipt}-3.txt`), 'utf8')
    assert.ok(text.startsWith(receipt), text)
    assert.deepEqual(notesOf(directory, 'storing'), [])
  })
}

test('the first file fixes the folder, whatever later requests say of it', (t) => {
  const directory = freshDirectory(t)
  const env = { UPLOAD_CGI_FOLDER: 'in/{field:project}' }
  const post = (name: string, ...fields: BodyPart[]) => {
    return send(directory, [textField('_submission', id('a')), ...fields, fileField(name)], env)
  }
  assert.equal(post('0.txt').json.code, 'FIELD_REQUIRED')
  assert.equal(post('a.txt', textField('project', 'one')).status, 201)
  assert.equal(post('b.txt', textField('project', 'two')).status, 201)
  assert.equal(post('c.txt').status, 201)
  const { files, answers } = close(directory, 'a', env).json
  assert.deepEqual(names(files), ['a.txt', 'b.txt', 'c.txt'])
  assert.deepEqual(answers, [{ name: 'project', label: 'project', value: 'two' }])
  assert.equal(post('d.txt', textField('project', 'three')).status, 201)
  assert.deepEqual(visible(join(directory, 'in')), ['one'])
  assert.deepEqual(visible(join(directory, 'in/one')), ['a.txt', 'b.txt', 'c.txt', 'd.txt'])
})

test('the receipt is a page or text, too, and says nothing by which more can be added', (t) => {
  const directory = freshDirectory(t)
  const note = textField('note', 'of <May>')
  const parts = [textField('_submission', id('a')), note, fileField('a.txt'), fileField('b.txt')]
  const { receipt } = send(directory, parts).json
  for (const [accept, line, answer] of [
    ['text/html', '<bdi class="name">b.txt</bdi>', '<dt>note</dt><dd>of &#60;May&#62;</dd>'],
    ['text/plain', 'b.txt', ''],
    ['application/json', '"stored":"b.txt"', '"value":"of <May>"'],
  ] as const) {
    const { status, text } = ask(directory, 'a', accept)
    assert.equal(status, 200)
    for (const part of [receipt, line, answer]) assert.ok(text.includes(part), text)
    assert.ok(!text.includes(id('a')) && !text.includes('192.0.2.7'), text)
  }
  const page = ask(directory, 'a', 'text/html').text
  assert.match(page, /<main data-stage="done">/)
  assert.doesNotMatch(page, /<form|<input|<script/)
})

test('what cannot be closed does not always take the turn of the rest', (t) => {
  const directory = freshDirectory(t)
  const env = { UPLOAD_CGI_RECEIPT_FILE: 'true', UPLOAD_CGI_FOLDER: '{receipt}' }
  const now = Date.now()
  t.mock.timers.enable({ apis: ['Date'], now })
  const begin = (digit: string) => add(directory, digit, ['a.txt'], env).json.receipt
  const stuck = ['a', 'b', 'c', 'd'].map(begin)
  for (const folder of stuck) {
    rmSync(join(directory, folder), { recursive: true })
    writeFileSync(join(directory, folder), '')
  }
  t.mock.timers.setTime(now + 10 * 60_000)
  const younger = ['e', 'f', '1', '2', '3', '4'].map(begin)
  t.mock.timers.setTime(now + hours)
  const isClosed = (number: string) => existsSync(join(directory, number, `receipt-${number}.txt`))
  for (let runs = 0; !younger.every(isClosed); runs++) {
    assert.ok(runs < 500, `${younger.filter(isClosed).length} are closed`)
    const before = notesOf(directory, 'storing').length
    try {
      doWhatIsDue(storageOf(directory), settingsOf(directory, env), 3)
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'NAME_TAKEN')
    }
    assert.ok(before - notesOf(directory, 'storing').length <= 3, 'no more than three at a time')
  }
  assert.equal(notesOf(directory, 'storing').length, stuck.length)
})

test('a submission that cannot be closed does not keep others open', (t) => {
  const directory = freshDirectory(t)
  const env = { UPLOAD_CGI_RECEIPT_FILE: 'true', UPLOAD_CGI_FOLDER: '{receipt}' }
  const folders = ['a', 'b', 'c', 'd', 'e', 'f'].map((digit) => {
    return add(directory, digit, ['a.txt'], env).json.receipt
  })
  // The owner moved what came, and made a file of that name.
  for (const folder of folders.slice(1)) {
    rmSync(join(directory, folder), { recursive: true })
    writeFileSync(join(directory, folder), '')
  }
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + hours })
  const due = () => doWhatIsDue(storageOf(directory), settingsOf(directory, env))
  assert.throws(due, { code: 'NAME_TAKEN' })
  assert.equal(notesOf(directory, 'storing').length, 5)
  assert.ok(existsSync(join(directory, folders[0], `receipt-${folders[0]}.txt`)))
})

for (const order of ['the older', 'the newer']) {
  test(`of a request that died with two notes, ${order} first, the file is recorded`, (t) => {
    const directory = freshDirectory(t)
    send(directory, [fileField('same.txt', 'of somebody else')])
    add(directory, 'a', ['same.txt'])
    const storage = storageOf(directory)
    const newer = parseEntryName(
      notesOf(directory, 'storing').find((name) => name.includes(submissionKey(directory))) ?? '',
    )
    assert.ok(newer !== undefined)
    const entry = storage.entries.read(newer.name)
    assert.ok(entry !== undefined)
    // What a power cut may leave: the older note was not removed, and there is no verdict.
    const older = `${newer.name.slice(0, -8)}00000000`
    const files = entry.files.map((file) => ({ ...file, stored: 'same.txt' }))
    storage.notes.create(`storing/${older}`, Buffer.from(JSON.stringify({ ...entry, files })))
    storage.notes.remove(entry.verdict)
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 4 * hours })
    const inOrder = order === 'the older' ? [older, newer.name] : [newer.name, older]
    for (const name of inOrder) {
      const named = parseEntryName(name)
      if (named !== undefined) storageOf(directory).entries.resolve(named)
    }
    assert.deepEqual(visible(directory), ['same-2.txt', 'same.txt'])
    assert.deepEqual(names(receiptOf(directory, 'a').files), ['same-2.txt'])
    assert.ok(!notesOf(directory, 'storing').includes(older))
  })
}

/** How the notes call the submission `a`. */
function submissionKey(directory: string): string {
  const [begin = ''] = notesOf(directory, 'begin')
  return begin.slice(0, 32)
}
