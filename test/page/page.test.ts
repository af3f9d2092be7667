// The form page where scripts run, in a real Chromium: how files come into the queue, what is sent,
// what is shown meanwhile, what is said of files that cannot be sent. failures.test.ts has
// failures.

import assert from 'node:assert/strict'
import { basename, dirname } from 'node:path'
import type { Page } from 'playwright-core'
import {
  arrives,
  becomes,
  bytesOf,
  choose,
  filesOf,
  focused,
  line,
  milestones,
  send,
  until,
  visible,
  visit,
} from '../host/page.ts'

visit('files are chosen, dropped and pasted; nothing is sent before Upload', {}, async (v) => {
  const { t, page, receiver, proxy } = v
  assert.equal(await page.locator('#queue').isVisible(), false)
  await choose(page, filesOf(t, { 'chosen.txt': 100 }))
  await give(page, 'drop', { 'dropped.txt': 200, 'also dropped.txt': 300 })
  await give(page, 'paste', { 'pasted.txt': 400 })
  for (const name of ['chosen.txt', 'also dropped.txt', 'pasted.txt'])
    await becomes(page, name, 'waiting')
  assert.equal(proxy.posts, 0)
  await send(page)
  await arrives(page)
  const sizes = [...receiver.stored()].map(([name, bytes]) => [name, bytes.length]).sort()
  assert.deepEqual(sizes, [
    ['also dropped.txt', 300],
    ['chosen.txt', 100],
    ['dropped.txt', 200],
    ['pasted.txt', 400],
  ])
  assert.equal(proxy.posts, 4)
})

visit('a folder is chosen with all that is in it', {}, async ({ t, page, receiver }) => {
  const [first = ''] = filesOf(t, { 'trip/one.txt': 10, 'trip/sub/two.txt': 20 })
  await page.locator('input[webkitdirectory]').setInputFiles(dirname(first))
  await becomes(page, 'trip/one.txt', 'waiting')
  await becomes(page, 'trip/sub/two.txt', 'waiting')
  await send(page)
  await arrives(page)
  assert.deepEqual([...receiver.stored().keys()].sort(), ['trip/one.txt', 'trip/sub/two.txt'])
})

visit('a folder is dropped with all that is in it', {}, async ({ t, page }) => {
  const [first = ''] = filesOf(t, { 'trip/one.txt': 10, 'trip/sub/two.txt': 20 })
  const devtools = await page.context().newCDPSession(page)
  const data = { items: [], files: [dirname(first)], dragOperationsMask: 1 }
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await devtools.send('Input.dispatchDragEvent', { type, x: 100, y: 300, data })
  await becomes(page, 'trip/one.txt', 'waiting')
  await becomes(page, 'trip/sub/two.txt', 'waiting')
  assert.equal(await page.locator('body.dragging').count(), 0)
})

visit(
  'what cannot be sent is said at its file, before sending',
  {
    env: {
      UPLOAD_CGI_MAX_FILE_SIZE: '1KB',
      UPLOAD_CGI_ALLOW_EXTENSIONS: 'txt',
      // A form takes the names of its controls for properties of its own.
      UPLOAD_CGI_EXTRA_FIELDS: JSON.stringify(
        ['dataset', 'addEventListener', 'action', 'submit'].map((name) => ({
          name,
          label: name,
        })),
      ),
    },
  },
  async ({ t, page, receiver, proxy }) => {
    const good = Object.fromEntries(Array.from({ length: 7 }, (_, i) => [`good ${i}.txt`, 1000]))
    await choose(page, filesOf(t, { ...good, 'large.txt': 1001, 'kind.pdf': 5, 'empty.txt': 0 }))
    assert.match((await line(page, 'large.txt').textContent()) ?? '', /Too large: at most 1\skB/)
    assert.match((await line(page, 'kind.pdf').textContent()) ?? '', /kind of file is not accepted/)
    assert.match((await line(page, 'empty.txt').textContent()) ?? '', /The file is empty/)
    await page.getByRole('alert').filter({ hasText: 'Files that cannot be sent: 3' }).waitFor()
    await page.getByRole('button', { name: 'Remove kind.pdf' }).click()
    assert.equal(await line(page, 'kind.pdf').count(), 0)
    await send(page)
    await arrives(page)
    assert.equal(receiver.stored().size, 7)
    assert.equal(proxy.posts, 7)
    await page.getByRole('link', { name: 'Send more files' }).click()
    assert.equal(await page.locator('#queue li').count(), 0)
  },
)

