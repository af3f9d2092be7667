// The form page with large files: in pieces, through a limit in front, over a connection that is
// lost, after a reload, with a pause; what is sent again after a cut is at most one piece, and what
// is stored is stored once.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { HttpProxy } from '../host/http-proxy.ts'
import {
  arrives,
  axe,
  becomes,
  bytesOf,
  choose,
  comesTrue,
  filesOf,
  flaws,
  line,
  send,
  until,
  visible,
  visit,
} from '../host/page.ts'

const mayFail = true
const pieceBytes = 1_000_000
const size = 8_300_000
const env = { UPLOAD_CGI_CHUNK_SIZE: '1MB' }
const slow = { bytesPerSecond: 4e6 }
/** What is under way does not end before the test goes on. */
const crawling = { bytesPerSecond: 100_000 }

type Piece = { id: string; offset: number; bytes: number }

/** The pieces that passed, as the fields of their bodies tell. */
function pieces({ bodies }: HttpProxy): Piece[] {
  const field = (body: string, name: string) =>
    new RegExp(`name="${name}"\r\n\r\n([^\r]*)\r\n`).exec(body)?.[1] ?? ''
  return bodies
    .filter((body) => body.includes('name="_offset"'))
    .map((body) => ({
      id: field(body, '_upload'),
      offset: Number(field(body, '_offset')),
      bytes: body.length,
    }))
}

/** What passed of the file, with the envelopes of its pieces. */
const sum = (proxy: HttpProxy) => pieces(proxy).reduce((all, { bytes }) => all + bytes, 0)

const noteOf = (name: string) =>
  `document.querySelector('progress[aria-label="${name}"]')?.closest('li').querySelector('.note').textContent`

visit(
  'a large file goes in pieces, and what is safe is said beside what is sent',
  { env },
  async (v) => {
    const { t, page, receiver, proxy } = v
    Object.assign(proxy.network, slow)
    await choose(page, filesOf(t, { 'film.bin': size, 'small.txt': 10 }))
    await send(page)
    await until(page, `/\\d+\\s?% · [\\d.]+\\s[kM]B received/.test(${noteOf('film.bin')})`)
    await arrives(page)
    assert.ok(receiver.stored().get('film.bin')?.equals(bytesOf('film.bin', size)))
    const film = pieces(proxy).filter(({ bytes }) => bytes > 1000)
    assert.deepEqual(
      film.map(({ offset }) => offset).slice(0, 2),
      [0, 524_288],
      'the first piece is small, while the speed is not known',
    )
    assert.ok(film.every(({ bytes }) => bytes < pieceBytes + 2000))
    assert.equal(new Set(film.map(({ id }) => id)).size, 1)
    assert.equal(proxy.posts, film.length + 1, 'a small file is one request')
    assert.deepEqual(await page.evaluate('Object.keys(localStorage)'), [])
  },
)

visit('ten seconds without a network cost one piece at most', { env, mayFail }, async (v) => {
  const { t, page, receiver, proxy } = v
  Object.assign(proxy.network, slow)
  await choose(page, filesOf(t, { 'film.bin': size }))
  await send(page)
  await until(page, `/[3-9]\\sMB received/.test(${noteOf('film.bin')})`)
  Object.assign(proxy.network, crawling)
  await page.context().setOffline(true)
  await page.locator('#queue .note', { hasText: /Connection lost\. Next try in/ }).waitFor()
  await delay(10_000)
  assert.deepEqual(visible(receiver), [])
  Object.assign(proxy.network, slow)
  await page.context().setOffline(false)
  await becomes(page, 'film.bin', 'stored')
  assert.ok(receiver.stored().get('film.bin')?.equals(bytesOf('film.bin', size)))
  assert.ok(sum(proxy) <= size + pieceBytes + 20_000, `${sum(proxy)} bytes for ${size}`)
})

