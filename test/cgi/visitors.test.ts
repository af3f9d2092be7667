// Who may send: users, whoever knows the passphrase, whoever is invited, until the form closes.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ClosedForm, invitation, passphrase, said, token, told } from '../host/closed-form.ts'
import { assertFault, type Env, file, finished } from '../host/form.ts'
import type { BodyPart } from '../host/multipart-body.ts'

const withPassphrase = `passphrase = "${passphrase}"\n`
const query = `invite=${token}`

test('what is set closes the form, and whoever satisfies one of it may send', async (t) => {
  const rows: readonly (readonly [
    settings: string,
    nobody: string,
    user: string,
    invited: string,
  ])[] = [
    ['', 'stored', 'stored', 'INVITATION_INVALID'],
    [invitation, 'stored', 'stored', 'stored'],
    ['require_user = true\n', 'USER_REQUIRED', 'stored', 'INVITATION_INVALID'],
    ['invited_only = true\n', 'INVITATION_INVALID', 'INVITATION_INVALID', 'INVITATION_INVALID'],
    [`invited_only = true\n${invitation}`, 'INVITATION_INVALID', 'INVITATION_INVALID', 'stored'],
    [withPassphrase, 'PASSPHRASE_REQUIRED', 'PASSPHRASE_REQUIRED', 'INVITATION_INVALID'],
    [
      `require_user = true\ninvited_only = true\n${withPassphrase}${invitation}`,
      ...(['PASSPHRASE_REQUIRED', 'stored', 'stored'] as const),
    ],
    [
      'require_user = true\ninvited_only = true\n',
      'INVITATION_INVALID',
      'stored',
      'INVITATION_INVALID',
    ],
  ]
  for (const [settings, ...expected] of rows) {
    const form = new ClosedForm(t, settings)
    const visitors: readonly Env[] = [{}, { REMOTE_USER: 'ann' }, { QUERY_STRING: query }]
    const replies: string[] = []
    for (const env of visitors) {
      replies.push(told(await form.post(env)))
      const shown = await form.get(env)
      assert.equal(shown.status, replies.at(-1) === 'stored' ? 200 : 403, settings)
    }
    assert.deepEqual(replies, expected, settings)
    const count = expected.filter((one) => one === 'stored').length
    assert.equal(finished(form.directory).length, count)
  }
})

test('the page asks for the passphrase, and a browser gets a cookie for it', async (t) => {
  const form = new ClosedForm(t, withPassphrase)
  const asking = await form.get()
  assert.equal(asking.status, 403)
  assert.match(asking.text, /<input [^>]*type="password" name="_passphrase" required autofocus/)
  assert.doesNotMatch(asking.text, /PASSPHRASE_REQUIRED|<script|type="file"/)
  const html = { HTTP_ACCEPT: 'text/html' }
  const wrong = await form.post(html, [said('open sesame')])
  assert.equal(wrong.status, 403)
  assert.match(wrong.text, /role="alert"[\s\S]*PASSPHRASE_REQUIRED/)
  assert.match(wrong.text, /name="_passphrase"/)
  assert.doesNotMatch(wrong.text, /open sesame/)
  assert.equal(wrong.headers.get('set-cookie'), undefined)

  const right = await form.post({ ...html, QUERY_STRING: 'a=%20b' }, [said(passphrase)])
  assert.deepEqual([right.status, right.headers.get('location')], [303, '?a=%20b'])
  const cookie = right.headers.get('set-cookie') ?? ''
  assert.match(cookie, /^upload-[0-9a-f]{16}=\d{10}-[0-9a-f]{32}; HttpOnly; SameSite=Lax$/)
  const [pair = ''] = cookie.split(';')
  assert.match((await form.get({ HTTP_COOKIE: `other=1; ${pair}` })).text, /type="file"/)
  assert.equal(told(await form.post({ HTTP_COOKIE: pair })), 'stored')

  const secure = await form.post({ ...html, HTTPS: 'on' }, [said(passphrase)])
  assert.match(secure.headers.get('set-cookie') ?? '', /; Secure$/)
  const proxied = { HTTP_HOST: 'a.example', HTTP_ORIGIN: 'https://a.example' }
  const behind = await form.post({ ...html, ...proxied }, [said(passphrase)])
  assert.match(behind.headers.get('set-cookie') ?? '', /; Secure$/)
  const script = await form.post({}, [said(passphrase)])
  assert.deepEqual([script.status, script.text], [204, ''])
  assert.ok(script.headers.has('set-cookie'))
  assert.deepEqual(finished(form.directory), ['a.txt'])
})

