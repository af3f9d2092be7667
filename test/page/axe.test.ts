// Accessibility: axe-core looks at the pages in every state that a visitor meets, light and dark,
// on a phone, zoomed and right to left, and finds nothing. No state needs scrolling aside, and what
// can be done next is in view. Pictures of the same states go to test-results/, for people's eyes.

import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { after } from 'node:test'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { passphrase } from '../host/closed-form.ts'
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
import { freshDirectory, writeSettings } from '../host/program.ts'

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
  ['zoom-200', { viewport: { width: 640, height: 450 } }, {}],
  ['zoom-400', { viewport: { width: 320, height: 256 } }, {}],
  ['reduced-motion', { viewport: desktop, reducedMotion: 'reduce' }, {}],
]

for (const [look, context, language] of looks) {
  visit(
    `axe-core finds nothing: the queue from empty to done, ${look}`,
    {
      script,
      context,
      env: {
        ...language,
        UPLOAD_CGI_EXTRA_FIELDS: JSON.stringify(fieldsAsked),
        UPLOAD_CGI_ON_CONFLICT: 'reject',
        UPLOAD_CGI_BLOCK_EXTENSIONS: 'exe',
      },
      mayFail: true,
    },
    async ({ t, page, proxy, receiver }) => {
      const taken = join(receiver.directory, 'notes.txt')
      writeFileSync(taken, 'first')
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
      await page.locator('main[data-stage=partly]').waitFor()
      await inspect(page, `${look}-4-partly`)
      rmSync(taken)
      await page.locator('#send').click()
      await page.locator('main[data-stage=done]').waitFor()
      await inspect(page, `${look}-5-done`)
    },
  )
}

for (const colorScheme of ['light', 'dark'] as const) {
  visit(
    `axe-core finds nothing: passphrase, form, all stored, result and error, ${colorScheme}`,
    {
      script,
      context: { colorScheme },
      env: {
        UPLOAD_CGI_MAX_FILE_SIZE: '1KB',
        UPLOAD_CGI_CONFIG: writeSettings(
          freshDirectory({ after }),
          `passphrase = "${passphrase}"\n`,
        ),
      },
      mayFail: true,
    },
    async ({ t, page, proxy }) => {
      await inspect(page, `ask-${colorScheme}`)
      await page.locator('#passphrase').fill(passphrase)
      await page.keyboard.press('Enter')
      await page.locator('#file').waitFor({ state: 'attached' })
      await inspect(page, `plain-form-${colorScheme}`)
      await choose(page, filesOf(t, { 'a.txt': 10, 'b.txt': 20 }))
      await page.context().clearCookies()
      await send(page)
      await page.locator('dialog').waitFor()
      await page.locator('#passphrase').fill('a guess')
      await page.keyboard.press('Enter')
      await page.locator('dialog .problem', { hasText: 'wrong' }).waitFor()
      await inspect(page, `dialog-${colorScheme}`)
      await page.locator('#passphrase').fill(passphrase)
      await page.keyboard.press('Enter')
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
  // In a low window the bar would cover most of the list, so it is at the end of it there.
  const isInView = await page.evaluate(`(() => {
    const bar = document.querySelector('main:not([data-stage=choose]) #bar')
    if (bar === null || !bar.checkVisibility() || innerHeight <= 352) return true
    const { top, bottom } = bar.getBoundingClientRect()
    return top >= 0 && bottom <= innerHeight
  })()`)
  assert.ok(isInView, `${name}: what can be done next is out of view`)
}

const queued = {
  'tool.exe': 20,
  'Summer concert, second half (final cut).mp4': 30e6,
  'notes.txt': 1200,
  'A report with a name that is so long that it needs more than one line on a phone.pdf': 48_000,
  'empty.txt': 0,
}
