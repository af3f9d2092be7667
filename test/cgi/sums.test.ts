// How much a sender, an invitation and all together may send: the sums, many at the same moment,
// and what was not stored in the end.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ClosedForm, invitation, passphrase, said, token, told } from '../host/closed-form.ts'
import { assertFault, file, finished } from '../host/form.ts'
import { missing } from '../host/installed.ts'
import type { BodyPart } from '../host/multipart-body.ts'
import { shiftedClock } from '../host/shifted-clock.ts'

/** What counts, of whatever kind; none when nothing was ever noted. */
function entries({ directory }: ClosedForm): string[] {
  const path = join(directory, '.upload-cgi/notes/limits')
  if (!existsSync(path)) return []
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' })
  return names.filter((name) => /-(held|final)-/.test(name))
}

function piece(id: string, offset: number, size: number, content: string): BodyPart[] {
  return [
    ...[said(id, '_upload'), said(String(offset), '_offset'), said(String(size), '_size')],
    file(`${id.slice(0, 4)}.bin`, content),
  ]
}

test('a sender has so many files and bytes a day, and the next one its own', async (t) => {
  const form = new ClosedForm(t, 'max_sender_files = 3\nmax_sender_size = "10KB"\n')
  const files = [file('a.txt'), file('b.txt')]
  assert.equal(told(await form.post({}, files)), 'stored')
  assertFault(await form.post({}, files), 'SENDER_LIMIT')
  assert.equal(told(await form.post({}, [file('c.txt')])), 'stored')
  const refused = await form.post({}, [file('d.txt')])
  assertFault(refused, 'SENDER_LIMIT')
  const seconds = Number(refused.headers.get('retry-after'))
  assert.ok(seconds > 86_000 && seconds <= 86_400, String(seconds))
  const other = { REMOTE_ADDR: '192.0.2.7' }
  assert.equal(told(await form.post(other, [file('e.txt', Buffer.alloc(6000))])), 'stored')
  assertFault(await form.post(other, [file('f.txt', Buffer.alloc(6000))]), 'SENDER_LIMIT')
  assert.equal(finished(form.directory).length, 4)
  assert.ok(entries(form).every((name) => name.includes('-final-')))
})

test('what is refused or broken off does not count', async (t) => {
  const form = new ClosedForm(t, 'max_sender_files = 1\nmax_total_files = 1\n')
  for (const name of ['a.php', 'b.php']) {
    assertFault(await form.post({}, [file(name)]), 'EXTENSION_REFUSED')
    assertFault(await form.post({}, [file('a.txt'), file(name)]), 'EXTENSION_REFUSED')
  }
  const cut = { CONTENT_LENGTH: '100000' }
  assertFault(await form.post(cut), 'INCOMPLETE_BODY')
  assert.deepEqual(entries(form), [])
  assert.equal(told(await form.post()), 'stored')
})

test('a file that follows the passphrase alone counts as every other', async (t) => {
  const form = new ClosedForm(t, `passphrase = "${passphrase}"\nmax_sender_files = 1\n`)
  const parts = [said(passphrase), file('a.txt')]
  assert.equal(told(await form.post({}, parts)), 'stored')
  assertFault(await form.post({}, parts), 'SENDER_LIMIT')
})

test('a chunked form counts with what it was', async (t) => {
  const form = new ClosedForm(t, 'max_sender_size = "5KB"\n')
  const chunked = { CONTENT_LENGTH: undefined, HTTP_TRANSFER_ENCODING: 'chunked' }
  assertFault(await form.post(chunked, [file('a.txt', Buffer.alloc(5001))]), 'SENDER_LIMIT')
  assert.equal(told(await form.post(chunked, [file('a.txt', Buffer.alloc(5000))])), 'stored')
  assertFault(await form.post(chunked, [file('b.txt', 'x')]), 'SENDER_LIMIT')
  assert.deepEqual(finished(form.directory), ['a.txt'])
})

test('twenty uploads at the same moment never exceed the limits', async (t) => {
  const form = new ClosedForm(t, 'max_sender_files = 5\nmax_total_files = 8\n')
  const send = (address: string) => form.post({ REMOTE_ADDR: address }, [file('a.txt')])
  const senders = Array.from({ length: 20 }, (_, i) => `192.0.2.${i % 2}`)
  const replies = (await Promise.all(senders.map(send))).map(told)
  const stored = replies.filter((code) => code === 'stored').length
  assert.equal(finished(form.directory).length, stored)
  assert.ok(stored <= 8, String(stored))
  assert.ok(replies.every((code) => /^(stored|SENDER_LIMIT|TOTAL_LIMIT)$/.test(code)))
  // One after the other, all that is left is filled.
  for (let i = 0; i < 8; i++) await send(`192.0.2.${10 + i}`)
  assert.equal(finished(form.directory).length, 8)
  assertFault(await send('192.0.2.99'), 'TOTAL_LIMIT')
})

