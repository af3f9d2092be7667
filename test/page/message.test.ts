// Where the owner lets files be optional: answers alone, sent by the page's script, end in the same
// receipt as files do.

import assert from 'node:assert/strict'
import { arrives, choose, filesOf, focused, send, until, visit } from '../host/page.ts'

const env = {
  UPLOAD_CGI_FILES: 'optional',
  UPLOAD_CGI_EXTRA_FIELDS: JSON.stringify([
    { name: 'text', label: 'Your message', type: 'textarea' },
  ]),
}

visit(
  'a message without a file ends in its receipt, which a reload keeps; files can follow',
  { env, network: { answer: new Map([[2, 503]]) }, mayFail: true },
  async ({ t, page, proxy, receiver }) => {
    await send(page)
    await page.locator('#problem', { hasText: 'No file was chosen.' }).waitFor()
    await page.getByLabel('Your message').fill('Please call me.')
    // Whoever leaves now is asked, since the text would be lost.
    const asked = page.waitForEvent('dialog')
    page.evaluate('location.reload()').catch(() => {})
    await (await asked).dismiss()
    await send(page)
    await page
      .locator('main[data-stage=done] h1', { hasText: 'Your message has arrived' })
      .waitFor()
    assert.equal(await focused(page), 'H1')
    assert.equal(await page.locator('#problem').textContent(), '')
    for (const body of proxy.bodies.slice(0, -1)) assert.match(body, /name="_website"\r\n\r\n\r\n/)
    await until(page, `/name="_close"/.test(document.title) || ${proxy.posts} >= 3`)
    const facts = page.locator('#done .receipt')
    await facts.getByText(/^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{2}$/).waitFor()
    await facts.getByText('Please call me.').waitFor()
    page.on('dialog', () => assert.fail('nothing would be lost'))
    await page.reload()
    await facts.getByText('Please call me.').waitFor()
    await page.locator('#done a').click()
    await choose(page, filesOf(t, { 'a.txt': 10 }))
    await send(page)
    await arrives(page)
    assert.equal(receiver.stored().size, 1)
  },
)
