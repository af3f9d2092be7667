// The form page when something goes wrong, in a real Chromium: lines that break, servers and firewalls in front
// that refuse by themselves, the program's own refusals; and the page by keyboard, with fields of the owner's,
// and without scripts.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { becomes, choose, filesOf, line, milestones, send, visit } from './page-host.ts'

const note = async (page: Page, name: string) =>
  (await line(page, name).locator('.note').textContent()) ?? ''

visit(
  'a line that breaks once is tried again by itself, the others go on',
  { line: { cut: new Set([3]) }, mayFail: true },
  async ({ t, page, receiver, proxy }) => {
    const names = Array.from({ length: 10 }, (_, i) => `${i}.txt`)
    await choose(page, filesOf(t, Object.fromEntries(names.map((name) => [name, 200_000]))))
    await send(page)
    await page.getByText('All files are stored').waitFor()
    assert.deepEqual([...receiver.stored().keys()].sort(), names)
    assert.equal(proxy.posts, 11)
  },
)

for (const [status, isRetried] of [
  [502, true],
  [503, true],
  [508, true],
  [400, false],
] as const) {
  visit(
    `a ${status} that is not ours is ${isRetried ? 'tried again' : 'shown, with a button to try again'}`,
    { line: { answer: new Map([[1, status]]) }, mayFail: true },
    async ({ t, page, receiver, proxy }) => {
      await choose(page, filesOf(t, { 'a.txt': 100 }))
      await send(page)
      if (!isRetried) {
        await becomes(page, 'a.txt', 'failed')
        assert.match(await note(page, 'a.txt'), /error \(400\)/)
        await page.getByRole('button', { name: 'Try a.txt again' }).click()
      }
      await becomes(page, 'a.txt', 'stored')
      assert.equal(receiver.stored().size, 1)
      assert.equal(proxy.posts, 2)
    },
  )
}

visit(
  'limits of something in front are explained as such, and never tried again',
  {
    line: {
      answer: new Map([
        [1, 413],
        [2, 403],
      ]),
    },
    env: { UPLOAD_CGI_PARALLEL_UPLOADS: '1' },
    mayFail: true,
  },
  async ({ t, page, proxy }) => {
    await choose(page, filesOf(t, { 'big.bin': 100, 'odd.bin': 100 }))
    await send(page)
    await page.getByText('Stored: 0. Failed: 2').waitFor()
    assert.match(await note(page, 'big.bin'), /firewall .*limits the size/)
    assert.match(await note(page, 'odd.bin'), /firewall .*refuses/)
    assert.equal(proxy.posts, 2)
  },
)

visit(
  'what the program refuses stands at its file, with its reason',
  { env: { UPLOAD_CGI_ON_CONFLICT: 'reject' }, mayFail: true },
  async ({ t, page, receiver, proxy }) => {
    writeFileSync(join(receiver.directory, 'taken.txt'), 'before')
    await choose(page, filesOf(t, { 'taken.txt': 100, 'free.txt': 100 }))
    await send(page)
    await page.getByText('Stored: 1. Failed: 1').waitFor()
    assert.match(await note(page, 'taken.txt'), /already there/)
    assert.match(await note(page, 'free.txt'), /Stored as free\.txt/)
    assert.match((await line(page, 'free.txt').textContent()) ?? '', /sha256 [0-9a-f]{64}/)
    assert.equal(receiver.stored().get('taken.txt')?.toString(), 'before')
    assert.equal(proxy.posts, 2)
    await page.getByRole('button', { name: 'Try the failed ones again' }).click()
    const ends = async () => (await milestones(page)).filter((said) => /^Stored: 1\./.test(said))
    for (let i = 0; i < 100 && (await ends()).length < 2; i++) await delay(50)
    assert.equal(proxy.posts, 3)
    assert.ok((await milestones(page)).some((said) => said.startsWith('Failed: taken.txt. ')))
  },
)

