// Folders on the form page: where a file was is in its receipt, what cannot be read is told, and
// what is left out is counted.

import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import { arrives, becomes, choose, comesTrue, filesOf, line, send, visit } from '../host/page.ts'

visit('the receipt of a file in a folder has its path', {}, async ({ t, page, receiver }) => {
  const [first = ''] = filesOf(t, { 'trip/2023/jan/a.txt': 10, 'trip/2024/jan/a.txt': 20 })
  const names: string[] = []
  page.on('response', async (response) => {
    if (response.status() === 201) names.push((await response.json()).files[0].name)
  })
  await page.locator('input[webkitdirectory]').setInputFiles(dirname(dirname(dirname(first))))
  await send(page)
  await arrives(page)
  // The page may know of a reply before this test does.
  await comesTrue(() => names.length === 2)
  assert.deepEqual(names.sort(), ['trip/2023/jan/a.txt', 'trip/2024/jan/a.txt'])
  assert.deepEqual([...receiver.stored().keys()].sort(), [
    'trip/2023/jan/a.txt',
    'trip/2024/jan/a.txt',
  ])
})

visit(
  'what systems put into folders is left out and counted',
  {},
  async ({ t, page, receiver }) => {
    const [first = ''] = filesOf(t, {
      'trip/one.txt': 10,
      'trip/.DS_Store': 10,
      'trip/sub/Thumbs.db': 10,
      'trip/sub/desktop.ini': 10,
    })
    await page.locator('input[webkitdirectory]').setInputFiles(dirname(first))
    await becomes(page, 'trip/one.txt', 'waiting')
    await page.locator('#chosen', { hasText: /1 file · .* · Left out: 3/ }).waitFor()
    await send(page)
    await arrives(page)
    assert.deepEqual([...receiver.stored().keys()], ['trip/one.txt'])
    // Chosen by itself, somebody means it.
    await choose(page, filesOf(t, { 'Thumbs.db': 10 }))
    await becomes(page, 'Thumbs.db', 'waiting')
  },
)

visit('what cannot be read in a folder has a line that says so', {}, async ({ page, receiver }) => {
  // A browser of root reads every folder, so the drop is one that the page makes itself.
  await page.evaluate(`{
    const file = (name, open) => ({ isFile: true, name, fullPath: '/trip/' + name, file: open })
    const folder = (name, fullPath, ...parts) => ({
      name, fullPath, isDirectory: true,
      createReader: () => ({
        readEntries: (give, fail) => {
          const next = parts.shift() ?? []
          if (next === 'locked') fail(new DOMException('locked'))
          else give(next)
        },
      }),
    })
    const trip = folder('trip', '/trip', [
      file('one.txt', (give) => give(new File(['1'], 'one.txt'))),
      file('gone.txt', (give, fail) => fail(new DOMException('gone'))),
    ], [folder('locked', '/trip/locked', 'locked')])
    const drop = new Event('drop', { cancelable: true })
    const items = [{ webkitGetAsEntry: () => trip }]
    drop.dataTransfer = { types: ['Files'], items, files: [] }
    dispatchEvent(drop)
  }`)
  await becomes(page, 'trip/one.txt', 'waiting')
  for (const name of ['trip/gone.txt', 'trip/locked']) {
    await becomes(page, name, 'refused')
    assert.match((await line(page, name).textContent()) ?? '', /The file cannot be read/)
  }
  await send(page)
  await arrives(page)
  assert.equal(receiver.stored().size, 1)
})

visit(
  'of a folder with many more files than the limit, all are told: some by a line, the rest counted',
  { env: { UPLOAD_CGI_MAX_FILES: '3' } },
  async ({ t, page }) => {
    const many = Array.from({ length: 250 }, (_, at) => [`trip/${at}.txt`, 1] as const)
    const [first = ''] = filesOf(t, Object.fromEntries(many))
    await page.locator('input[webkitdirectory]').setInputFiles(dirname(first))
    await page.locator('#chosen', { hasText: /3 files · .* · Left out: 147/ }).waitFor()
    assert.equal(await page.locator('#queue li[data-state=refused]').count(), 100)
  },
)
