// The outbox through the executable: one mail, one webhook and one run for a submission, whatever
// number of requests it took; what failed is tried again with the same id and content; a deliverer
// that dies anywhere loses nothing.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { runCgi } from '../host/cgi.ts'
import { codes, found, Place } from '../host/check.ts'
import { file, post } from '../host/form.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import { ToldForm } from '../host/told-form.ts'
import { needsRoot } from '../host/user.ts'

test('a post of its own is told once, by mail and to the program, after the reply', async () => {
  const form = new ToldForm()
  const reply = await post(form.directory, [file('a.txt'), file('b.txt')], form.env)
  assert.equal(reply.status, 201, reply.stderr)
  const [mail = '', ...mails] = await form.told('mail', 1)
  const [run = '', ...runs] = await form.told('run', 1)
  await form.settled()
  assert.deepEqual([mails, runs], [[], []])
  assert.match(mail, /^Subject: Upload files: New files: 2 \(/m)
  const batch = JSON.parse(run)
  assert.deepEqual(
    batch.files.map(({ stored }: { stored: string }) => stored),
    ['a.txt', 'b.txt'],
  )
  assert.equal(batch.receipt, reply.json().receipt)
  assert.deepEqual([form.notes('heard').flat().length <= 1, form.notes('said')], [true, []])
})

test('a submission of 20 requests is told once, and what comes after it once more', async () => {
  const form = new ToldForm()
  const _submission = randomBytes(16).toString('hex')
  const fields = [{ name: '_submission', content: _submission }]
  for (let i = 0; i < 20; i++) {
    const reply = await post(form.directory, [...fields, file(`${i}.txt`)], form.env)
    assert.equal(reply.status, 201, reply.text)
  }
  assert.deepEqual(await form.told('mail', 0), [])
  const close = () =>
    runCgi({
      directory: form.directory,
      contentType: contentType(),
      body: multipartBody([...fields, { name: '_close', content: '1' }]),
      env: { HTTP_ACCEPT: 'application/json', ...form.env },
    })
  for (let i = 0; i < 2; i++) assert.equal((await close()).status, 200)
  const [mail = ''] = await form.told('mail', 1)
  await form.told('run', 1)
  await form.settled()
  assert.match(mail, /New files: 20 \(/)
  await post(form.directory, [...fields, file('late.txt')], form.env)
  await close()
  assert.equal((await form.told('mail', 2)).length, 2)
  const runs = await form.told('run', 2)
  await form.settled()
  const sizes = runs.map((run) => JSON.parse(run)).map(({ batch, files }) => [batch, files.length])
  assert.deepEqual(sizes.sort(), [
    [1, 20],
    [2, 1],
  ])
})

test('a receipt that cannot be a file yet comes later, and people are told', async () => {
  const form = new ToldForm('receipt_file = true\nfolder = "{receipt}"')
  form.holdDeliverers()
  const { receipt } = (await post(form.directory, [file('a.txt')], form.env)).json()
  const folder = join(form.directory, receipt)
  rmSync(folder, { recursive: true })
  writeFileSync(folder, 'in the way')
  form.freeDeliverers()
  const first = form.deliver()
  assert.match(first.stdout + first.stderr, new RegExp(`receipt_file: ${receipt}: NAME_TAKEN`))
  assert.equal((await form.told('run', 1)).length, 1)
  assert.equal((await form.told('mail', 1)).length, 1)
  assert.equal(form.notes('storing').length, 1)
  rmSync(folder)
  form.deliver()
  await form.settled()
  assert.deepEqual(readdirSync(folder), [`receipt-${receipt}.txt`])
  assert.equal((await form.told('run', 1)).length, 1)
})

test('who heard is not told again because another did not, and the owner reads why', async () => {
  const form = new ToldForm()
  form.script('mail', 'echo no route; exit 75')
  await post(form.directory, [file('a.txt')], form.env)
  const [run] = await form.told('run', 1)
  for (let i = 0; i < 600 && form.notes('said').length === 0; i++) await sleep(100)
  // The pause has only begun: the next request tries its own batch, and says what went wrong.
  const next = await post(form.directory, [file('b.txt')], form.env)
  assert.equal(next.status, 201)
  assert.match(next.stderr, /notify: owner@example\.org: .*mail\.sh ended with 75: no route/)
  await form.told('run', 2)
  await form.idle()
  const failing = form.deliver()
  assert.equal(failing.status, 69, failing.stderr)
  assert.match(failing.stderr, /no route/)
  form.script('mail', '')
  const { status, stdout, stderr } = form.deliver()
  assert.deepEqual([status, stdout, stderr], [0, 'told: 2\n', ''])
  assert.equal((await form.told('mail', 2)).length, 2)
  const runs = await form.told('run', 2)
  assert.deepEqual([runs.length, runs.includes(run ?? '')], [2, true])
  await form.settled()
})

test('over 20 mails an hour, the rest waits and goes into one mail', async () => {
  const form = new ToldForm()
  form.script('mail', 'exit 75')
  const hour = () => Math.floor(Date.now() / 3_600_000)
  const first = hour()
  for (let i = 0; i < 25; i++) {
    assert.equal((await post(form.directory, [file(`${i}.txt`)], form.env)).status, 201)
  }
  await form.told('run', 25)
  await form.idle()
  const tries = () => readdirSync(join(form.home, 'mail')).length
  // An hour of the clock may begin meanwhile.
  assert.ok(tries() <= 20 * (hour() - first + 1), `${tries()}`)
  // An hour later.
  rmSync(join(form.directory, '.upload-cgi/notes/mailed'), { recursive: true })
  form.script('mail', '')
  for (let i = 0; i < 3 && form.notes('storing').length > 0; i++) {
    rmSync(join(form.directory, '.upload-cgi/notes/mailed'), { recursive: true, force: true })
    assert.equal(form.deliver().stderr, '')
  }
  const mails = await form.told('mail', 1)
  assert.ok(mails.some((mail) => /New uploads: \d+$/m.test(mail)))
  assert.ok(mails.length <= 21, `${mails.length}`)
  const text = mails.join('\n')
  for (const run of await form.told('run', 25)) assert.ok(text.includes(JSON.parse(run).receipt))
})

test('check finds what waits too long, and what was given up', async (t) => {
  const place = new Place(t)
  const settings = 'notify = ["a@example.org"]\nmail_command = ["/bin/true"]\n'
  assert.deepEqual(codes(place.check({ settings })), ['DIRECTORY_VOLATILE'])
  const note = (...path: string[]) => {
    const file = join(place.directory, '.upload-cgi/notes', ...path)
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(file, '')
  }
  const minute = new Date(Date.now() - 2 * 3_600_000).toISOString().slice(0, 16).replace(/\D/g, '')
  note('storing', `.ht${minute}-0-${'a'.repeat(32)}`)
  note('lost', new Date().toISOString().slice(0, 10), '.htx')
  const checked = place.check()
  assert.match(found(checked, 'OUTBOX_WAITS').message, /: 1$/)
  assert.match(found(checked, 'OUTBOX_LOST').message, /: 1$/)
})

test('root delivers as the owner of the hidden folder', {
  skip: needsRoot('only root can become another user'),
}, async () => {
  const form = new ToldForm()
  form.script('mail', 'id -un; exit 75')
  await post(form.directory, [file('a.txt')], form.env)
  await form.told('run', 1)
  await form.idle()
  spawnSync('chown', ['-R', 'www-data', form.home])
  spawnSync('chmod', ['755', form.home])
  const { stderr } = form.deliver()
  assert.match(stderr, /ended with 75: www-data$/m)
})