visit('with the keyboard alone, from choosing to the end', {}, async ({ t, page, receiver }) => {
  const press = async (key: string, until: string) => {
    for (let i = 0; i < 30; i++) {
      await page.keyboard.press(key)
      const name = await page.evaluate(
        `document.activeElement.getAttribute('aria-label') ?? (document.activeElement.id || document.activeElement.textContent)`,
      )
      if (name === until) return
    }
    assert.fail(`${until} is not reached by ${key}`)
  }
  await press('Tab', 'file')
  const [chooser] = await Promise.all([
    page.waitForEvent('filechooser'),
    page.keyboard.press('Space'),
  ])
  await chooser.setFiles(filesOf(t, { 'keep.txt': 100, 'drop.txt': 100, 'last.txt': 100 }))
  await press('Tab', 'Remove drop.txt')
  await page.keyboard.press('Enter')
  const focused = () => page.evaluate(`document.activeElement.getAttribute('aria-label')`)
  assert.equal(await focused(), 'Remove last.txt')
  await press('Tab', 'send')
  await page.keyboard.press('Space')
  await page.getByText('All files are stored').waitFor()
  assert.deepEqual([...receiver.stored().keys()].sort(), ['keep.txt', 'last.txt'])
  await press('Tab', 'Clear the list')
  await page.keyboard.press('Space')
  assert.equal(await page.evaluate('document.activeElement.id'), 'file')
})

const extraFields = JSON.stringify([
  { name: 'sender', label: 'Your e-mail', type: 'email', required: true },
  { name: 'team', label: 'Team', type: 'select', options: ['red', 'blue'] },
  { name: 'agreed', label: 'I agree', type: 'checkbox' },
])

visit(
  'fields of the owner are asked once and sent with every file',
  { env: { UPLOAD_CGI_EXTRA_FIELDS: extraFields } },
  async ({ t, page, proxy, receiver }) => {
    const received: unknown[] = []
    page.on('response', async (response) => {
      if (response.status() === 201) received.push((await response.json()).fields)
    })
    await choose(page, filesOf(t, { 'a.txt': 10, 'b.txt': 10 }))
    await send(page)
    assert.equal(proxy.posts, 0)
    assert.equal(await page.evaluate('document.activeElement.id'), 'field-sender')
    await page.getByLabel(/Your e-mail/).fill('ann@example.org')
    await page.getByLabel('Team').selectOption('blue')
    await page.getByLabel('I agree').check()
    await send(page)
    await page.getByText('All files are stored').waitFor()
    assert.equal(receiver.stored().size, 2)
    const fields = [
      { name: 'sender', value: 'ann@example.org' },
      { name: 'team', value: 'blue' },
      { name: 'agreed', value: 'yes' },
    ]
    assert.deepEqual(received, [fields, fields])
  },
)

visit(
  'without scripts: several files and fields in one request, a receipt with links, an error in place',
  {
    env: {
      UPLOAD_CGI_EXTRA_FIELDS: extraFields,
      UPLOAD_CGI_PUBLIC_URL: '/files/',
      UPLOAD_CGI_ALLOW_EXTENSIONS: 'txt',
    },
    context: { javaScriptEnabled: false },
    mayFail: true,
  },
  async ({ t, page, proxy, receiver }) => {
    await page.getByLabel(/Your e-mail/).fill('ann@example.org')
    await choose(page, filesOf(t, { 'a.txt': 10, 'b c.txt': 10 }))
    await send(page)
    await page.getByRole('heading', { name: 'The upload is stored' }).waitFor()
    assert.equal(proxy.posts, 1)
    assert.equal(receiver.stored().size, 2)
    const link = page.getByRole('link', { name: 'b c.txt' })
    assert.equal(await link.getAttribute('href'), '/files/b%20c.txt')
    assert.equal(await page.locator('code.sum').count(), 2)
    await page.getByRole('link', { name: 'Upload more files' }).click()
    await page.getByLabel(/Your e-mail/).fill('ann@example.org')
    await choose(page, filesOf(t, { 'c.pdf': 10 }))
    await send(page)
    await page.getByRole('heading', { name: 'Files of this kind are not accepted here.' }).waitFor()
    assert.match((await page.locator('main').textContent()) ?? '', /EXTENSION_REFUSED/)
    await page.getByRole('link', { name: 'Back to the form' }).click()
    await page.locator('#file').waitFor()
  },
)