visit(
  'more files than the limit are refused, not sent',
  {
    env: { UPLOAD_CGI_MAX_FILES: '2' },
  },
  async ({ t, page }) => {
    await choose(page, filesOf(t, { 'a.txt': 1, 'b.txt': 1, 'c.txt': 1 }))
    await becomes(page, 'c.txt', 'refused')
    assert.match((await line(page, 'c.txt').textContent()) ?? '', /at most 2 at once/)
  },
)

for (const [parallel, most] of [
  ['', 2],
  ['1', 1],
  ['4', 4],
] as const) {
  visit(
    `at most ${most} at a time, parallel_uploads ${parallel || 'not set'}`,
    {
      env: parallel === '' ? {} : { UPLOAD_CGI_PARALLEL_UPLOADS: parallel },
    },
    async ({ t, page, proxy, receiver }) => {
      const gate = Promise.withResolvers<void>()
      proxy.network.hold = gate.promise
      const names = Array.from({ length: 6 }, (_, i) => `${i}.txt`)
      await choose(page, filesOf(t, Object.fromEntries(names.map((name) => [name, 5000]))))
      await send(page)
      await page
        .locator('li[data-state=storing]')
        .nth(most - 1)
        .waitFor()
      assert.equal(await page.locator('li[data-state=waiting]').count(), names.length - most)
      gate.resolve()
      await arrives(page)
      assert.equal(proxy.mostActive, most)
      for (const name of names) assert.ok(receiver.stored().get(name)?.equals(bytesOf(name, 5000)))
    },
  )
}

visit(
  'progress moves, then the file is being stored, then it is stored under its name',
  {
    network: { bytesPerSecond: 15e6 },
    env: { UPLOAD_CGI_CHUNK_SIZE: '50MB' },
    script: `
      window.moved = {}
      addEventListener('DOMContentLoaded', () => new MutationObserver((records) => {
        for (const { target } of records) (moved[target.ariaLabel] ??= []).push(target.value)
      }).observe(document, { subtree: true, attributeFilter: ['value'] }))
    `,
  },
  async ({ t, page, proxy }) => {
    const gate = Promise.withResolvers<void>()
    proxy.network.hold = gate.promise
    await choose(page, filesOf(t, { 'film.bin': 30e6 }))
    await send(page)
    await becomes(page, 'film.bin', 'storing')
    const moved = await page.evaluate<Record<string, number[]>>('moved')
    for (const which of ['film.bin', 'Total']) {
      const values = new Set(moved[which]?.filter((at) => at > 0 && at < 1))
      assert.ok(values.size >= 4, `values of progress: ${[...values]}`)
      assert.deepEqual(
        [...values],
        [...values].sort((a, b) => a - b),
      )
    }
    assert.match((await line(page, 'film.bin').textContent()) ?? '', /Storing/)
    gate.resolve()
    await becomes(page, 'film.bin', 'stored')
    assert.match((await line(page, 'film.bin').textContent()) ?? '', /Received/)
    const heard = await milestones(page)
    t.diagnostic(`said: ${heard.join(' | ')}`)
    assert.ok(heard.length <= 7, heard.join(' | '))
    assert.ok(heard.includes('Upload started') && heard.at(-1) === 'Received: film.bin')
  },
)

visit(
  'a cancelled file leaves nothing; the others go on',
  {
    // A cancel that comes before the server has anything is told 404.
    mayFail: true,
    network: { bytesPerSecond: 1e6 },
  },
  async ({ t, page, receiver, proxy }) => {
    await choose(page, filesOf(t, { 'wrong.bin': 60e6, 'right.txt': 10 }))
    await send(page)
    await becomes(page, 'right.txt', 'stored')
    await page.getByRole('button', { name: 'Cancel wrong.bin' }).click()
    await becomes(page, 'wrong.bin', 'cancelled')
    await proxy.idle()
    assert.deepEqual(visible(receiver), ['right.txt'])
    assert.equal(await focused(page), 'H1')
  },
)

visit(
  'Cancel all stops everything and can be gone on from',
  {
    // A cancel that comes before the server has anything is told 404.
    mayFail: true,
    network: { bytesPerSecond: 1e6 },
  },
  async ({ t, page, receiver, proxy }) => {
    await choose(page, filesOf(t, { 'a.bin': 40e6, 'b.bin': 40e6, 'c.bin': 10 }))
    await send(page)
    await page.getByRole('button', { name: 'Cancel all' }).click()
    await becomes(page, 'a.bin', 'cancelled')
    assert.equal(await page.locator('#queue li:not([data-state=cancelled])').count(), 0)
    await page.getByRole('heading', { name: 'Cancelled' }).waitFor()
    await proxy.idle()
    assert.deepEqual(visible(receiver), [])
    proxy.network.bytesPerSecond = 0
    await page.getByRole('button', { name: 'Try c.bin again' }).click()
    await becomes(page, 'c.bin', 'stored')
  },
)

