// What people hear who do not see the page: every announcement and every move of the focus, in
// order and none twice, from the choice to the end.

import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { recorder, told } from '../host/announcements.ts'
import { arrives, choose, filesOf, until, visit } from '../host/page.ts'

const script = recorder
const oneByOne = {
  UPLOAD_CGI_PARALLEL_UPLOADS: '1',
  UPLOAD_CGI_ON_CONFLICT: 'reject',
  UPLOAD_CGI_BLOCK_EXTENSIONS: 'exe',
}

const languages: readonly [string, readonly (readonly string[])[]][] = [
  [
    'en',
    [
      [
        'alert: Files that cannot be sent: 1. tool.exe: This kind of file is not accepted',
        'status: 2 files · 20 bytes',
      ],
      [
        'focus: button Upload 2 files (20 bytes)',
        'status: Upload started',
        'focus: group Total',
        'status: 50% sent',
        'status: Received: a.txt',
        'focus: heading All 2 files have arrived',
      ],
      ['focus: link Send more files', 'focus: heading Upload files'],
    ],
  ],
  [
    'ar',
    [
      [
        'alert: ملفات لا يمكن إرسالها: 1. tool.exe: هذا النوع من الملفات غير مقبول',
        'status: ملفان · 20 بايت',
      ],
      [
        'focus: button رفع: ملفان (20 بايت)',
        'status: بدأ الرفع',
        'focus: group الإجمالي',
        'status: تم إرسال 50%',
        'status: تم الاستلام: a.txt',
        'focus: heading وصل الملفان',
      ],
      ['focus: link إرسال ملفات أخرى', 'focus: heading رفع الملفات'],
    ],
  ],
]

for (const [language, [chosen = [], sent = [], again = []]] of languages) {
  visit(
    `what is told from the choice to the end, ${language}`,
    { script, env: { ...oneByOne, UPLOAD_CGI_LANGUAGE: language } },
    async ({ t, page }) => {
      await choose(page, filesOf(t, { 'tool.exe': 10, 'a.txt': 10, 'b.txt': 10 }))
      assert.deepEqual(await told(page), chosen)
      await page.locator('#send').press('Enter')
      await page.locator('main[data-stage=done]').waitFor()
      assert.deepEqual(await told(page), sent)
      // The same receipt comes once more, from the server.
      await until(page, `sessionStorage.getItem('upload.cgi submission') === null`)
      assert.deepEqual(await told(page), [])
      await page.locator('#done a.button').press('Enter')
      assert.deepEqual(await told(page), again)
      assert.equal(await page.locator('#status').textContent(), '', 'nothing of before is left')
    },
  )
}

visit(
  'what is told when a file fails, is tried again in vain, and then arrives',
  { script, env: oneByOne, mayFail: true },
  async ({ t, page, receiver }) => {
    const taken = join(receiver.directory, 'taken.txt')
    writeFileSync(taken, 'first')
    const reason = 'A file with this name is already there. (taken.txt)'
    await choose(page, filesOf(t, { 'taken.txt': 10, 'b.txt': 10 }))
    await told(page)
    await page.locator('#send').press('Enter')
    await page.locator('main[data-stage=partly]').waitFor()
    assert.deepEqual(await told(page), [
      'focus: button Upload 2 files (20 bytes)',
      'status: Upload started',
      'focus: group Total',
      'status: 50% sent',
      'status: Failed: taken.txt',
      'status: Received: b.txt',
      `alert: ${reason}`,
      'focus: heading 1 of 2 files have arrived',
    ])
    await page.locator('#send').press('Enter')
    await until(page, `told.at(-1) === 'focus: heading 1 of 2 files have arrived'`)
    assert.deepEqual(await told(page), [
      'focus: button Try again',
      'status: Upload started',
      'focus: group Total',
      'status: Failed: taken.txt',
      `alert: ${reason}`,
      'focus: heading 1 of 2 files have arrived',
    ])
    rmSync(taken)
    await page.locator('#send').press('Enter')
    await arrives(page)
    assert.deepEqual(await told(page), [
      'focus: button Try again',
      'status: Upload started',
      'focus: group Total',
      'focus: heading All 2 files have arrived',
    ])
  },
)