test('the total is that of the directory: what the owner deletes or adds counts', async (t) => {
  const form = new ClosedForm(t, 'max_total_size = "10KB"\n')
  const kilobytes = (count: number, name = 'a.txt') => [file(name, Buffer.alloc(count * 1000))]
  assert.equal(told(await form.post({}, kilobytes(6))), 'stored')
  assertFault(await form.post({}, kilobytes(5, 'b.txt')), 'TOTAL_LIMIT')
  assert.equal(told(await form.post({}, kilobytes(3, 'b.txt'))), 'stored')
  rmSync(join(form.directory, 'a.txt'))
  assert.equal(told(await form.post({}, kilobytes(5, 'c.txt'))), 'stored')
  assertFault(await form.post({}, kilobytes(2, 'd.txt')), 'TOTAL_LIMIT')
  assert.deepEqual(finished(form.directory), ['b.txt', 'c.txt'])
})

test('the total holds when the clock of the machine is set back', {
  skip: missing('gcc'),
}, async (t) => {
  const form = new ClosedForm(t, 'max_total_files = 4\n')
  const ahead = shiftedClock(form.home, 1800)
  for (const env of [ahead, ahead, {}, {}]) assert.equal(told(await form.post(env)), 'stored')
  for (const env of [{}, ahead, {}]) assertFault(await form.post(env), 'TOTAL_LIMIT')
  assert.equal(finished(form.directory).length, 4)
})

test('an unfinished upload counts once with all it announces, until cancelled', async (t) => {
  const form = new ClosedForm(t, 'max_total_size = "10KB"\nmax_sender_size = "1MB"\n')
  const id = 'ab12'.repeat(8)
  for (let i = 0; i < 2; i++) {
    const begun = await form.post({}, piece(id, 0, 8000, ''))
    assert.equal(begun.status, 202, begun.text)
  }
  assertFault(await form.post({}, piece('cd34'.repeat(8), 0, 3000, 'x')), 'TOTAL_LIMIT')
  assertFault(await form.post({}, [file('a.txt', Buffer.alloc(3000))]), 'TOTAL_LIMIT')
  const cancelled = await form.post({}, [said(id, '_upload'), said('1', '_cancel')])
  assert.equal(cancelled.status, 204, cancelled.text)
  assert.equal(told(await form.post({}, [file('a.txt', Buffer.alloc(3000))])), 'stored')
  const again = 'ef56'.repeat(8)
  assert.equal((await form.post({}, piece(again, 0, 6, 'abc'))).status, 202)
  assert.equal(told(await form.post({}, piece(again, 3, 6, 'def'))), 'stored')
})

test('a beginning sent by several at once, and again when it is full, counts once', async (t) => {
  const form = new ClosedForm(t, 'max_total_files = 1\nmax_sender_files = 1\n')
  const begin = () => form.post({}, piece('ab12'.repeat(8), 0, 8000, ''))
  const replies = await Promise.all([begin(), begin(), begin(), begin(), begin()])
  assert.ok(replies.some(({ status }) => status === 202))
  for (const reply of replies) if (reply.status !== 202) assertFault(reply, 'UPLOAD_BUSY')
  const other = { REMOTE_ADDR: '192.0.2.7' }
  assertFault(await form.post(other), 'TOTAL_LIMIT')
  assert.equal((await begin()).status, 202)
})

test('an id that is used again counts with the most that it announced', async (t) => {
  const form = new ClosedForm(t, 'max_sender_size = "10KB"\n')
  for (const id of ['ab12', 'cd34', 'ef56', '7890'].map((digits) => digits.repeat(8))) {
    assert.equal((await form.post({}, piece(id, 0, 1, ''))).status, 202)
    const cancelled = await form.post({}, [said(id, '_upload'), said('1', '_cancel')])
    assert.equal(cancelled.status, 204, cancelled.text)
    assert.equal((await form.post({}, piece(id, 0, 2000, ''))).status, 202)
  }
  assertFault(await form.post({}, [file('a.txt', Buffer.alloc(3000))]), 'SENDER_LIMIT')
})

test('an id that is used again days later is another upload to an invitation', {
  skip: missing('gcc'),
}, async (t) => {
  const form = new ClosedForm(t, `${invitation}max_files = 1\n`)
  const invited = { QUERY_STRING: `invite=${token}` }
  const whole = piece('ab12'.repeat(8), 0, 6, 'abcdef')
  assert.equal(told(await form.post(invited, whole)), 'stored')
  assert.equal(told(await form.post(invited, whole)), 'stored')
  assert.equal(finished(form.directory).length, 1)
  const later = shiftedClock(form.home, 5 * 86_400)
  assertFault(await form.post({ ...invited, ...later }, whole), 'INVITATION_ENDED')
  assert.equal(finished(form.directory).length, 1)
})

test('an invitation is used up by its own sums, whoever sends by it', async (t) => {
  const form = new ClosedForm(t, `${invitation}max_files = 2\nfolder = "acme/in"\n`)
  const invited = { QUERY_STRING: `invite=${token}` }
  assert.equal(told(await form.post(invited)), 'stored')
  assert.equal(told(await form.post({ ...invited, REMOTE_ADDR: '192.0.2.7' })), 'stored')
  assertFault(await form.post(invited), 'INVITATION_ENDED')
  assert.equal(told(await form.post()), 'stored')
  assert.deepEqual(readdirSync(join(form.directory, 'acme/in')).sort(), ['a-2.txt', 'a.txt'])
})

test('without limits nothing is noted', async (t) => {
  const form = new ClosedForm(t, invitation)
  assert.equal(told(await form.post({ QUERY_STRING: `invite=${token}` })), 'stored')
  assert.ok(!existsSync(join(form.directory, '.upload-cgi/notes/limits')))
})
