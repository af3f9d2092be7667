// In a real Chromium, the form page refuses exactly the names that the built executable refuses:
// with every blocked extension, and with names that are stored under another name than they have.

import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import {
  executedByBrowsers,
  executedByServers,
  inert,
  obeyedByWindows,
} from '../../src/settings/table.ts'
import { until, visit } from '../host/page.ts'

const odd = [
  ...['php.txt', 'web.config', 'user.ini', 'my.web.config.txt', 'x.php.jpg', '.PHP ', 'a.php. .'],
  ...['a. php .jpg', 'a.p\u200bhp', 'a.php\u202e', 'dir\\a.php', 'PHP', '.htaccess', 'HTACCESS. '],
  ...['a.jpg', 'a.phpx', 'php-a.txt', 'web.x.config', 'config', 'a.p\ufffdhp', 'a:php', 'README'],
]

visit(
  'what the page refuses by its name, the program refuses, and nothing else',
  { env: { UPLOAD_CGI_MAX_FILES: '1000' } },
  async ({ page, receiver }) => {
    const blocked = [...executedByServers, ...obeyedByWindows]
    const inNames = blocked.map((entry, i) => (i % 2 === 0 ? `${entry}.txt` : `x.${entry} .JPG`))
    const names = [...odd, ...inNames]
    const refused = await refusedByPage(page, names)
    assert.deepEqual(refused, await refusedByProgram(receiver.url, names))
    assert.equal(refused.length, blocked.length + 14)
  },
)

visit(
  'in a public directory, where only inert kinds are taken',
  { env: { UPLOAD_CGI_MAX_FILES: '1000', UPLOAD_CGI_ALLOW_PUBLIC_DIRECTORY: 'true' } },
  async ({ page, receiver }) => {
    const taken = inert.map((entry, i) => (i % 2 === 0 ? `a.${entry}` : `a.b.${entry} .`))
    const blocked = [...executedByServers, ...obeyedByWindows, ...executedByBrowsers]
    const names = [...taken, ...blocked.map((entry) => `${entry}.jpg`), ...odd, 'x.pdf.en', 'x.~']
    await page.locator('#file').evaluate('(input) => input.removeAttribute("accept")')
    const refused = await refusedByPage(page, names)
    assert.deepEqual(refused, await refusedByProgram(receiver.url, names))
    assert.deepEqual(
      names.filter((name) => !refused.includes(name)),
      [...taken, 'a.jpg', 'php-a.txt'],
    )
  },
)

visit(
  'with a list of allowed extensions too, whatever the file dialog offers',
  {
    env: {
      UPLOAD_CGI_MAX_FILES: '1000',
      UPLOAD_CGI_ALLOW_EXTENSIONS: 'JPG,.tar.gz,php',
    },
  },
  async ({ page, receiver }) => {
    const taken = ['a.jpg', 'a.JPG .', '.a.jpg', 'a.tar.gz', 'a.html.jpg']
    const names = [...taken, 'jpg', '.jpg', 'a.gz', 'a.jpg.png', 'a.jpg.php', 'a.php.jpg', 'README']
    // The lists among the attributes are what counts, not the filter of the file dialog.
    await page.locator('#file').evaluate('(input) => input.removeAttribute("accept")')
    const refused = await refusedByPage(page, names)
    assert.deepEqual(refused, await refusedByProgram(receiver.url, names))
    assert.deepEqual(
      names.filter((name) => !refused.includes(name)),
      taken,
    )
  },
)

visit(
  'an empty list of blocked extensions blocks nothing',
  { env: { UPLOAD_CGI_BLOCK_EXTENSIONS: '', UPLOAD_CGI_MAX_FILES: '1000' } },
  async ({ page, receiver }) => {
    const names = [...odd, ...executedByBrowsers.map((entry) => `x.${entry}`)]
    assert.deepEqual(await refusedByPage(page, names), [])
    assert.deepEqual(await refusedByProgram(receiver.url, odd), [])
  },
)

/** Drops files of these names on the page; the names that it says it will not send. */
async function refusedByPage(page: Page, names: readonly string[]): Promise<string[]> {
  await page.evaluate(`{
    const data = new DataTransfer()
    for (const name of ${JSON.stringify(names)}) data.items.add(new File(['x'], name))
    const options = { dataTransfer: data, bubbles: true, cancelable: true }
    document.body.dispatchEvent(new DragEvent('drop', options))
  }`)
  await until(page, `document.querySelectorAll('#queue li').length === ${names.length}`)
  return page.evaluate(
    `[...document.querySelectorAll('#queue li[data-state=refused] bdi')].map((name) => name.textContent)`,
  )
}

/** Sends a file of each name past the page; the names that the program answers with 415. */
async function refusedByProgram(url: string, names: readonly string[]): Promise<string[]> {
  const refused: string[] = []
  for (let at = 0; at < names.length; at += 4) {
    const some = names.slice(at, at + 4)
    const statuses = await Promise.all(some.map((name) => statusOf(url, name)))
    refused.push(...some.filter((_, i) => statuses[i] === 415))
  }
  return refused
}

async function statusOf(url: string, name: string): Promise<number> {
  const form = new FormData()
  form.append('_filename', encodeURIComponent(name))
  form.append('file', new Blob(['x']), 'file')
  const { status } = await fetch(url, { method: 'POST', body: form })
  assert.ok([201, 415].includes(status), `${status} for ${JSON.stringify(name)}`)
  return status
}
