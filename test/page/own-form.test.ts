// docs/own-form.md: each page of the guide, as it stands there, sends files from a real Chromium to
// the built executable.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { chromium, type Page } from 'playwright-core'
import { Section } from '../host/guide.ts'
import { find, missing } from '../host/installed.ts'
import { chromiumArgs } from '../host/page.ts'
import { program } from '../host/program.ts'
import { assertStored, filesNamed } from '../host/sent-files.ts'
import { type Receiver, startReceiver } from '../host/serve.ts'

const skip = missing('chromium')
const guide = new Section(readFileSync(new URL('../../docs/own-form.md', import.meta.url), 'utf8'))

test('a plain form on a page in windows-1252', { skip }, async (t) => {
  const { receiver, page } = await open(t, 'plain.html', 'windows-1252')
  const files = filesNamed(t, ['Größe €.txt', 'Łódź 日本.txt'])
  await page.locator('[name=file]').setInputFiles(files.map(({ path }) => path))
  await page.locator('[name=sender]').fill('Żaneta 日本')
  const [reply] = await Promise.all([
    page.waitForResponse((response) => response.request().method() === 'POST'),
    page.locator('button').click(),
  ])
  await page.waitForLoadState()
  assert.equal(reply.status(), 201)
  assertStored(receiver, files)
})

test('a form without enctype is told which one it needs', { skip }, async (t) => {
  const { receiver, page } = await open(t, 'plain.html', 'utf-8', (html) =>
    html.replace(' enctype="multipart/form-data"', ''),
  )
  const [file] = filesNamed(t, ['a.txt'])
  assert.ok(file)
  await page.locator('[name=file]').setInputFiles(file.path)
  await page.locator('button').click()
  await page.getByText('enctype="multipart/form-data"').waitFor()
  assert.equal(receiver.stored().size, 0)
})

test('success_redirect leads to a page of one’s own', { skip }, async (t) => {
  const [, to = ''] = /^success_redirect = "(.+)"$/m.exec(guide.block('toml')) ?? []
  const { receiver, page } = await open(t, 'plain.html', 'utf-8', undefined, {
    UPLOAD_CGI_SUCCESS_REDIRECT: to,
  })
  const files = filesNamed(t, ['a.txt'])
  await page.locator('[name=file]').setInputFiles(files.map(({ path }) => path))
  await page.locator('button').click()
  await page.waitForURL(`**${to}`)
  assertStored(receiver, files)
})

test('the receipt and the error appear in a frame of the page', { skip }, async (t) => {
  const { receiver, page } = await open(t, 'frame.html')
  const frame = page.frameLocator('iframe')
  const [refused, good] = [filesNamed(t, ['a.php']), filesNamed(t, ['a.txt'])]
  await page.locator('[name=file]').setInputFiles(refused.map(({ path }) => path))
  await page.locator('button').click()
  await frame.getByText('EXTENSION_REFUSED').waitFor()
  await page.locator('[name=file]').setInputFiles(good.map(({ path }) => path))
  await page.locator('button').click()
  await frame.getByText('a.txt').first().waitFor()
  assertStored(receiver, good)
})

test('the page as one file is shown in a frame of one’s own page', { skip }, async (t) => {
  const owner = readFileSync(new URL('../../docs/owner.md', import.meta.url), 'utf8')
  const [, own = ''] = /^```html\n(<iframe src="\/upload\.html".*?)^```$/ms.exec(owner) ?? []
  const receiver = await startReceiver(t)
  const { pathname } = new URL(receiver.url)
  const made = spawnSync(program, ['form', '--action', pathname], {
    env: { UPLOAD_CGI_DIRECTORY: receiver.directory },
    encoding: 'utf8',
  })
  const page = await show(t, { '/own.html': own, '/upload.html': made.stdout })
  await page.goto(new URL('/own.html', receiver.url).href)
  const frame = page.frameLocator('iframe')
  // The first one is empty, which the page refuses.
  const files = filesNamed(t, ['a.txt', 'b.txt', 'c.txt']).slice(1)
  await frame.locator('#file').setInputFiles(files.map(({ path }) => path))
  await frame.locator('#send').click()
  await frame.locator('main[data-stage=done]').waitFor()
  assertStored(receiver, files)
})

test('no page of another site may frame an answer, and nobody the form', { skip }, async (t) => {
  const receiver = await startReceiver(t)
  const form = await fetch(receiver.url)
  assert.match(form.headers.get('content-security-policy') ?? '', /frame-ancestors 'none'$/)
  const error = await fetch(receiver.url, {
    method: 'POST',
    headers: { accept: 'text/html' },
    body: 'nothing',
  })
  assert.match(error.headers.get('content-security-policy') ?? '', /frame-ancestors 'self'$/)
})

test('a script shows the receipt, or the code of the error', { skip }, async (t) => {
  const { receiver, page } = await open(t, 'script.html')
  const [refused, good] = [filesNamed(t, ['a.php']), filesNamed(t, ['a.txt', 'b.txt'])]
  const status = page.locator('[role=status]')
  await page.locator('[name=file]').setInputFiles(refused.map(({ path }) => path))
  await page.locator('button').click()
  await status.filter({ hasText: /^EXTENSION_REFUSED: / }).waitFor()
  await page.locator('[name=file]').setInputFiles(good.map(({ path }) => path))
  await page.locator('button').click()
  await status.filter({ hasText: /^Stored: a\.txt, b\.txt$/ }).waitFor()
  assertStored(receiver, good)
})

/** Opens a page of the guide on the site of the program; `encoding`: how its server sends it. */
async function open(
  t: TestContext,
  name: string,
  encoding: 'utf-8' | 'windows-1252' = 'utf-8',
  edit = (html: string) => html,
  settings: Readonly<Record<string, string>> = {},
): Promise<{ receiver: Receiver; page: Page }> {
  const receiver = await startReceiver(t, settings)
  const { pathname } = new URL(receiver.url)
  const html = edit(guide.block(`/var/www/html/${name}`).replace('/cgi-bin/upload.cgi', pathname))
  const page = await show(t, { [`/${name}`]: html }, encoding)
  await page.goto(new URL(`/${name}`, receiver.url).href)
  return { receiver, page }
}

/** A browser that finds these files on the site of the program, by their paths. */
async function show(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  encoding = 'utf-8',
): Promise<Page> {
  const launched = await chromium.launch({
    executablePath: find('chromium') ?? '',
    args: chromiumArgs,
  })
  t.after(() => launched.close())
  const page = await launched.newPage()
  page.setDefaultTimeout(120_000)
  for (const [path, body] of Object.entries(files)) {
    const contentType = `text/html; charset=${encoding}`
    await page.route(`**${path}`, (route) => route.fulfill({ contentType, body }))
  }
  return page
}
