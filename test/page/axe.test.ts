// Accessibility: axe-core looks at the pages in every state that a visitor meets, light and dark,
// on a phone and right to left, and finds nothing. Pictures of the same states go to test-results/,
// for people's eyes.

import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import type { BrowserContextOptions, Page } from 'playwright-core'
import {
  arrives,
  axe,
  becomes,
  choose,
  fieldsAsked,
  filesOf,
  flaws,
  send,
  until,
  visit,
} from '../host/page.ts'

const results = resolve(import.meta.dirname, '../../test-results')
const script = axe
const desktop = { width: 1280, height: 900 }
const rightToLeft = { UPLOAD_CGI_LANGUAGE: 'ar' }

const looks: readonly [string, BrowserContextOptions, Record<string, string>][] = [
  ['desktop-light', { viewport: desktop, colorScheme: 'light' }, {}],
  ['desktop-dark', { viewport: desktop, colorScheme: 'dark' }, {}],
  ['phone', { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true }, {}],
  ['right-to-left', { viewport: desktop }, rightToLeft],
  ['forced-colours', { viewport: desktop, forcedColors: 'active' }, {}],
  ['zoom-400', { viewport: { width: 320, height: 256 } }, {}],
  ['reduced-motion', { viewport: desktop, reducedMotion: 'reduce' }, {}],
]

for (const [look, context, language] of looks) {
  visit(
    `axe-core finds nothing: the queue from empty to done, ${look}`,
    {
      script,
      context,
      env: { ...language, UPLOAD_CGI_EXTRA_FIELDS: JSON.stringify(fieldsAsked) },
      network: { answer: new Map([[2, 413]]) },
      mayFail: true,
    },
    async ({ t, page, proxy }) => {
      const gate = Promise.withResolvers<void>()
      proxy.network.hold = gate.promise
      await inspect(page, `${look}-1-empty`)
      await choose(page, filesOf(t, queued))
      await becomes(page, 'notes.txt', 'waiting')
      await page.locator('#field-who').fill('Zoë')
      await page.locator('#field-what').selectOption('Print')
      await page.locator('#field-agreed').check()
      await inspect(page, `${look}-2-waiting`)
      proxy.network.bytesPerSecond = 3e6
      await page.locator('#send').click()
      await until(page, `document.querySelector('[data-state=sending] progress')?.value > 0.1`)
      await inspect(page, `${look}-3-sending`)
      proxy.network.bytesPerSecond = 0
      gate.resolve()
      await until(page, `document.querySelector('main:is([data-stage=done], [data-stage=partly])')`)
      await inspect(page, `${look}-4-done`)
    },
  )
}

for (const colorScheme of ['light', 'dark'] as const) {
  visit(
    `axe-core finds nothing: form, all stored, result and error, ${colorScheme}`,
    {
      script,
      context: { colorScheme },
      env: { UPLOAD_CGI_MAX_FILE_SIZE: '1KB' },
      mayFail: true,
    },
    async ({ t, page, proxy }) => {
      await inspect(page, `plain-form-${colorScheme}`)
      await choose(page, filesOf(t, { 'a.txt': 10, 'b.txt': 20 }))
      await send(page)
      await arrives(page)
      await inspect(page, `plain-stored-${colorScheme}`)
      for (const [name, size] of [
        ['result', 10],
        ['error', 2000],
      ] as const) {
        await page.goto(proxy.url)
        await choose(page, [])
        await page.evaluate(`{
        const data = new DataTransfer()
        data.items.add(new File(['x'.repeat(${size})], 'a:b.txt'))
        document.getElementById('file').files = data.files
      }`)
        // As where scripts do not run: submit() asks no listener.
        await Promise.all([
          page.waitForResponse((response) => response.request().method() === 'POST'),
          page.evaluate('document.forms[0].submit()'),
        ])
        await page.locator('h1').waitFor()
        await until(page, `!document.forms[0]`)
        await inspect(page, `${name}-${colorScheme}`)
      }
    },
  )
}

async function inspect(page: Page, name: string): Promise<void> {
  mkdirSync(results, { recursive: true })
  await page.screenshot({ path: resolve(results, `${name}.png`), fullPage: true })
  assert.deepEqual(await flaws(page), [], name)
  const wide = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
  assert.ok(Number(wide) <= 0, `${name} is ${wide} pixels wider than the window`)
}

const queued = {
  'Summer concert, second half (final cut).mp4': 30e6,
  'notes.txt': 1200,
  'A report with a name that is so long that it needs more than one line on a phone.pdf': 48_000,
  'empty.txt': 0,
}
