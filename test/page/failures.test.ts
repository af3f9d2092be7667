// The form page when something goes wrong: refusals of the program and of servers in front of it,
// connections that break and the page's own new tries, and where the keyboard's focus is after each
// step.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  arrives,
  becomes,
  choose,
  filesOf,
  focused,
  isNoted,
  line,
  milestones,
  send,
  visit,
} from '../host/page.ts'

const mayFail = true

visit(
  'a broken line is tried again by itself',
  { network: { cut: new Set([1]) }, mayFail },
  async (v) => {
    const { t, page, receiver, proxy } = v
    const names = Array.from({ length: 10 }, (_, i) => `${i}.txt`)
    await choose(page, filesOf(t, Object.fromEntries(names.map((name) => [name, 50_000]))))
    await send(page)
    await isNoted(page, /Connection lost\. Next try in 1/)
    await arrives(page)
    assert.equal(receiver.stored().size, 10)
    assert.equal(proxy.posts, 11)
  },
)

for (const status of [502, 503, 508]) {
  visit(
    `${status} from in front of the program is tried again`,
    {
      network: { answer: new Map([[1, status]]) },
      mayFail,
    },
    async ({ t, page, proxy }) => {
      await choose(page, filesOf(t, { 'a.txt': 10 }))
      await send(page)
      await becomes(page, 'a.txt', 'stored')
      assert.equal(proxy.posts, 2)
    },
  )
}

for (const [status, sentence] of [
  [413, /limits the size of uploads\. Please tell the owner/],
  [404, /answered with an error \(404\)/],
] as const) {
  visit(
    `${status} from in front of the program is explained, and tried again on request only`,
    {
      network: { answer: new Map([[1, status]]) },
      mayFail,
    },
    async ({ t, page, proxy }) => {
      await choose(page, filesOf(t, { 'a.txt': 10, 'b.txt': 10 }))
      await send(page)
      await page.locator('li[data-state=failed]').waitFor()
      assert.match((await page.locator('li[data-state=failed]').textContent()) ?? '', sentence)
      await page.getByText('1 of 2 files have arrived').waitFor()
      assert.equal(proxy.posts, 2)
      await page.getByRole('button', { name: 'Try again', exact: true }).click()
      await arrives(page)
      assert.equal(proxy.posts, 3)
    },
  )
}

visit(
  '403 from in front of the program is explained after a try with the name elsewhere',
  { network: { refuses: (body) => body.includes('a.txt') }, mayFail },
  async ({ t, page, proxy }) => {
    await choose(page, filesOf(t, { 'a.txt': 10, 'b.txt': 10 }))
    await send(page)
    await becomes(page, 'a.txt', 'failed')
    const text = (await page.locator('li[data-state=failed]').textContent()) ?? ''
    assert.match(text, /refuses this upload\. Please tell the owner/)
    await becomes(page, 'b.txt', 'stored')
    assert.equal(proxy.posts, 3)
    proxy.network.refuses = undefined
    await page.getByRole('button', { name: 'Try again', exact: true }).click()
    await arrives(page)
    assert.equal(proxy.posts, 4)
  },
)

visit(
  'the program’s refusals are shown at their files, and are not tried again',
  {
    env: { UPLOAD_CGI_ON_CONFLICT: 'reject' },
    mayFail,
  },
  async ({ t, page, receiver, proxy }) => {
    writeFileSync(join(receiver.directory, 'taken.txt'), 'first')
    await choose(page, filesOf(t, { 'taken.txt': 10, 'free.txt': 10 }))
    await send(page)
    await becomes(page, 'taken.txt', 'failed')
    assert.match(
      (await line(page, 'taken.txt').textContent()) ?? '',
      /A file with this name is already there/,
    )
    await page.getByText('1 of 2 files have arrived').waitFor()
    assert.equal(receiver.stored().get('taken.txt')?.toString(), 'first')
    assert.equal(proxy.posts, 2)
    const heard = await milestones(page)
    assert.ok(
      heard.some((said) => /^Failed: taken\.txt$/.test(said)),
      heard.join(' | '),
    )
  },
)

visit(
  'a kind that only the program refuses is said at its file',
  {
    env: { UPLOAD_CGI_BLOCK_EXTENSIONS: 'exe' },
    mayFail,
  },
  async ({ t, page }) => {
    // The page learns the same list; without it, as in a copy of the form, the server decides.
    await page.evaluate(`document.forms[0].removeAttribute('data-block-extensions')`)
    await choose(page, filesOf(t, { 'tool.exe': 10 }))
    if ((await page.locator('li[data-state=refused]').count()) === 0) {
      await send(page)
      await becomes(page, 'tool.exe', 'failed')
    }
    assert.match(
      (await line(page, 'tool.exe').textContent()) ?? '',
      /kind.* (is|are) not accepted/i,
    )
  },
)

visit('focus is never lost: cancel, cancel all, remove the last, store', { mayFail }, async (v) => {
  const { t, page, proxy } = v
  const gate = Promise.withResolvers<void>()
  proxy.network.hold = gate.promise
  const press = (name: string) => page.getByRole('button', { name, exact: true }).press('Enter')
  await choose(page, filesOf(t, { 'a.txt': 10 }))
  await press('Remove a.txt')
  assert.equal(await focused(page), 'file', 'after the only file is removed')
  await choose(page, filesOf(t, { 'b.txt': 10, 'c.txt': 10 }))
  await page.locator('#send').press('Enter')
  await becomes(page, 'b.txt', 'storing')
  assert.equal(await focused(page), 'Total', 'after the start')
  await press('Cancel b.txt')
  assert.equal(await focused(page), 'Try b.txt again', 'after a cancel')
  await becomes(page, 'c.txt', 'storing')
  await press('Cancel all')
  assert.notEqual(await focused(page), 'BODY', 'after Cancel all')
  await press('Try b.txt again')
  await becomes(page, 'b.txt', 'storing')
  assert.match(await focused(page), /b\.txt/, 'after another try')
  gate.resolve()
  await becomes(page, 'b.txt', 'stored')
  assert.notEqual(await focused(page), 'BODY', 'after the file is stored')
})
