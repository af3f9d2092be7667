// What a reload leaves at every stage: the browser asks before something would be lost, what has
// arrived is told, and what has not can be resumed. Two tabs of one form have two submissions.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { arrives, becomes, choose, filesOf, focused, send, until, visit } from '../host/page.ts'

const mayFail = true
const oneByOne = { UPLOAD_CGI_PARALLEL_UPLOADS: '1', UPLOAD_CGI_CHUNK_SIZE: '300KB' }

visit(
  'a reload in the middle of sending: what has arrived is told, the rest can be resumed',
  { env: oneByOne, network: { bytesPerSecond: 1e6 }, mayFail },
  async ({ t, page, proxy, receiver }) => {
    const files = filesOf(t, { 'a.txt': 10, 'film.bin': 3_000_000 })
    await choose(page, files)
    await send(page)
    await until(page, `/received/.test(document.querySelectorAll('#queue .note')[1].textContent)`)
    // It does not end before the reload.
    proxy.network.bytesPerSecond = 50_000
    await leave(page)
    await page.getByRole('heading', { name: '1 of 2 files have arrived' }).waitFor()
    assert.deepEqual(await page.locator('#done .files bdi').allTextContents(), ['a.txt'])
    await page.getByText(/film\.bin was sent to \d+\s?%\. Choose it again to resume\./).waitFor()
    await page.getByRole('link', { name: 'Send more files' }).click()
    assert.equal(await focused(page), 'heading')
    await choose(page, files.slice(1))
    assert.equal(await page.locator('#unfinished p').count(), 0)
    proxy.network.bytesPerSecond = 0
    await send(page)
    await arrives(page)
    // One submission, whose receipt has both.
    await until(page, `document.querySelectorAll('#done .files li').length === 2`)
    assert.equal(receiver.stored().size, 2)
  },
)

visit(
  'a reload when some files have failed: the browser asks, and what has arrived is told',
  { env: { ...oneByOne, UPLOAD_CGI_ON_CONFLICT: 'reject' }, mayFail },
  async ({ t, page, receiver }) => {
    writeFileSync(join(receiver.directory, 'taken.txt'), 'first')
    await choose(page, filesOf(t, { 'a.txt': 10, 'taken.txt': 10 }))
    await send(page)
    await becomes(page, 'taken.txt', 'failed')
    await page.locator('main[data-stage=partly]').waitFor()
    await leave(page)
    await page.getByRole('heading', { name: '1 of 2 files have arrived' }).waitFor()
    assert.deepEqual(await page.locator('#done .files bdi').allTextContents(), ['a.txt'])
    const receipt = await page.locator('#done .receipt').textContent()
    assert.match(receipt ?? '', /^Receipt number[\dA-Z-]{12}Received/)
    // What was not sent is not asked for again.
    await page.reload()
    await page.getByRole('heading', { name: '1 of 2 files have arrived' }).waitFor()
    await page.getByRole('link', { name: 'Send more files' }).click()
    await page.reload()
    await page.getByRole('heading', { name: 'Upload files' }).waitFor()
  },
)

visit(
  'a reload before anything is sent: the browser asks, and the page begins anew',
  {},
  async ({ t, page, proxy }) => {
    await choose(page, filesOf(t, { 'a.txt': 10 }))
    await page.locator('h1').first().click()
    await leave(page)
    await page.getByRole('heading', { name: 'Upload files' }).waitFor()
    assert.equal(await page.locator('#queue li').count(), 0)
    assert.equal(proxy.posts, 0)
  },
)

visit(
  'two tabs of one form have two submissions and two receipts, whatever they send at once',
  { env: oneByOne },
  async ({ t, page, proxy, receiver }) => {
    const other = await page.context().newPage()
    await other.goto(proxy.url)
    const files = filesOf(t, { 'a.txt': 10, 'b.txt': 10, 'both.bin': 700_000 })
    const [a = '', b = '', both = ''] = files
    const gate = Promise.withResolvers<void>()
    proxy.network.hold = gate.promise
    const numbers = new Set()
    for (const [tab, file] of [
      [page, a],
      [other, b],
    ] as const) {
      await choose(tab, [file, both])
      await send(tab)
      await until(tab, `document.querySelector('#queue [data-state=storing]')`)
    }
    gate.resolve()
    for (const [tab, name] of [
      [page, 'a.txt'],
      [other, 'b.txt'],
    ] as const) {
      await arrives(tab)
      // The server's receipt is there.
      await until(tab, `sessionStorage.getItem('upload.cgi submission') === null`)
      for (const reload of [false, true]) {
        if (reload) await tab.reload()
        await tab.getByRole('heading', { name: 'All 2 files have arrived' }).waitFor()
        const shown = await tab.locator('#done .files bdi').allTextContents()
        assert.match(shown.join(' '), new RegExp(`^${name} both(-2)?\\.bin$`))
        numbers.add(await tab.locator('#done dd').first().textContent())
      }
    }
    assert.equal(numbers.size, 2)
    const stored = [...receiver.stored().keys()].sort()
    assert.deepEqual(stored, ['a.txt', 'b.txt', 'both-2.bin', 'both.bin'])
    const left = await page.evaluate('Object.keys(localStorage)')
    assert.deepEqual(left, [], 'nothing is left to resume')
  },
)

/** Loads the page again, and leaves when the browser asks, as it must. */
async function leave(page: Page): Promise<void> {
  const asked = page.waitForEvent('dialog')
  const loaded = page.waitForEvent('load')
  page.evaluate('location.reload()').catch(() => {})
  const dialog = await asked
  assert.equal(dialog.type(), 'beforeunload')
  await Promise.all([loaded, dialog.accept()])
}
