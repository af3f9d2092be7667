// The form and its sender in Chromium, Firefox and WebKitGTK: files arrive whole, a file that
// changes while it is sent is told and leaves nothing, a broken line resumes. The browsers differ
// most in what they do with a file that is no longer what it was.

import assert from 'node:assert/strict'
import { rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { startableBrowsers, type Tab, untilTrue } from '../host/browsers.ts'
import { incoming } from '../host/form.ts'
import { startHttpProxy } from '../host/http-proxy.ts'
import { comesTrue } from '../host/page.ts'
import { freshDirectory } from '../host/program.ts'
import { startReceiver } from '../host/serve.ts'

const browsers = startableBrowsers()
after(() => Promise.all(browsers.map((browser) => browser.end())))

const bytes = 1_500_000
const settings = { UPLOAD_CGI_CHUNK_SIZE: '300KB' }

/** What becomes of a file on the disk. WebKit looks at the time of its last change, in seconds. */
const changes: Readonly<Record<string, (file: string) => void>> = {
  'is cut short': (file) => truncateSync(file, 700_000),
  grows: (file) => writeFileSync(file, Buffer.alloc(bytes * 2, 'n')),
  'is rewritten': (file) => writeFileSync(file, Buffer.alloc(bytes, 'n')),
  'is removed': (file) => rmSync(file),
}

const smallChanges: Readonly<Record<string, (file: string) => void>> = {
  'is cut short': (file) => writeFileSync(file, 'short'),
  grows: (file) => writeFileSync(file, 'n'.repeat(40)),
  'is removed': (file) => rmSync(file),
}

for (const { name, skip, tab } of browsers) {
  const options = { skip, timeout: 600_000 }

  test(`${name}: files of the form arrive whole, under their names`, options, async (t) => {
    const { page, receiver, open } = await visited(t, await tab())
    await fits(page)
    const files = [
      oldFile(t, 'Größe 大.txt', Buffer.from('small')),
      oldFile(t, 'film.bin', numbered(bytes)),
    ]
    await page.choose('#file', files)
    await sent(page, 'arrived')
    // Not only the first of the two.
    await untilTrue(page, `document.querySelector('[data-stage=done] #done .files bdi')`)
    const stored = receiver.stored()
    assert.deepEqual([...stored.keys()].sort(), ['Größe 大.txt', 'film.bin'])
    assert.ok(stored.get('film.bin')?.equals(numbered(bytes)))
    await fits(page)
    // The same tab loads the page again: the receipt is still there.
    await open()
    await untilTrue(page, `document.querySelector('[data-stage=done] #done .files bdi')`)
    await fits(page)
  })

  test(`${name}: a broken line and a busy server in front are tried again`, options, async (t) => {
    const { page, receiver, proxy } = await visited(t, await tab())
    proxy.network.cut = new Set([2])
    proxy.network.answer = new Map([[4, 429]])
    await page.choose('#file', [oldFile(t, 'film.bin', numbered(bytes))])
    await sent(page, 'arrived')
    assert.ok(receiver.stored().get('film.bin')?.equals(numbered(bytes)))
  })

  test(
    `${name}: a file that changes while it is sent is told, and nothing stays`,
    options,
    async (t) => {
      const { page, receiver, proxy, open } = await visited(t, await tab())
      for (const [what, change] of Object.entries(changes)) {
        await open()
        const file = oldFile(t, `${what}.bin`, Buffer.alloc(bytes, 'o'))
        const first = proxy.posts
        proxy.network.arrived = (nth) => nth === first + 2 && change(file)
        await page.choose('#file', [file])
        await sent(page, 'The file was changed, moved or deleted')
      }
      await proxy.idle()
      // The server is told of what has arrived of a file that is given up.
      await comesTrue(() => incoming(receiver.directory).length === 0)
      assert.equal(receiver.stored().size, 0)
    },
  )

  test(`${name}: a small file that changes before it is sent is told`, options, async (t) => {
    const { page, receiver, open } = await visited(t, await tab())
    for (const [what, change] of Object.entries(smallChanges)) {
      await open()
      const file = oldFile(t, `${what}.txt`, Buffer.alloc(20, 'o'))
      await page.choose('#file', [file])
      await untilTrue(page, `document.querySelector('#queue li[data-state=waiting]')`)
      change(file)
      await sent(page, 'The file was changed, moved or deleted')
    }
    assert.equal(receiver.stored().size, 0)
  })
}

async function visited(t: TestContext, page: Tab) {
  const receiver = await startReceiver(t, settings)
  const proxy = await startHttpProxy(t, receiver.url)
  const open = () => page.open(proxy.url)
  await open()
  return { page, receiver, proxy, open }
}

/** Presses Upload, and waits for what the page says in the end. */
async function sent(page: Tab, told: string): Promise<void> {
  await untilTrue(page, `document.querySelector('#queue li[data-state=waiting]')`)
  await page.evaluate(`document.getElementById('send').click()`)
  await untilTrue(page, `document.body.innerText.includes(${JSON.stringify(told)})`)
}

/** Nothing is wider than the window. */
async function fits(page: Tab): Promise<void> {
  const wide = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
  assert.ok(Number(wide) <= 0, `${wide} pixels wider than the window`)
}

/** A file that was last changed long ago. */
function oldFile(t: TestContext, name: string, content: Buffer): string {
  const file = join(freshDirectory(t), basename(name))
  writeFileSync(file, content)
  utimesSync(file, 1_000_000_000, 1_000_000_000)
  return file
}

/** No block is like another, so that a piece in the wrong place shows. */
function numbered(length: number): Buffer {
  const lines = Array.from({ length: length / 10 }, (_, at) => `${at}`.padStart(9, '0'))
  return Buffer.from(`${lines.join('\n')}\n`)
}