test('a cookie is void for another form or passphrase, later, and when changed', async (t) => {
  const form = new ClosedForm(t, withPassphrase)
  const cookie = await form.cookie()
  const [name = '', value = ''] = cookie.split('=')
  const [end = '', signature = ''] = value.split('-')
  const later = String(Number(end) + 1)
  const other = signature.startsWith('0') ? '1' : '0'
  const forged = [
    `${name}=${later}-${signature}`,
    `${name}=${end}-${other}${signature.slice(1)}`,
    `${name}=${end}-`,
    `${name}=`,
    `${name}x=${value}`,
    `${name}=9999999999-${signature}`,
    `x${cookie}`,
  ]
  for (const pair of forged) {
    assert.equal(told(await form.post({ HTTP_COOKIE: pair })), 'PASSPHRASE_REQUIRED', pair)
  }
  assert.equal(told(await form.post({ HTTP_COOKIE: cookie })), 'stored')
  const twin = form.write(withPassphrase, 'twin.toml')
  const elsewhere = { HTTP_COOKIE: cookie, UPLOAD_CGI_CONFIG: twin }
  assert.equal(told(await form.post(elsewhere)), 'PASSPHRASE_REQUIRED')
  form.write('passphrase = "another"\n')
  assert.equal(told(await form.post({ HTTP_COOKIE: cookie })), 'PASSPHRASE_REQUIRED')
})

test('programs send the passphrase before the file; a wrong one stores nothing', async (t) => {
  const form = new ClosedForm(t, withPassphrase)
  const header = { HTTP_X_UPLOAD_PASSPHRASE: encodeURIComponent(passphrase) }
  assert.equal(told(await form.post({}, [said(passphrase), file('a.txt')])), 'stored')
  assert.equal(told(await form.post(header, [file('b.txt')])), 'stored')
  const late = await form.post({}, [file('c.txt'), said(passphrase)])
  assert.equal(told(late), 'PASSPHRASE_REQUIRED')
  for (const wrong of ['', ' ', passphrase.toUpperCase(), `${passphrase} `, passphrase.slice(1)]) {
    assertFault(await form.post({}, [said(wrong), file('c.txt')]), 'PASSPHRASE_REQUIRED')
  }
  const malformed = { HTTP_X_UPLOAD_PASSPHRASE: '%zz' }
  assertFault(await form.post(malformed), 'PASSPHRASE_REQUIRED')
  assert.deepEqual(finished(form.directory), ['a.txt', 'b.txt'])
})

test('after ten wrong tries no more of the sender are tried, but its cookie is good', async (t) => {
  const form = new ClosedForm(t, withPassphrase)
  const cookie = await form.cookie()
  const guess = (i: number) => form.post({}, [said(`guess ${i}`), file('a.txt')])
  for (let i = 0; i < 9; i++) assert.equal(told(await guess(i)), 'PASSPHRASE_REQUIRED')
  // A right one is no wrong try, however often.
  for (let i = 0; i < 3; i++) await form.post({}, [said(passphrase), file('r.txt')])
  assert.equal(told(await guess(9)), 'PASSPHRASE_REQUIRED')
  const refused = await form.post({}, [said(passphrase), file('a.txt')])
  assertFault(refused, 'TOO_MANY_TRIES')
  const seconds = Number(refused.headers.get('retry-after'))
  assert.ok(seconds > 300 && seconds <= 600, String(seconds))
  const html = await form.post({ HTTP_ACCEPT: 'text/html' }, [said(passphrase)])
  assert.equal(html.status, 429)
  const elsewhere = { REMOTE_ADDR: '192.0.2.7' }
  assert.equal(told(await form.post(elsewhere, [said(passphrase), file('o.txt')])), 'stored')
  const known = { HTTP_COOKIE: cookie }
  assert.equal(told(await form.post(known, [said('guess'), file('k.txt')])), 'stored')
})

test('thirty guesses at the same moment have no more than ten tries', async (t) => {
  const form = new ClosedForm(t, withPassphrase)
  const guesses = Array.from({ length: 30 }, (_, i) => form.post({}, [said(`guess ${i}`)]))
  const replies = (await Promise.all(guesses)).map(told)
  const looked = replies.filter((code) => code === 'PASSPHRASE_REQUIRED').length
  assert.ok(looked <= 10, String(looked))
  assert.equal(replies.filter((code) => code === 'TOO_MANY_TRIES').length, 30 - looked)
  for (let i = looked; i < 10; i++) await form.post({}, [said('guess')])
  assert.equal(told(await form.post({}, [said(passphrase)])), 'TOO_MANY_TRIES')
})

