// How the pages look and read, in a real Chromium: axe-core finds nothing in any state, and a picture of each is
// kept in test-results/ to be looked at: light, dark, phone, right-to-left, forced colours, 400 % zoom.

import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { axe, becomes, choose, filesOf, flaws, send, visit } from './page-host.ts'

const results = resolve(import.meta.dirname, '../test-results')
mkdirSync(results, { recursive: true })

const extraFields = JSON.stringify([
  { name: 'sender', label: 'Your e-mail', type: 'email', required: true },
  { name: 'team', label: 'Team', type: 'select', options: ['red', 'blue'] },
  { name: 'agreed', label: 'I agree', type: 'checkbox' },
])

const looks: Readonly<Record<string, BrowserContextOptions>> = {
  light: {},
  dark: { colorScheme: 'dark' },
  phone: { viewport: { width: 320, height: 700 }, hasTouch: true },
  'right-to-left': { locale: 'ar', viewport: { width: 320, height: 700 } },
  'forced-colours': { forcedColors: 'active' },
  // 1280 px at 400 % are 320, and 1024 are 256.
  zoomed: { viewport: { width: 320, height: 256 } },
}

for (const [name, context] of Object.entries(looks)) {
  const env = {
    UPLOAD_CGI_EXTRA_FIELDS: extraFields,
    UPLOAD_CGI_MESSAGE: 'Photos of the summer party, please.',
    UPLOAD_CGI_ACCENT_COLOR: name === 'light' ? '' : '#0b6e4f',
  }
  const options = { env, context, script: axe, mayFail: true, line: { cut: new Set([2]) } }
  visit(`${name}: nothing to complain of in the form and in the queue`, options, async (v) => {
    const { t, page, proxy } = v
    await look(page, name, 'form')
    const files = {
      'photo of the lake.jpg': 2e6,
      'a name that is so long that it must be broken.pdf': 3e5,
    }
    await choose(page, filesOf(t, { ...files, 'empty.txt': 0, 'shell.php': 10 }))
    await look(page, name, 'waiting')
    const gate = Promise.withResolvers<void>()
    proxy.line.hold = gate.promise
    await page.locator('#field-sender').fill('ann@example.org')
    await page.locator('#send').click()
    await becomes(page, 'photo of the lake.jpg', 'storing')
    await look(page, name, 'sending')
    gate.resolve()
    await page.locator('li[data-state=stored]').nth(1).waitFor()
    await look(page, name, 'done')
  })
}

visit(
  'receipt and error page: nothing to complain of',
  { script: axe, mayFail: true, env: { UPLOAD_CGI_PUBLIC_URL: '/files/' } },
  async ({ t, page }) => {
    // As a form without the script sends it.
    const plain = `document.body.innerHTML =
      '<form method="post" enctype="multipart/form-data"><input type="file" name="file" id="file"><button>Upload</button></form>'`
    await page.evaluate(plain)
    await choose(page, filesOf(t, { 'a.txt': 10 }))
    await send(page)
    await page.getByRole('heading', { name: 'The upload is stored' }).waitFor()
    await look(page, 'light', 'receipt')
    await page.getByRole('link', { name: 'Upload more files' }).click()
    await page.evaluate(plain)
    await send(page)
    await page.getByRole('heading', { name: 'No file was chosen.' }).waitFor()
    await look(page, 'light', 'error')
  },
)

async function look(page: Page, name: string, state: string): Promise<void> {
  await page.screenshot({ path: join(results, `${name}-${state}.png`), fullPage: true })
  assert.deepEqual(await flaws(page), [], `${name}, ${state}`)
  const isWider = await page.evaluate('document.documentElement.scrollWidth > innerWidth')
  assert.equal(isWider, false, `${name}, ${state}: nothing is cut off at the side`)
}