visit(
  'what is told when nothing can be sent, nothing arrives, or all is cancelled',
  { script, env: { ...oneByOne, UPLOAD_CGI_MIN_FREE_SPACE: '900TB' }, mayFail: true },
  async ({ t, page, proxy }) => {
    await choose(page, filesOf(t, { 'tool.exe': 10 }))
    assert.deepEqual(await told(page), [
      'alert: Files that cannot be sent: 1. tool.exe: This kind of file is not accepted',
    ])
    const refused = page.getByRole('list', { name: 'Files that cannot be sent: 1' })
    assert.equal(await refused.getByRole('listitem').count(), 1)
    await choose(page, filesOf(t, { 'a.txt': 10, 'b.txt': 10 }))
    await told(page)
    await page.locator('#send').press('Enter')
    await page.locator('main[data-stage=partly]').waitFor()
    assert.deepEqual((await told(page)).slice(2), [
      'focus: group Total',
      'status: 50% sent',
      'status: Failed: a.txt',
      'alert: There is not enough space left for this upload.',
      'focus: heading No file has arrived',
    ])
    const gate = Promise.withResolvers<void>()
    proxy.network.arrived = () => gate.promise
    await page.locator('#send').press('Enter')
    await page.getByRole('button', { name: 'Cancel all' }).press('Enter')
    await page.locator('main[data-stage=partly]').waitFor()
    assert.equal((await told(page)).at(-1), 'focus: heading Cancelled')
    gate.resolve()
  },
)

visit(
  'of many files the share is told, not each name',
  { script, env: { UPLOAD_CGI_PARALLEL_UPLOADS: '1' } },
  async ({ t, page }) => {
    const names = Array.from({ length: 11 }, (_, at) => `${at}.txt`)
    await choose(page, filesOf(t, Object.fromEntries(names.map((name) => [name, 10]))))
    await told(page)
    await page.locator('#send').press('Enter')
    await arrives(page)
    assert.deepEqual((await told(page)).slice(3), [
      'status: 25% sent',
      'status: 50% sent',
      'status: 75% sent',
      'focus: heading All 11 files have arrived',
    ])
  },
)

visit(
  'a lost connection is told once, however many tries fail, and again when it is lost again',
  { script, env: { UPLOAD_CGI_CHUNK_SIZE: '300KB' }, mayFail: true },
  async ({ t, page, proxy }) => {
    proxy.network.cut = new Set([2, 3, 5])
    await choose(page, filesOf(t, { 'film.bin': 800_000 }))
    await page.locator('#send').press('Enter')
    await arrives(page)
    const lost = (await told(page)).filter((line) => line.includes('Connection lost'))
    const sentence = 'status: Connection lost. Next try in 1 sec.'
    assert.deepEqual(lost, [sentence, sentence])
  },
)

visit(
  'what is told of a message, of a file that is removed, and of a pause',
  {
    script,
    env: {
      ...oneByOne,
      UPLOAD_CGI_FILES: 'optional',
      UPLOAD_CGI_EXTRA_FIELDS: JSON.stringify([{ name: 'note', label: 'Note' }]),
    },
  },
  async ({ t, page, proxy }) => {
    const press = (name: string) => page.getByRole('button', { name, exact: true }).press('Enter')
    await page.locator('#field-note').fill('hello')
    await press('Send')
    await page.locator('main[data-stage=done]').waitFor()
    await until(page, `sessionStorage.getItem('upload.cgi submission') === null`)
    assert.deepEqual(await told(page), [
      'focus: input Note',
      'focus: button Send',
      'changed: Sending',
      'focus: heading Your message has arrived',
    ])
    await page.locator('#done a.button').press('Enter')
    await told(page)
    const gate = Promise.withResolvers<void>()
    proxy.network.hold = gate.promise
    await choose(page, filesOf(t, { 'a.txt': 10, 'b.txt': 10, 'c.txt': 10 }))
    assert.deepEqual(await told(page), ['status: 3 files · 30 bytes'])
    await press('Remove c.txt')
    assert.deepEqual(await told(page), ['focus: button Remove c.txt', 'focus: button Remove b.txt'])
    await page.locator('#send').press('Enter')
    await until(page, `document.querySelector('#queue [data-state=storing]')`)
    await told(page)
    await press('Pause')
    await until(page, `document.querySelector('#queue [data-state=paused]')`)
    assert.deepEqual(await told(page), ['focus: button Pause', 'changed: Resume'])
    gate.resolve()
    await press('Resume')
    await page.locator('main[data-stage=done]').waitFor()
    const heard = await told(page)
    assert.equal(heard[0], 'changed: Pause')
    assert.ok(heard.includes('status: Received: a.txt'), heard.join(' | '))
    assert.equal(heard.at(-1), 'focus: heading All 2 files have arrived')
  },
)
