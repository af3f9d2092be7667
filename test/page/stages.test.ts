// The stages of the form page: what can be done next is in view at every stage and any length of
// the list, what a reload leaves, what holds for all files at once, and the end.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import {
  arrives,
  becomes,
  choose,
  comesTrue,
  filesOf,
  focused,
  line,
  milestones,
  send,
  until,
  visible,
  visit,
} from '../host/page.ts'

const mayFail = true
const phone = { viewport: { width: 390, height: 664 }, hasTouch: true, isMobile: true }
const pieces = { UPLOAD_CGI_CHUNK_SIZE: '300KB' }
/** In bytes a second: what is under way does not end before the test goes on. */
const crawl = 50_000

visit(
  'on a phone with sixty files, what can be done next is in view at every stage',
  { context: phone, mayFail },
  async ({ t, page, proxy }) => {
    const names = Array.from({ length: 60 }, (_, at) => `${at}.txt`)
    await inView(page, '#label')
    await choose(page, filesOf(t, Object.fromEntries(names.map((name) => [name, 2000]))))
    await inView(page, '#send')
    assert.match((await page.locator('#send').textContent()) ?? '', /Upload 60 files \(120\skB\)/)
    const gate = Promise.withResolvers<void>()
    proxy.network.hold = gate.promise
    // In the middle of the list, which stays where it is.
    await page.evaluate('scrollTo(0, 1200)')
    await until(page, 'scrollY === 1200')
    const place = `document.querySelectorAll('#queue li')[20].getBoundingClientRect().top`
    const before = Number(await page.evaluate(place))
    await tap(page, '#send')
    await until(page, `document.querySelector('#queue [data-state=storing]')`)
    assert.equal(await focused(page), 'Total')
    const moved = Number(await page.evaluate(place)) - before
    assert.ok(Math.abs(moved) <= 2, `the list moved by ${moved} pixels`)
    for (const top of [0, 100_000]) {
      await page.evaluate(`scrollTo(0, ${top})`)
      await inView(page, '#bar progress')
      await inView(page, '#bar button:not([hidden])')
    }
    assert.equal(await page.locator('#send').isVisible(), false)
    // One is refused by something in front: the page ends partly.
    proxy.network.answer = new Map([[20, 404]])
    gate.resolve()
    await page.getByRole('heading', { name: '59 of 60 files have arrived' }).waitFor()
    await inView(page, '#send')
    await inView(page, '#queue li[data-state=failed]')
    await send(page)
    await arrives(page)
    await inView(page, '#done h1')
    assert.equal(await focused(page), 'H1')
  },
)

visit(
  'on a phone two buttons fill the line, and in a low window the first one is in view, too',
  {
    context: phone,
    env: { UPLOAD_CGI_EXTRA_FIELDS: '[{"name":"mail","label":"E-mail","type":"email"}]' },
  },
  async ({ page }) => {
    const widths = await page.evaluate(`(() => {
      const drop = document.getElementById('drop')
      const inside = drop.clientWidth - 2 * parseFloat(getComputedStyle(drop).paddingLeft)
      const buttons = document.querySelectorAll('#label, #sources button')
      return [...buttons].map(({ offsetWidth }) => Math.round(offsetWidth - inside))
    })()`)
    assert.deepEqual(widths, [0, 0])
    await page.setViewportSize({ width: 844, height: 390 })
    await inView(page, '#label')
  },
)

