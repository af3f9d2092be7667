// The page by keyboard alone, from the first Tab to the end: the focus is never lost, and whatever
// a key can reach shows that it has the focus and is not covered.

import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after } from 'node:test'
import type { FileChooser, Page } from 'playwright-core'
import { passphrase } from '../host/closed-form.ts'
import { arrives, becomes, filesOf, focused, until, visit } from '../host/page.ts'
import { freshDirectory, writeSettings } from '../host/program.ts'

const low = { viewport: { width: 640, height: 450 } }

visit('by keyboard from the choice to the end, and once more', { context: low }, async (v) => {
  const { t, page, receiver } = v
  await tab(page, 'file')
  await pick(page, filesOf(t, { 'a.txt': 10, 'b.txt': 10, 'c.txt': 10 }))
  await tab(page, 'Remove a.txt')
  await press(page, 'Space')
  assert.equal(await focused(page), 'Remove b.txt')
  await tab(page, 'Remove c.txt')
  await press(page, 'Enter')
  assert.equal(await focused(page), 'Remove b.txt')
  await tab(page, 'Upload 1 file')
  await press(page, 'Enter')
  await arrives(page)
  assert.deepEqual([...receiver.stored().keys()], ['b.txt'])
  assert.equal(await focused(page), 'H1', 'focus after the last file is stored')
  await tab(page, 'SUMMARY')
  await press(page, 'Enter')
  assert.equal(await page.locator('#done .sum').isVisible(), true)
  await tab(page, 'Send more files')
  await press(page, 'Enter')
  assert.equal(await focused(page), 'heading')
  await tab(page, 'file')
})

visit(
  'by keyboard through a pause and a failure to the end',
  { context: low, env: { UPLOAD_CGI_ON_CONFLICT: 'reject' }, mayFail: true },
  async ({ t, page, proxy, receiver }) => {
    const taken = join(receiver.directory, 'taken.txt')
    writeFileSync(taken, 'first')
    const gate = Promise.withResolvers<void>()
    proxy.network.hold = gate.promise
    await tab(page, 'file')
    await pick(page, filesOf(t, { 'a.txt': 10, 'taken.txt': 10 }))
    await tab(page, 'Upload 2 files')
    await press(page, 'Enter')
    assert.equal(await focused(page), 'Total')
    await becomes(page, 'a.txt', 'storing')
    await tab(page, 'Pause')
    await press(page, 'Enter')
    assert.equal(await focused(page), 'Resume')
    await press(page, 'Enter')
    assert.equal(await focused(page), 'Pause')
    gate.resolve()
    await page.locator('main[data-stage=partly]').waitFor()
    assert.equal(await focused(page), 'heading')
    await tab(page, 'Try taken.txt again')
    await tab(page, 'Try again')
    rmSync(taken)
    await press(page, 'Space')
    await arrives(page)
    assert.equal(await focused(page), 'H1')
  },
)

visit(
  'by keyboard through the passphrase, which is asked for again in the middle',
  {
    context: low,
    env: {
      UPLOAD_CGI_CONFIG: writeSettings(freshDirectory({ after }), `passphrase = "${passphrase}"\n`),
    },
    mayFail: true,
  },
  async ({ t, page }) => {
    assert.equal(await focused(page), 'passphrase')
    await page.keyboard.insertText(passphrase)
    await page.keyboard.press('Enter')
    await page.locator('main[data-stage=choose]').waitFor()
    await page.context().clearCookies()
    await tab(page, 'file')
    await pick(page, filesOf(t, { 'a.txt': 10 }))
    await tab(page, 'Upload 1 file')
    const dialog = page.getByRole('dialog', { name: 'Only those who know the passphrase' })
    const asked = async (key: string) => {
      await page.keyboard.press(key)
      await dialog.waitFor()
      await seen(page)
      assert.equal(await focused(page), 'passphrase')
    }
    await asked('Enter')
    for (const name of ['Continue', 'Cancel']) await tab(page, name)
    await page.keyboard.press('Enter')
    await page.locator('main[data-stage=partly]').waitFor()
    assert.equal(await focused(page), 'heading')
    await tab(page, 'Try again$')
    await asked('Enter')
    await page.keyboard.insertText('a guess')
    await press(page, 'Enter')
    await dialog.getByText('it is missing or wrong').waitFor()
    assert.equal(await focused(page), 'passphrase')
    await press(page, 'Control+A')
    await page.keyboard.insertText(passphrase)
    await page.keyboard.press('Enter')
    await arrives(page)
    assert.equal(await focused(page), 'H1')
  },
)

visit(
  'by keyboard without scripts: a refusal, the way back, and the receipt',
  { context: { ...low, javaScriptEnabled: false }, mayFail: true },
  async ({ t, page, receiver }) => {
    const [refused = '', taken = ''] = filesOf(t, { 'a.php': 10, 'a.txt': 10 })
    await tab(page, 'file')
    await pick(page, [refused])
    await tab(page, 'Upload')
    await page.keyboard.press('Enter')
    await page.locator('main[data-stage=error]').waitFor()
    await tab(page, 'Back to the form')
    await page.keyboard.press('Enter')
    await page.locator('#file').waitFor()
    await tab(page, 'file')
    await pick(page, [taken])
    await tab(page, 'Upload')
    await page.keyboard.press('Enter')
    await page.locator('main[data-stage=done]').waitFor()
    await tab(page, 'SUMMARY')
    await tab(page, 'Send more files')
    await page.keyboard.press('Enter')
    await page.locator('#file').waitFor()
    assert.deepEqual([...receiver.stored().keys()], ['a.txt'])
  },
)

/** Presses Tab until that has the focus: a name as focused() has it. */
async function tab(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 20; presses++) {
    await press(page, 'Tab')
    if (new RegExp(name).test(await focused(page))) return
  }
  assert.fail(`Tab never comes to ${name}`)
}

/**
 * Chooses files by the key that opens the dialog of the system. Chromium is told that nobody sees
 * that dialog when somebody first waits for it: the key must not be faster.
 */
async function pick(page: Page, files: readonly string[]): Promise<void> {
  const opened = new Promise<FileChooser>((resolve) => page.once('filechooser', resolve))
  await page.evaluate('1')
  await press(page, 'Space')
  await (await opened).setFiles([...files])
}

async function press(page: Page, key: string): Promise<void> {
  await page.keyboard.press(key)
  await seen(page)
}

/** Something has the focus. If keys can reach it, it shows so, is in view and is not covered. */
async function seen(page: Page): Promise<void> {
  await until(page, `document.activeElement !== document.body`)
  const flaw = await page.evaluate(`(() => {
    const at = document.activeElement
    if (at.tabIndex < 0) return ''
    const isHidden = at.id === 'file' && document.querySelector('main[data-stage]')
    const shown = isHidden ? document.getElementById('label') : at
    const { outlineStyle, outlineWidth } = getComputedStyle(shown)
    if (outlineStyle === 'none' || parseFloat(outlineWidth) < 2) return 'no outline'
    const { left, top, width, height } = shown.getBoundingClientRect()
    const above = document.elementFromPoint(left + width / 2, top + height / 2)
    return above && (shown.contains(above) || above.contains(shown)) ? '' : 'covered'
  })()`)
  assert.equal(flaw, '', await focused(page))
}