visit(
  'after a reload the same file, chosen again, goes on where it stood',
  { env, mayFail },
  async (v) => {
    const { t, page, receiver, proxy } = v
    Object.assign(proxy.network, slow)
    const files = filesOf(t, { 'film.bin': size })
    await choose(page, files)
    await send(page)
    await until(page, `/[3-9]\\sMB received/.test(${noteOf('film.bin')})`)
    Object.assign(proxy.network, crawling)
    page.on('dialog', (dialog) => dialog.accept())
    await page.reload()
    Object.assign(proxy.network, slow)
    assert.deepEqual(visible(receiver), [])
    await choose(page, files)
    await send(page)
    await becomes(page, 'film.bin', 'stored')
    assert.ok(receiver.stored().get('film.bin')?.equals(bytesOf('film.bin', size)))
    assert.equal(new Set(pieces(proxy).map(({ id }) => id)).size, 1)
    assert.ok(sum(proxy) <= size + pieceBytes + 20_000, `${sum(proxy)} bytes for ${size}`)
    assert.deepEqual(await page.evaluate('Object.keys(localStorage)'), [])
  },
)

visit('a file that was changed since is another upload', { env, mayFail }, async (v) => {
  const { t, page, receiver, proxy } = v
  Object.assign(proxy.network, slow)
  const files = filesOf(t, { 'film.bin': size })
  await choose(page, files)
  await send(page)
  await until(page, `/[2-9]\\sMB received/.test(${noteOf('film.bin')})`)
  Object.assign(proxy.network, crawling)
  page.on('dialog', (dialog) => dialog.accept())
  await page.reload()
  Object.assign(proxy.network, slow)
  utimesSync(files[0] ?? '', 1, 1)
  await choose(page, files)
  await send(page)
  await becomes(page, 'film.bin', 'stored')
  assert.equal(new Set(pieces(proxy).map(({ id }) => id)).size, 2)
  assert.deepEqual(visible(receiver), ['film.bin'])
})

visit(
  'a file whose middle was changed since, at the same size and time, is another upload',
  { env, mayFail },
  async (v) => {
    const { t, page, receiver, proxy } = v
    Object.assign(proxy.network, slow)
    const files = filesOf(t, { 'film.bin': size })
    const [file = ''] = files
    utimesSync(file, 1000, 1000)
    await choose(page, files)
    await send(page)
    await until(page, `/[2-9]\\sMB received/.test(${noteOf('film.bin')})`)
    Object.assign(proxy.network, crawling)
    page.on('dialog', (dialog) => dialog.accept())
    await page.reload()
    Object.assign(proxy.network, slow)
    const changed = readFileSync(file).fill('changed ', 500_000, 800_000)
    writeFileSync(file, changed)
    utimesSync(file, 1000, 1000)
    await choose(page, files)
    await send(page)
    await becomes(page, 'film.bin', 'stored')
    assert.ok(readFileSync(join(receiver.directory, 'film.bin')).equals(changed))
    assert.equal(new Set(pieces(proxy).map(({ id }) => id)).size, 2)
  },
)

visit(
  'a limit in front makes the pieces smaller, down to 256 KiB, and not larger again',
  { env: {}, mayFail },
  async (v) => {
    const { t, page, receiver, proxy } = v
    proxy.network.mostBytes = 1_048_576
    await choose(page, filesOf(t, { 'film.bin': size, 'next.bin': 3_000_000 }))
    await send(page)
    await arrives(page)
    assert.ok(receiver.stored().get('film.bin')?.equals(bytesOf('film.bin', size)))
    assert.ok(receiver.stored().get('next.bin')?.equals(bytesOf('next.bin', 3_000_000)))
    assert.ok(pieces(proxy).every(({ bytes }) => bytes < 1_048_576))
    const refused = proxy.posts - proxy.bodies.length
    assert.ok(refused >= 1 && refused <= 6, `${refused} refusals`)
    proxy.network.mostBytes = 100_000
    await choose(page, filesOf(t, { 'third.bin': 600_000 }))
    await send(page)
    await becomes(page, 'third.bin', 'failed')
    assert.match((await line(page, 'third.bin').textContent()) ?? '', /limits the size of uploads/)
  },
)