visit(
  'while files are sent: share, speed and time left are told, and the screen stays on',
  {
    network: { bytesPerSecond: 1e6 },
    script: `{
      window.locks = []
      const { wakeLock } = navigator
      const request = wakeLock.request.bind(wakeLock)
      wakeLock.request = async (kind) => {
        const lock = await request(kind)
        locks.push('held')
        lock.addEventListener('release', () => locks.push('released'))
        return lock
      }
    }`,
  },
  async ({ t, page, proxy }) => {
    const bar = page.locator('#bar p')
    await choose(page, filesOf(t, { 'film.bin': 12e6 }))
    await send(page)
    await bar.getByText(/^[\d.]+ \w+\/s · \d+ \w+ left · Keep this page open\.$/).waitFor()
    assert.match((await bar.textContent()) ?? '', /^\d+% of 12 MB/)
    await until(page, `locks.join() === 'held'`)
    // A browser takes the lock away while nobody sees the page.
    await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`)
    await until(page, `locks.length === 3`)
    await page.getByRole('button', { name: 'Pause', exact: true }).click()
    await bar.getByText(/^Paused · Keep this page open\.$/).waitFor()
    proxy.network.bytesPerSecond = 0
    await page.getByRole('button', { name: 'Resume', exact: true }).click()
    await arrives(page)
    await until(page, `locks.filter((one) => one === 'released').length === 2`)
    assert.equal(await page.evaluate('locks.length'), 4)
  },
)

visit(
  'the first file input takes files, and its change event ends in the next stage',
  { context: phone },
  async ({ page }) => {
    const long = `${'a long name '.repeat(20)}.final.pdf`
    // As scripts that fill in forms do.
    const stage = await page.evaluate(`(() => {
      const data = new DataTransfer()
      data.items.add(new File(['x'], ${JSON.stringify(long)}))
      const input = document.querySelector('input[type=file]')
      input.files = data.files
      input.dispatchEvent(new Event('change', { bubbles: true }))
      return document.querySelector('main').dataset.stage
    })()`)
    assert.equal(stage, 'ready')
    // The name is on one line, and its extension is on the screen.
    const [height, right] = await page.evaluate<number[]>(`(() => {
      const name = document.querySelector('#queue .name')
      const end = name.lastElementChild.getBoundingClientRect()
      return [name.offsetHeight / parseFloat(getComputedStyle(name).lineHeight), end.right]
    })()`)
    assert.ok(height !== undefined && height < 1.5, `${height} lines`)
    assert.ok(right !== undefined && right < 390, `${right}`)
    assert.equal(await page.locator('#queue .name > :last-child').textContent(), '.pdf')
  },
)

visit(
  'the share is in the title of the page while it is sent, and then the end',
  {},
  async ({ t, page, proxy }) => {
    const title = await page.title()
    const gate = Promise.withResolvers<void>()
    proxy.network.hold = gate.promise
    await choose(page, filesOf(t, { 'a.txt': 100 }))
    assert.equal(await page.title(), title)
    await send(page)
    await until(page, `/^\\d+\\s?% · /.test(document.title)`)
    gate.resolve()
    await arrives(page)
    assert.equal(await page.title(), `The file has arrived · ${title}`)
    await page.getByRole('link', { name: 'Send more files' }).click()
    assert.equal(await page.title(), title)
  },
)

visit(
  'the receipt has the answers, can be saved, and stays over a reload until more is sent',
  {
    env: {
      UPLOAD_CGI_EXTRA_FIELDS: JSON.stringify([
        { name: 'mail', label: 'Your e-mail', type: 'email' },
        { name: 'note', label: 'Note' },
      ]),
    },
  },
  async ({ t, page }) => {
    await page.getByLabel('Your e-mail').fill('zoe@example.org')
    await page.getByLabel('Note').fill('of May')
    await choose(page, filesOf(t, { 'a.txt': 100, 'b.txt': 200 }))
    await send(page)
    await arrives(page)
    const facts = page.locator('#done .receipt')
    for (const reload of [false, true]) {
      if (reload) await page.reload()
      await page.getByRole('heading', { name: 'All 2 files have arrived' }).waitFor()
      assert.match((await facts.textContent()) ?? '', /Your e-mailzoe@example\.orgNoteof May/)
      assert.equal(await page.locator('#done .files li').count(), 2)
      assert.equal(await page.locator('#form').isVisible(), false)
    }
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save the receipt' }).click(),
    ])
    const saved = readFileSync(await download.path(), 'utf8')
    assert.match(saved, /^All 2 files have arrived\r\n/)
    assert.match(saved, /Your e-mail: zoe@example\.org\r\n/)
    assert.match(saved, /\r\na\.txt · 100 bytes · sha256 [0-9a-f]{64}\r\n/)
    await page.getByRole('link', { name: 'Send more files' }).click()
    assert.equal(await focused(page), 'heading')
    await page.reload()
    await page.getByRole('heading', { name: 'Upload files' }).waitFor()
  },
)

visit(
  'an address of mail is asked for once; all else is empty when more is sent',
  {
    env: {
      UPLOAD_CGI_EXTRA_FIELDS: JSON.stringify([
        { name: 'mail', label: 'Your e-mail', type: 'email' },
        { name: 'note', label: 'Note' },
      ]),
    },
  },
  async ({ t, page, proxy }) => {
    const submissions: (string | undefined)[] = []
    for (const name of ['a.txt', 'b.txt']) {
      await page.getByLabel('Your e-mail').fill('zoe@example.org')
      await page.getByLabel('Note').fill('of May')
      await choose(page, filesOf(t, { [name]: 100, [`2-${name}`]: 100 }))
      await send(page)
      await arrives(page)
      await page.getByRole('link', { name: 'Send more files' }).click()
      assert.equal(await page.getByLabel('Your e-mail').inputValue(), 'zoe@example.org')
      assert.equal(await page.getByLabel('Note').inputValue(), '')
    }
    for (const body of proxy.bodies) {
      submissions.push(/name="_submission"\r\n\r\n([0-9a-f]{32})\r\n/.exec(body)?.[1])
      assert.ok(body.indexOf('name="_submission"') < body.indexOf('filename='))
    }
    assert.equal(submissions.length, 4)
    assert.ok(!submissions.includes(undefined))
    assert.equal(submissions[0], submissions[1], 'one submission for what is sent in one go')
    assert.equal(new Set(submissions).size, 2)
  },
)

visit(
  'whoever sends more before the submission is closed begins another, and stays there',
  { env: { UPLOAD_CGI_SUCCESS_REDIRECT: 'https://example.org/thanks' } },
  async ({ t, page, proxy }) => {
    const gate = Promise.withResolvers<void>()
    await page.route('**', async (route) => {
      if (route.request().postData()?.includes('_close')) await gate.promise
      await route.continue()
    })
    await choose(page, filesOf(t, { 'a.txt': 100 }))
    await send(page)
    await arrives(page)
    await choose(page, filesOf(t, { 'b.txt': 100 }))
    const closed = page.waitForResponse((reply) => reply.request().method() === 'POST')
    gate.resolve()
    await closed
    await page.unrouteAll({ behavior: 'wait' })
    assert.equal(await page.locator('main').getAttribute('data-stage'), 'ready')
    const kept = `Object.keys(sessionStorage).filter((key) => /receipt/.test(key))`
    assert.deepEqual(await page.evaluate(kept), [])
    proxy.network.hold = new Promise(() => {})
    await send(page)
    await becomes(page, 'b.txt', 'storing')
    const sent = () => proxy.bodies.filter((body) => body.includes('filename='))
    await comesTrue(() => sent().length === 2)
    const ids = sent().map((body) => /name="_submission"\r\n\r\n([0-9a-f]{32})\r\n/.exec(body)?.[1])
    assert.equal(new Set(ids).size, 2)
    assert.ok(!ids.includes(undefined))
  },
)

visit(
  'what was not sent to its end is shown after a reload, and resumes when it is chosen again',
  { env: pieces, network: { bytesPerSecond: 1e6 }, mayFail },
  async ({ t, page, receiver, proxy }) => {
    const files = filesOf(t, { 'film.bin': 3_000_000 })
    await choose(page, files)
    await send(page)
    await until(page, `/received/.test(document.querySelector('#queue .note').textContent)`)
    proxy.network.bytesPerSecond = crawl
    const other = await page.context().newPage()
    await other.goto(proxy.url)
    assert.equal(await other.locator('#unfinished p').count(), 0, 'another tab sends it')
    await other.close()
    page.on('dialog', (dialog) => dialog.accept())
    await page.reload()
    await page.getByText(/film\.bin was sent to \d+\s?%\. Choose it again to resume\./).waitFor()
    await choose(page, files)
    assert.equal(await page.locator('#unfinished p').count(), 0)
    proxy.network.bytesPerSecond = 0
    await send(page)
    await arrives(page)
    assert.equal(receiver.stored().get('film.bin')?.length, 3_000_000)
    const ids = new Set(
      proxy.bodies.map((body) => /name="_submission"\r\n\r\n(.*)\r/.exec(body)?.[1]),
    )
    assert.equal(ids.size, 1, 'it belongs to the submission that it began in')
  },
)

visit(
  'what was not sent to its end can be forgotten, here and on the server',
  { env: pieces, network: { bytesPerSecond: 1e6 }, mayFail },
  async ({ t, page, proxy, receiver }) => {
    await choose(page, filesOf(t, { 'film.bin': 3_000_000 }))
    await send(page)
    await until(page, `/received/.test(document.querySelector('#queue .note').textContent)`)
    proxy.network.bytesPerSecond = crawl
    page.on('dialog', (dialog) => dialog.accept())
    await page.reload()
    await page.getByRole('button', { name: 'Forget it' }).click()
    assert.equal(await focused(page), 'file')
    await until(page, `Object.keys(localStorage).length === 0`)
    await proxy.idle()
    await page.reload()
    assert.equal(await page.locator('#unfinished p').count(), 0)
    assert.deepEqual(visible(receiver), [])
  },
)

visit(
  'Pause holds all files, and Resume goes on with all; leaving is guarded meanwhile',
  { env: pieces, network: { bytesPerSecond: crawl }, mayFail },
  async ({ t, page, proxy, receiver }) => {
    await choose(page, filesOf(t, { 'a.bin': 1e6, 'b.bin': 1e6, 'c.bin': 10 }))
    await send(page)
    await page.getByRole('button', { name: 'Pause', exact: true }).click()
    await becomes(page, 'a.bin', 'paused')
    await becomes(page, 'b.bin', 'paused')
    await becomes(page, 'c.bin', 'waiting')
    await proxy.idle()
    const posts = proxy.posts
    const asked = page.waitForEvent('dialog')
    page.evaluate('location.reload()').catch(() => {})
    await (await asked).dismiss()
    assert.equal(proxy.posts, posts, 'nothing is sent meanwhile')
    proxy.network.bytesPerSecond = 0
    await page.getByRole('button', { name: 'Resume', exact: true }).click()
    await arrives(page)
    assert.equal(receiver.stored().size, 3)
  },
)

visit(
  'refused files are a group of their own, read aloud once with their reasons, and not counted',
  { env: { UPLOAD_CGI_MAX_FILES: '2', UPLOAD_CGI_MAX_FILE_SIZE: '1KB' } },
  async ({ t, page }) => {
    await choose(page, filesOf(t, { 'large.txt': 1001 }))
    const alert = page.getByRole('alert')
    const said = /^Files that cannot be sent: 1\. large\.txt: Too large: at most 1\skB$/
    assert.match((await alert.textContent()) ?? '', said)
    assert.equal(await page.locator('main').getAttribute('data-stage'), 'choose')
    await choose(page, filesOf(t, { 'a.txt': 1, 'b.txt': 1, 'c.txt': 1 }))
    await becomes(page, 'c.txt', 'refused')
    assert.match((await page.locator('#send').textContent()) ?? '', /Upload 2 files/)
    // Whoever takes one away makes room for another.
    await page.getByRole('button', { name: 'Remove a.txt' }).click()
    await becomes(page, 'c.txt', 'waiting')
    assert.match((await alert.textContent()) ?? '', /^Files that cannot be sent: 1$/)
    const heard = await milestones(page)
    assert.ok(heard.length <= 2, heard.join(' | '))
  },
)

visit(
  'what the server says of all files, one file hears',
  { env: { UPLOAD_CGI_MIN_FREE_SPACE: '900TB', UPLOAD_CGI_PARALLEL_UPLOADS: '1' }, mayFail },
  async ({ t, page, proxy }) => {
    await choose(page, filesOf(t, { 'a.txt': 10, 'b.txt': 10, 'c.txt': 10 }))
    await send(page)
    await page.locator('main[data-stage=partly]').waitFor()
    assert.equal(proxy.posts, 1)
    assert.match((await line(page, 'c.txt').textContent()) ?? '', /not enough space/)
    assert.match((await page.getByRole('alert').textContent()) ?? '', /not enough space/)
  },
)

visit(
  'the page goes on to the owner’s when all has arrived',
  {
    env: { UPLOAD_CGI_SUCCESS_REDIRECT: '/thanks.html?of={receipt}#{receipt}' },
    mayFail,
    mayLeadAway: true,
  },
  async ({ t, page }) => {
    await choose(page, filesOf(t, { 'a.txt': 10 }))
    await Promise.all([page.waitForURL(/\/thanks\.html\?of=([0-9A-Z-]{12})#\1$/), send(page)])
  },
)

visit(
  'the end is told to the server, whose receipt is shown; a submission of yesterday is left',
  { mayFail },
  async ({ t, page }) => {
    const kept = () => page.evaluate(`sessionStorage.getItem('upload.cgi submission')`)
    const file = { stored: 'a-2.txt', name: 'a.txt', size: 10, url: 'https://example.org/a-2.txt' }
    const seen: unknown[] = []
    await page.route('**/*', async (route) => {
      const request = route.request()
      if (request.method() !== 'POST') return route.continue()
      const body = request.postData() ?? ''
      // That of the first file comes between two submissions.
      if (/name="_cancel"/.test(body)) return route.fulfill({ status: 204 })
      const isClose = /name="_close"/.test(body)
      if (!isClose) seen.push(await kept())
      const answer = { receipt: '7F3K-92QD-M4', time: '2026-01-02T03:04:05Z', files: [file] }
      const answers = [{ name: 'a', label: 'Said by the server', value: 'yes' }]
      if (isClose) {
        assert.ok(body.includes(String(seen.at(-1))), 'the second one is closed')
        return route.fulfill({ json: { ...answer, batch: 1, answers } })
      }
      if (seen.length > 1) return route.fulfill({ status: 201, json: { id: 'x', ...answer } })
      return route.fulfill({ status: 409, json: { code: 'SUBMISSION_CLOSED', status: 409 } })
    })
    await choose(page, filesOf(t, { 'a.txt': 10 }))
    await send(page)
    await page.locator('#done .receipt', { hasText: 'Said by the server' }).waitFor()
    const shown = (await page.locator('#done').textContent()) ?? ''
    assert.match(shown, /Receipt number7F3K-92QD-M4Received.*2026.*Said by the serveryes/)
    assert.match(shown, /a-2\.txt.*sent as “a\.txt”/)
    assert.equal(await kept(), null, 'what comes next is another submission')
    assert.equal(new Set(seen).size, 2, 'the file went into a second one')
  },
)

/** As a finger does: Playwright's own way scrolls first. */
async function tap(page: Page, selector: string): Promise<void> {
  const { x = 0, y = 0, width = 0, height = 0 } = (await page.locator(selector).boundingBox()) ?? {}
  await page.touchscreen.tap(x + width / 2, y + height / 2)
}

/** The whole of it is inside the window, and nothing covers it. */
async function inView(page: Page, selector: string): Promise<void> {
  await until(
    page,
    `(() => {
      const element = document.querySelector(${JSON.stringify(selector)})
      const { top, bottom, left, width, height } = element.getBoundingClientRect()
      const at = document.elementFromPoint(left + width / 2, top + height / 2)
      return top >= 0 && bottom <= innerHeight && height > 0 &&
        (element.contains(at) || at?.contains(element))
    })()`,
  )
}
