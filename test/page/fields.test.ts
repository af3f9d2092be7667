// What the owner asks beside the files; the form where scripts do not run; the pages of result and
// error.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { arrives, choose, fieldsAsked, filesOf, focused, send, visit } from '../host/page.ts'

const env = { UPLOAD_CGI_EXTRA_FIELDS: JSON.stringify(fieldsAsked) }

visit(
  'fields are asked once and sent with every file; required ones hold the start',
  {
    env,
  },
  async ({ t, page, proxy, receiver }) => {
    await choose(page, filesOf(t, { 'a.txt': 10, 'b.txt': 20 }))
    await send(page)
    assert.equal(proxy.posts, 0)
    assert.equal(await focused(page), 'field-who')
    await page.getByLabel('Your name').fill('Zoë <b>')
    await page.getByLabel('E-mail').fill('zoe@example.org')
    await page.getByLabel('What for').selectOption('Print')
    await page.getByLabel('I agree').check()
    await page.getByLabel('What else').fill('two\nlines')
    await page.getByLabel('Copies').fill('1.5')
    await page.getByLabel('Wanted by').fill('2026-12-31')
    await send(page)
    await arrives(page)
    assert.equal(receiver.stored().size, 2)
    assert.equal(proxy.bodies.length, 2)
    for (const body of proxy.bodies) {
      assert.match(body, /name="what"\r\n\r\nPrint\r\n/)
      assert.match(body, /name="more"\r\n\r\ntwo\r\nlines\r\n/)
      assert.match(body, /name="copies"\r\n\r\n1\.5\r\n/)
      assert.match(body, /name="due"\r\n\r\n2026-12-31\r\n/)
      assert.match(body, /name="agreed"\r\n\r\nyes\r\n/)
      assert.match(body, /name="mail"\r\n\r\nzoe@example\.org\r\n/)
      assert.ok(body.indexOf('name="who"') < body.indexOf('name="_filename"'))
      assert.ok(body.indexOf('name="_filename"') < body.indexOf('filename="file"'))
    }
  },
)

visit(
  'scripts off: several files and the fields, and the page of their receipt',
  {
    env: { ...env, UPLOAD_CGI_PUBLIC_URL: 'https://files.example.org/in' },
    context: { javaScriptEnabled: false },
  },
  async ({ t, page, receiver }) => {
    await page.getByLabel('Your name').fill('Zoë')
    await page.getByLabel('What for').selectOption('Print')
    await page.getByLabel('I agree').check()
    await choose(page, filesOf(t, { 'a b.txt': 10, 'c.txt': 20 }))
    const [reply] = await Promise.all([
      page.waitForResponse((response) => response.request().method() === 'POST'),
      send(page),
    ])
    assert.equal(reply.status(), 201)
    await page.getByRole('heading', { name: 'All files have arrived' }).waitFor()
    const link = page.getByRole('link', { name: 'a b.txt' })
    assert.equal(await link.getAttribute('href'), 'https://files.example.org/in/a%20b.txt')
    assert.match((await page.locator('body').textContent()) ?? '', /[0-9a-f]{64}/)
    assert.equal(receiver.stored().size, 2)
    await page.getByRole('link', { name: 'Send more files' }).click()
    await page.getByRole('heading', { name: 'Upload files' }).waitFor()
  },
)

visit(
  'scripts off: an error is a page that leads back',
  {
    env: { UPLOAD_CGI_MAX_FILE_SIZE: '1KB' },
    context: { javaScriptEnabled: false },
    mayFail: true,
  },
  async ({ t, page, receiver }) => {
    await choose(page, filesOf(t, { 'large.txt': 2000 }))
    await send(page)
    await page.getByRole('heading', { name: 'A file is larger than this page accepts.' }).waitFor()
    await page.getByText('Nothing of this upload was stored.').waitFor()
    assert.equal(receiver.stored().size, 0)
    await page.getByRole('link', { name: 'Back to the form' }).click()
    await page.getByRole('heading', { name: 'Upload files' }).waitFor()
  },
)

visit(
  'a stored file is a link where the owner names an address, with its checksum',
  {
    env: { UPLOAD_CGI_PUBLIC_URL: 'https://files.example.org/in/' },
  },
  async ({ t, page, receiver }) => {
    await choose(page, filesOf(t, { 'a b.txt': 10 }))
    await send(page)
    const link = page.getByRole('link', { name: 'a b.txt' })
    assert.equal(await link.getAttribute('href'), 'https://files.example.org/in/a%20b.txt')
    assert.match((await page.locator('#done').textContent()) ?? '', /[0-9a-f]{64}/)
    assert.equal(readFileSync(join(receiver.directory, 'a b.txt')).length, 10)
  },
)

for (const [how, javaScriptEnabled] of [
  ['with the script', true],
  ['scripts off', false],
] as const) {
  visit(
    `files are optional, ${how}: a message alone is sent, and the receipt has it`,
    {
      env: { ...env, UPLOAD_CGI_FILES: 'optional' },
      context: { javaScriptEnabled },
    },
    async ({ page, receiver }) => {
      assert.equal(await page.locator('[name=_website]').getAttribute('tabindex'), '-1')
      await page.getByLabel('Your name').fill('Zoë')
      await page.getByLabel('What for').selectOption('Print')
      await page.getByLabel('I agree').check()
      const [reply] = await Promise.all([
        page.waitForResponse((response) => response.request().method() === 'POST'),
        page.getByRole('button', { name: 'Send', exact: true }).click(),
      ])
      assert.equal(reply.status(), 201)
      await page.getByText('Zoë').waitFor()
      assert.equal(receiver.stored().size, 0)
    },
  )
}