visit('leaving is held back while something is not sent, and not after', {}, async (v) => {
  const { t, page, proxy } = v
  const asked: string[] = []
  page.on('dialog', (dialog) => {
    asked.push(dialog.type())
    dialog.dismiss()
  })
  const leave = () => page.evaluate('location.reload()').catch(() => {})
  await Promise.all([page.waitForEvent('load'), leave()])
  assert.deepEqual(asked, [])
  await choose(page, filesOf(t, { 'before.txt': 5 }))
  await Promise.all([page.waitForEvent('dialog'), leave()])
  assert.deepEqual(asked, ['beforeunload'])
  await page.getByRole('button', { name: 'Remove before.txt' }).click()
  const gate = Promise.withResolvers<void>()
  proxy.network.hold = gate.promise
  await choose(page, filesOf(t, { 'during.txt': 5 }))
  await send(page)
  await becomes(page, 'during.txt', 'storing')
  await Promise.all([page.waitForEvent('dialog'), leave()])
  assert.deepEqual(asked, ['beforeunload', 'beforeunload'])
  gate.resolve()
  await arrives(page)
  await Promise.all([page.waitForEvent('load'), leave()])
  assert.deepEqual(asked, ['beforeunload', 'beforeunload'])
  await page.getByRole('heading', { name: 'The file has arrived' }).waitFor()
})

visit('a picture is shown small before it is sent', {}, async ({ t, page }) => {
  await choose(page, filesOf(t, { 'text.txt': 5 }))
  await page.evaluate(`(async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 8, height: 8 })
    const picture = await new Promise((resolve) => canvas.toBlob(resolve))
    const data = new DataTransfer()
    data.items.add(new File(['no picture'], 'broken.png', { type: 'image/png' }))
    data.items.add(new File(['text'], 'README'))
    data.items.add(new File([picture], 'picture.png', { type: 'image/png' }))
    dispatchEvent(new DragEvent('drop', { dataTransfer: data, cancelable: true }))
  })()`)
  await line(page, 'picture.png').locator('canvas').waitFor()
  await until(page, `document.querySelector('#queue canvas').width === 88`)
  assert.equal(await line(page, 'text.txt').locator('canvas').count(), 0)
  // What the browser cannot show has its extension, and a name without one has an empty box.
  const boxes = `[...document.querySelectorAll('#queue .preview')].map((box) =>
    [box.textContent, box.childElementCount, box.offsetWidth, box.offsetHeight].join(' '))`
  assert.deepEqual(await page.evaluate(boxes), [
    'txt 0 44 44',
    'png 0 44 44',
    ' 0 44 44',
    ' 1 44 44',
  ])
})

visit(
  'a file that is chosen twice is told and sent once; one of the same name alone is sent, too',
  {},
  async ({ t, page, receiver, proxy }) => {
    const [file = ''] = filesOf(t, { 'a.txt': 10 })
    await choose(page, file)
    await becomes(page, 'a.txt', 'waiting')
    await choose(page, file)
    await becomes(page, 'a.txt', 'refused')
    const twice = line(page, 'a.txt', 'refused')
    assert.match((await twice.textContent()) ?? '', /This file is in the list already/)
    assert.match((await page.locator('#chosen').textContent()) ?? '', /^1 file · 10 bytes$/)
    await choose(page, filesOf(t, { 'a.txt': 20 }))
    const chosen = async () => (await page.locator('#chosen').textContent()) ?? ''
    assert.match(await chosen(), /^2 files · 30 bytes$/)
    await page.getByRole('button', { name: 'Remove a.txt' }).last().click()
    assert.match(await chosen(), /^1 file · /)
    await choose(page, filesOf(t, { 'b.txt': 5 }))
    await send(page)
    await arrives(page)
    assert.equal(receiver.stored().size, 2)
    assert.equal(proxy.posts, 2)
  },
)

/** By an event made in the page: its files exist nowhere else. */
async function give(page: Page, how: 'drop' | 'paste', sizes: Record<string, number>) {
  await page.evaluate(`{
    const data = new DataTransfer()
    for (const [name, size] of Object.entries(${JSON.stringify(sizes)}))
      data.items.add(new File(['x'.repeat(size)], name, { type: 'text/plain' }))
    const event = ${how === 'drop'}
      ? new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true })
      : new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })
    document.body.dispatchEvent(event)
  }`)
  for (const name of Object.keys(sizes)) await becomes(page, basename(name), 'waiting')
}
