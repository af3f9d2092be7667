// What the page does after an answer that is not a receipt: what passes by itself is tried again,
// what does not is told with what to do, and a line that dies without a word is noticed.

import assert from 'node:assert/strict'
import {
  arrives,
  becomes,
  choose,
  filesOf,
  isNoted,
  line,
  send,
  until,
  visit,
} from '../host/page.ts'

const mayFail = true
const oneAtATime = { UPLOAD_CGI_PARALLEL_UPLOADS: '1' }
const passing = [423, 425, 429, 499, 500, 502, 503, 504, 508, 520, 521, 522, 523, 524, 525, 530]

visit(
  'every answer in front of the program that passes by itself is tried again',
  // Every second upload is the new try of the one before it.
  {
    env: oneAtATime,
    network: { answer: new Map(passing.map((status, at) => [2 * at + 1, status])) },
    mayFail,
  },
  async ({ t, page, receiver, proxy }) => {
    const names = passing.map((status) => `${status}.txt`)
    await choose(page, filesOf(t, Object.fromEntries(names.map((name) => [name, 10]))))
    await send(page)
    await arrives(page)
    assert.deepEqual([...receiver.stored().keys()].sort(), names)
    assert.equal(proxy.posts, 2 * passing.length)
  },
)

visit(
  '408 passes by itself, too',
  { network: { answer: new Map([1, 2, 3].map((nth) => [nth, 408])) }, mayFail },
  async ({ t, page }) => {
    await choose(page, filesOf(t, { 'a.txt': 10 }))
    await send(page)
    await becomes(page, 'a.txt', 'stored')
  },
)

visit(
  'the page waits as long as the answer asks for',
  {
    network: { answer: new Map([[1, { status: 429, headers: { 'Retry-After': '7' } }]]) },
    mayFail,
  },
  async ({ t, page }) => {
    await choose(page, filesOf(t, { 'a.txt': 10 }))
    await send(page)
    await isNoted(page, /at the moment\. Next try in 7/)
    await becomes(page, 'a.txt', 'stored')
  },
)

visit(
  'a refusal of the program that passes by itself is tried again',
  { env: { UPLOAD_CGI_MAX_PARTIAL_UPLOADS: '1', UPLOAD_CGI_CHUNK_SIZE: '300KB' }, mayFail },
  async ({ t, page, receiver }) => {
    await choose(page, filesOf(t, { 'a.bin': 1_500_000, 'b.bin': 1_500_000 }))
    await send(page)
    await arrives(page)
    assert.equal(receiver.stored().size, 2)
  },
)

for (const [what, instead, sentence] of [
  ['a page of a network', { status: 200 }, /Something else answered/],
  [
    'the way to a login on another site',
    { status: 302, headers: { Location: 'http://localhost:9/login' } },
    /Something else answered/,
  ],
  ['a server that asks for a password', { status: 401 }, /asks for a sign-in/],
  ['a firewall', { status: 403 }, /or in a ZIP file it may pass/],
] as const) {
  visit(
    `${what} in place of the program is told as that`,
    { mayFail, mayLeadAway: true },
    async (v) => {
      const { t, page, receiver, proxy } = v
      proxy.network.instead = instead
      await choose(page, filesOf(t, { 'a.txt': 10 }))
      await send(page)
      await becomes(page, 'a.txt', 'failed')
      assert.match((await line(page, 'a.txt').textContent()) ?? '', sentence)
      proxy.network.instead = undefined
      await page.getByRole('button', { name: 'Try again', exact: true }).click()
      await arrives(page)
      assert.equal(receiver.stored().size, 1)
    },
  )
}

visit(
  'a firewall that lets some pieces pass and then none is tried again later',
  {
    env: { UPLOAD_CGI_CHUNK_SIZE: '300KB' },
    network: { answer: new Map([[3, 403]]) },
    mayFail,
  },
  async ({ t, page, receiver }) => {
    await choose(page, filesOf(t, { 'a.bin': 1_500_000 }))
    await send(page)
    await becomes(page, 'a.bin', 'stored')
    assert.equal(receiver.stored().get('a.bin')?.length, 1_500_000)
  },
)

visit(
  'a line that dies without a word is noticed, and the upload resumes where it stood',
  {
    env: { UPLOAD_CGI_CHUNK_SIZE: '300KB' },
    network: { silent: new Set([3]) },
    // The minute without a word, shortened.
    script: `{
      const original = setTimeout
      window.setTimeout = (call, delay, ...more) =>
        original(call, delay === 60000 ? 3000 : delay, ...more)
    }`,
    mayFail,
  },
  async ({ t, page, receiver, proxy }) => {
    await choose(page, filesOf(t, { 'a.bin': 1_500_000 }))
    await send(page)
    await isNoted(page, /Connection lost\. Next try in/)
    await becomes(page, 'a.bin', 'stored')
    assert.equal(receiver.stored().get('a.bin')?.length, 1_500_000)
    assert.ok(proxy.receivedBytes < 1_500_000 + 320_000, `${proxy.receivedBytes} bytes`)
  },
)

visit(
  'after a pause on a line of 100 kB a second, less than 1 MB is sent again',
  { network: { bytesPerSecond: 100_000 }, mayFail },
  async ({ t, page, receiver, proxy }) => {
    const size = 3_000_000
    await choose(page, filesOf(t, { 'film.bin': size }))
    await send(page)
    const total = async (bytes: number) => {
      while (proxy.receivedBytes < bytes) await until(page, 'true')
    }
    await total(1_600_000)
    await page.getByRole('button', { name: 'Pause film.bin' }).click()
    await becomes(page, 'film.bin', 'paused')
    await proxy.idle()
    await page.getByRole('button', { name: 'Resume film.bin' }).click()
    await becomes(page, 'film.bin', 'stored')
    assert.equal(receiver.stored().get('film.bin')?.length, size)
    const again = proxy.receivedBytes - size
    t.diagnostic(`${again} bytes were sent again`)
    assert.ok(again < 1_000_000, `${again} bytes were sent again`)
  },
)
