// A closed form in Chromium, where scripts run and where they do not: the passphrase is typed, the
// link of an invitation is opened, and a file arrives.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import { invitation, passphrase, token } from '../host/closed-form.ts'
import { find } from '../host/installed.ts'
import {
  arrives,
  axe,
  choose,
  chromiumArgs,
  comesTrue,
  filesOf,
  flaws,
  focused,
  send,
  skip,
  visit,
} from '../host/page.ts'
import { freshDirectory, writeSettings } from '../host/program.ts'
import { type Receiver, startReceiver } from '../host/serve.ts'

for (const javaScriptEnabled of [false, true]) {
  const where = javaScriptEnabled ? 'with scripts' : 'without scripts'

  test(`${where} the passphrase and the link of an invitation lead to the form`, {
    skip,
    timeout: 600_000,
  }, async (t) => {
    const settings = `passphrase = "${passphrase}"\n${invitation}`
    const file = writeSettings(freshDirectory(t), settings)
    const receiver = await startReceiver(t, { UPLOAD_CGI_CONFIG: file })
    const executablePath = find('chromium') ?? ''
    const browser = await chromium.launch({ executablePath, args: chromiumArgs })
    t.after(() => browser.close())

    const asked = await newPage(browser, javaScriptEnabled)
    await asked.goto(receiver.url)
    assert.equal(await asked.locator('#file').count(), 0)
    for (const guess of ['a guess', passphrase]) {
      await asked.getByLabel('Passphrase').fill(guess)
      await asked.getByRole('button', { name: 'Continue' }).click()
      if (guess === passphrase) await asked.locator('#file').waitFor()
      else await asked.getByText('it is missing or wrong').waitFor()
    }
    await upload(t, asked, receiver, 'asked.bin')
    await asked.goto(receiver.url)
    assert.equal(await asked.locator('#file').count(), 1)

    const invited = await newPage(browser, javaScriptEnabled)
    await invited.goto(`${receiver.url}?invite=${token}`)
    await invited.getByText('Welcome, Acme <1>').waitFor()
    await upload(t, invited, receiver, 'invited.bin')
  })
}

visit(
  'a cookie that ends in the middle of a queue: the page asks, and then goes on by itself',
  {
    env: {
      UPLOAD_CGI_CONFIG: writeSettings(freshDirectory({ after }), `passphrase = "${passphrase}"\n`),
      UPLOAD_CGI_PARALLEL_UPLOADS: '1',
    },
    script: axe,
    mayFail: true,
  },
  async ({ t, page, proxy, receiver }) => {
    await page.getByLabel('Passphrase').fill(passphrase)
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.locator('#file').waitFor()
    await choose(page, filesOf(t, { 'a.bin': 1000, 'b.bin': 2000, 'c.bin': 3000 }))
    const gate = Promise.withResolvers<void>()
    const posts = proxy.posts
    proxy.network.hold = gate.promise
    await send(page)
    await comesTrue(() => proxy.posts > posts)
    // The first file is on its way with the cookie.
    await page.context().clearCookies()
    gate.resolve()
    const dialog = page.locator('dialog')
    await dialog.waitFor()
    assert.deepEqual(await flaws(page), [])
    assert.equal(await focused(page), 'passphrase')
    for (const guess of ['a guess', passphrase]) {
      await dialog.getByLabel('Passphrase').fill(guess)
      await page.keyboard.press('Enter')
      if (guess !== passphrase) await dialog.getByText('it is missing or wrong').waitFor()
    }
    await arrives(page)
    assert.deepEqual([...receiver.stored().keys()].sort(), ['a.bin', 'b.bin', 'c.bin'])
  },
)

async function newPage(browser: Browser, javaScriptEnabled: boolean): Promise<Page> {
  const context = await browser.newContext({ locale: 'en', javaScriptEnabled })
  const page = await context.newPage()
  page.setDefaultTimeout(150_000)
  return page
}

async function upload(t: TestContext, page: Page, receiver: Receiver, name: string): Promise<void> {
  await page.locator('#file').setInputFiles(filesOf(t, { [name]: 1000 }))
  await page.locator('#send').click()
  await arrival(receiver, name)
}

async function arrival(receiver: Receiver, name: string): Promise<void> {
  await comesTrue(() => existsSync(join(receiver.directory, name)))
}
