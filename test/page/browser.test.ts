// A real Chromium sends files to the built executable: through the program's own page with scripts
// off and on, through a page as people write it into their sites, and by fetch(). The names hold
// what has a meaning somewhere, line ends included, and letters of many scripts; they must arrive
// with their bytes.

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { find, missing } from '../host/installed.ts'
import { chromiumArgs } from '../host/page.ts'
import {
  assertStored,
  filesNamed,
  namesInManyScripts,
  namesWithLineEnds,
  troublesomeNames,
  withoutEscapes,
} from '../host/sent-files.ts'
import { type Receiver, startReceiver } from '../host/serve.ts'

const skip = missing('chromium')
const allNames = [...troublesomeNames, ...namesInManyScripts, ...namesWithLineEnds]

test("the program's page, scripts off: every name, many files at once", { skip }, async (t) => {
  const { receiver, page } = await open(t, { javaScriptEnabled: false })
  const files = filesNamed(t, allNames)
  await page.goto(receiver.url)
  await page.locator('input[type=file]').setInputFiles(files.map(({ path }) => path))
  const [reply] = await Promise.all([
    page.waitForResponse((response) => response.request().method() === 'POST'),
    page.locator('button[type=submit]').click(),
  ])
  await page.waitForLoadState()
  assert.equal(reply.status(), 201)
  assertStored(receiver, files, withoutEscapes)
  const shown = await page.locator('body').textContent()
  for (const stored of receiver.stored().keys()) assert.ok(shown?.includes(stored), stored)
})

test("the program's page, scripts on: every name, each file by itself", { skip }, async (t) => {
  const { receiver, page } = await open(t, {})
  // The page holds empty files back.
  const files = filesNamed(t, allNames).filter(({ bytes }) => bytes.length > 0)
  await page.goto(receiver.url)
  await page.locator('#file').setInputFiles(files.map(({ path }) => path))
  await page.locator('#send').click()
  await page.locator('main:is([data-stage=done], [data-stage=partly])').waitFor()
  assert.deepEqual(
    await page.locator('li[data-state=refused], li[data-state=failed]').allTextContents(),
    [],
  )
  assert.equal(await page.locator('li[data-state=stored]').count(), files.length)
  // Percent-encoded, nothing in a name is taken for an escape.
  assertStored(receiver, files, (name) => name)
  const shown = await page.locator('body').textContent()
  for (const stored of receiver.stored().keys()) assert.ok(shown?.includes(stored), stored)
})

test('a page of somebody’s own: text with line ends, an empty choice, several inputs', {
  skip,
}, async (t) => {
  const { receiver, page } = await open(t, { javaScriptEnabled: false })
  const [first, second] = filesNamed(t, ['first "1".txt', 'second;2.txt'])
  assert.ok(first && second)
  await page.route('**/own.html', (route) =>
    route.fulfill({ contentType: 'text/html', body: ownPage }),
  )
  await page.goto(`${receiver.url}own.html`)
  await page.locator('textarea').fill('one\ntwo <b>\n\né "quoted" %0A')
  await page.locator('[name="a\\"b"]').setInputFiles(first.path)
  await page.locator('[name="c"]').setInputFiles(second.path)
  const [reply] = await Promise.all([
    page.waitForResponse((response) => response.request().method() === 'POST'),
    page.locator('button').click(),
  ])
  await page.waitForLoadState()
  assert.equal(reply.status(), 201)
  assertStored(receiver, [first, second])
})

test('fetch() in the page: FormData, an empty choice, fields with line ends', {
  skip,
}, async (t) => {
  const { receiver, page } = await open(t, {})
  const files = filesNamed(t, allNames)
  await page.goto(receiver.url)
  // The program's own script would take the files out of the input.
  await page.evaluate((form) => {
    // biome-ignore lint/suspicious/noExplicitAny: the browser's globals, which Node's types lack
    const { document } = globalThis as any
    document.body.innerHTML = form
  }, '<form><input type="file" name="file" multiple></form>')
  const sendForm = (note: string) =>
    page.evaluate(async (text) => {
      // biome-ignore lint/suspicious/noExplicitAny: the browser's globals, which Node's types lack
      const { document, FormData: Form } = globalThis as any
      const form = new Form(document.querySelector('form'))
      form.append('note', text)
      const reply = await fetch('', {
        method: 'POST',
        body: form,
        headers: { accept: 'application/json' },
      })
      // biome-ignore lint/suspicious/noExplicitAny: the test looks into it
      return { status: reply.status, value: (await reply.json()) as any }
    }, note)
  const empty = await sendForm('nothing chosen')
  assert.deepEqual([empty.status, empty.value.code], [400, 'NOTHING_UPLOADED'])
  await page.locator('input[type=file]').setInputFiles(files.map(({ path }) => path))
  const reply = await sendForm('one\ntwo "é" %0A')
  assert.equal(reply.status, 201)
  assert.deepEqual(
    reply.value.files.map(({ name }: { name: string }) => name),
    files.map(({ name }) => withoutEscapes(name)),
  )
  // The encoding makes every line end of a text field CRLF, and escapes nothing there.
  assert.deepEqual(reply.value.fields, [{ name: 'note', value: 'one\r\ntwo "é" %0A' }])
  assertStored(receiver, files, withoutEscapes)
})

async function open(
  t: TestContext,
  options: BrowserContextOptions,
): Promise<{ receiver: Receiver; page: Page }> {
  const receiver = await startReceiver(t)
  const executablePath = find('chromium') ?? ''
  const launched = await chromium.launch({ executablePath, args: chromiumArgs })
  t.after(() => launched.close())
  const context = await launched.newContext(options)
  const page = await context.newPage()
  page.setDefaultTimeout(180_000)
  return { receiver, page }
}

const ownPage = `<!doctype html><meta charset="utf-8">
<form method="post" action="upload.cgi" enctype="multipart/form-data">
<textarea name="note"></textarea>
<input type="file" name="a&quot;b"><input type="file" name="empty"><input type="file" name="c" multiple>
<button name="send" value="yes">Send</button></form>`