test('an invitation comes by address, field and header, if they agree', async (t) => {
  const form = new ClosedForm(t, `invited_only = true\n${invitation}`)
  const header = { HTTP_X_UPLOAD_INVITE: token }
  const address = { QUERY_STRING: `x=1&${query}` }
  const field = (value: string): BodyPart[] => [said(value, '_invite'), file('a.txt')]
  assert.equal(told(await form.post({ ...header, ...address }, field(token))), 'stored')
  assert.equal(told(await form.post({}, field(token))), 'stored')
  assert.equal(told(await form.post(header)), 'stored')
  const wrong = [
    await form.post(address, field(`${token}x`)),
    await form.post({ ...address, HTTP_X_UPLOAD_INVITE: 'other' }),
    await form.post({ QUERY_STRING: `invite=${token.toUpperCase()}` }),
    await form.post({}, field('')),
    await form.post({}, [file('a.txt'), said(token, '_invite')]),
  ]
  assert.deepEqual(wrong.map(told), Array(5).fill('INVITATION_INVALID'))
  assert.equal(finished(form.directory).length, 3)

  const shown = await form.get(address)
  assert.match(shown.text, /Welcome, <bdi>Acme &#60;1&#62;<\/bdi>/)
  assert.ok(shown.text.includes(`<input type="hidden" name="_invite" value="${token}">`))
  assert.equal(shown.headers.get('referrer-policy'), 'strict-origin')
})

test('an invitation ends, and its page says when', async (t) => {
  const form = new ClosedForm(t, `${invitation}until = "2099-12-31"\n`)
  const address = { QUERY_STRING: query }
  assert.match((await form.get(address)).text, /Open until <time>2099-12-31<\/time>/)
  form.write(`${invitation}until = "2020-12-31"\n`)
  assertFault(await form.post(address), 'INVITATION_ENDED')
  const page = await form.get(address)
  assert.equal(page.status, 403)
  assert.match(page.text, /This invitation has ended/)
})

test('after open_until the form takes nothing, from nobody', async (t) => {
  const form = new ClosedForm(t, `open_until = "2099-01-01"\n${invitation}`)
  assert.match((await form.get()).text, /Open until <time>2099-01-01<\/time>/)
  assert.equal(told(await form.post()), 'stored')
  form.write(`open_until = "2020-01-01"\n${invitation}`)
  for (const env of [{}, { QUERY_STRING: query }]) {
    assertFault(await form.post(env), 'CLOSED')
    const page = await form.get(env)
    assert.equal(page.status, 403)
    assert.match(page.text, /This page is closed/)
  }
  assert.deepEqual(finished(form.directory), ['a.txt'])
})

test('pieces are asked when the upload begins; afterwards its id is enough', async (t) => {
  const form = new ClosedForm(t, withPassphrase)
  const id = 'a1'.repeat(16)
  const piece = (offset: number, content: string, more: readonly BodyPart[] = []): BodyPart[] => [
    ...more,
    ...[said(id, '_upload'), said(String(offset), '_offset'), said('6', '_size')],
    file('p.txt', content),
  ]
  assert.equal(told(await form.post({}, piece(0, 'abc'))), 'PASSPHRASE_REQUIRED')
  assert.equal(told(await form.post({}, piece(3, 'abc'))), 'NO_SUCH_UPLOAD')
  assert.equal((await form.post({}, piece(0, 'abc', [said(passphrase)]))).status, 202)
  form.write('open_until = "2020-01-01"\npassphrase = "another"\n')
  const status = await form.get({ HTTP_X_UPLOAD_ID: id })
  assert.deepEqual([status.status, status.json().offset], [200, 3])
  assert.equal(told(await form.post({}, piece(3, 'def'))), 'stored')
  assert.equal(readFileSync(join(form.directory, 'p.txt'), 'utf8'), 'abcdef')
})

test('neither passphrase nor token nor cookie is told to anybody', async (t) => {
  const form = new ClosedForm(t, '')
  const log = join(form.home, 'log')
  const shown = `debug = true\nlog_file = "${log}"\n`
  form.write(`${shown}${withPassphrase}${invitation}`)
  const cookie = await form.cookie()
  const encoded = encodeURIComponent(passphrase)
  const secrets = [token, passphrase, encoded, cookie.split('=')[1] ?? '', 'guessed']
  const env = {
    ...{ QUERY_STRING: query, REQUEST_URI: `/upload.cgi?${query}`, HTTP_COOKIE: cookie },
    ...{ HTTP_REFERER: `https://a.example/?${query}`, HTTP_X_UPLOAD_INVITE: token },
    HTTP_X_UPLOAD_PASSPHRASE: encoded,
  }
  const fields = [said(passphrase), said(token, '_invite')]
  const replies = [
    await form.post(env, [...fields, file('a.txt')]),
    await form.post({ ...env, HTTP_ACCEPT: 'text/html' }, [...fields, file('b.txt')]),
    await form.post({ ...env, HTTP_ACCEPT: 'text/html' }, [said('guessed'), file('b.php')]),
    await form.post({ HTTP_ACCEPT: 'text/html' }, [said('guessed'), file('b.txt')]),
    await form.post({ ...env, QUERY_STRING: 'invite=guessed' }, [file('b.txt')]),
  ]
  assert.deepEqual(
    replies.map(({ status }) => status),
    [201, 201, 415, 403, 403],
  )
  const texts = [
    ...replies.flatMap((reply) => [reply.text, reply.stderr]),
    readFileSync(log, 'utf8'),
  ]
  for (const text of texts) {
    for (const secret of secrets) assert.ok(!text.includes(secret), `${secret} in ${text}`)
  }
})

test('a form that asks nobody for anything keeps no notes', async (t) => {
  const form = new ClosedForm(t, '')
  await form.post()
  const notes = join(form.directory, '.upload-cgi', 'notes')
  assert.throws(() => readFileSync(join(notes, 'limits')), { code: 'ENOENT' })
})