visit(
  'a pause keeps what is safe, and one goes on from there',
  { env, script: axe, mayFail },
  async (v) => {
    const { t, page, receiver, proxy } = v
    Object.assign(proxy.network, slow)
    await choose(page, filesOf(t, { 'film.bin': size, 'other.bin': 2_500_000 }))
    await send(page)
    await until(page, `/[2-9]\\sMB received/.test(${noteOf('film.bin')})`)
    Object.assign(proxy.network, crawling)
    await page.getByRole('button', { name: 'Pause film.bin' }).click()
    await becomes(page, 'film.bin', 'paused')
    Object.assign(proxy.network, slow)
    assert.match(
      (await line(page, 'film.bin').textContent()) ?? '',
      /Paused · \d(\.\d)?\sMB received/,
    )
    assert.deepEqual(await flaws(page), [])
    await becomes(page, 'other.bin', 'stored')
    await proxy.idle()
    const before = proxy.posts
    await delay(1500)
    assert.equal(proxy.posts, before, 'nothing is sent during a pause')
    assert.deepEqual(visible(receiver), ['other.bin'])
    await page.getByRole('button', { name: 'Resume film.bin' }).click()
    await becomes(page, 'film.bin', 'stored')
    assert.ok(receiver.stored().get('film.bin')?.equals(bytesOf('film.bin', size)))
    assert.ok(sum(proxy) <= size + 2_500_000 + pieceBytes + 30_000)
  },
)

visit(
  'a cancelled file leaves nothing on the server and nothing in the browser',
  { env, mayFail },
  async (v) => {
    const { t, page, receiver, proxy } = v
    Object.assign(proxy.network, slow)
    await choose(page, filesOf(t, { 'film.bin': size }))
    await send(page)
    await until(page, `/[2-9]\\sMB received/.test(${noteOf('film.bin')})`)
    Object.assign(proxy.network, crawling)
    await page.getByRole('button', { name: 'Cancel film.bin' }).click()
    await becomes(page, 'film.bin', 'cancelled')
    const left = () => readdirSync(`${receiver.directory}/.upload-cgi/incoming`)
    await comesTrue(() => left().length === 0)
    assert.deepEqual(await page.evaluate('Object.keys(localStorage)'), [])
  },
)

for (const [what, file, bytes] of [
  ['a large file', 'film.bin', 3_500_000],
  ['a small file', 'small.txt', 500],
] as const) {
  visit(
    `${what} whose last reply is lost is stored once, and shown as stored`,
    { env, mayFail },
    async (v) => {
      const { t, page, receiver, proxy } = v
      proxy.network.losesReceipt = true
      await choose(page, filesOf(t, { [file]: bytes }))
      await send(page)
      await becomes(page, file, 'stored')
      assert.deepEqual(visible(receiver), [file])
      assert.match((await page.locator('#done .sums').textContent()) ?? '', /[0-9a-f]{64}/)
    },
  )
}

visit('one file chosen twice is told, and stored once', { env }, async ({ t, page, receiver }) => {
  const files = filesOf(t, { 'film.bin': 2_500_000 })
  await choose(page, files)
  await choose(page, files)
  assert.match((await line(page, 'film.bin', 'refused').textContent()) ?? '', /in the list already/)
  await send(page)
  await arrives(page)
  assert.deepEqual([...receiver.stored().keys()], ['film.bin'])
})

visit(
  'without localStorage large files go as well',
  {
    env,
    script: `
  Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no') } })`,
  },
  async ({ t, page, receiver }) => {
    await choose(page, filesOf(t, { 'film.bin': 2_500_000 }))
    await send(page)
    await becomes(page, 'film.bin', 'stored')
    assert.ok(receiver.stored().get('film.bin')?.equals(bytesOf('film.bin', 2_500_000)))
  },
)
