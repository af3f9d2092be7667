// What the page does when a firewall in front of the program reads bodies or counts requests.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { isRefusedForHyphens, withHyphens } from '../host/firewall.ts'
import { arrives, becomes, choose, filesOf, line, send, visit } from '../host/page.ts'

const small = { UPLOAD_CGI_CHUNK_SIZE: '300KB' }

/** The page waits two hundred times shorter. */
const impatient = `{
  const original = setTimeout
  window.setTimeout = (call, delay, ...more) =>
    original(call, delay < 60000 ? delay / 200 : delay, ...more)
}`

visit(
  'a piece that is refused for its lines is cut, and later pieces are cut before they are sent',
  { env: small, network: { refuses: isRefusedForHyphens }, mayFail: true },
  async ({ t, page, receiver, proxy }) => {
    const content = withHyphens(1_500_000, [0, 300_001, 700_000, 1_400_000])
    const [path = ''] = filesOf(t, { 'a.bin': 1 })
    writeFileSync(path, content)
    await choose(page, path)
    await send(page)
    await becomes(page, 'a.bin', 'stored')
    assert.ok(receiver.stored().get('a.bin')?.equals(content))
    // One is refused, which shows the others.
    assert.equal(proxy.posts - proxy.bodies.length, 1)
    assert.equal(proxy.bodies.length, 5 + 4)
  },
)

visit(
  'a file that would need more than five hundred cuts is told as refused for its content',
  { network: { refuses: isRefusedForHyphens }, mayFail: true },
  async ({ t, page, receiver, proxy }) => {
    const [path = ''] = filesOf(t, { 'a.txt': 1 })
    writeFileSync(path, '--x\n'.repeat(501))
    await choose(page, path)
    await send(page)
    await becomes(page, 'a.txt', 'failed')
    const text = (await line(page, 'a.txt').textContent()) ?? ''
    assert.match(text, /refuses the content of this file\. Send it in a ZIP file/)
    assert.equal(proxy.posts, 1)
    assert.equal(receiver.stored().size, 0)
  },
)

visit(
  'a name that is refused in its field goes into the headers of the part',
  {
    env: small,
    network: { refuses: (body) => /name="_filename"\r\n\r\n[^\r]*bashrc/.test(body) },
    mayFail: true,
  },
  async ({ t, page, receiver, proxy }) => {
    // The program leaves the dot out; firewalls refuse quotes in the headers.
    await choose(page, filesOf(t, { '.bashrc': 700_000, "'bashrc'": 10 }))
    await send(page)
    await becomes(page, '.bashrc', 'stored')
    await becomes(page, "'bashrc'", 'failed')
    const text = (await line(page, "'bashrc'").textContent()) ?? ''
    assert.match(text, /Under another name, with other words in the form, or in a ZIP file/)
    assert.deepEqual([...receiver.stored().keys()], ['bashrc'])
    assert.equal(proxy.posts - proxy.bodies.length, 2)
  },
)

visit(
  'a later piece that is refused though it cannot be cut is tried three times more',
  {
    env: small,
    network: { refuses: (body) => body.includes('attack') },
    script: impatient,
    mayFail: true,
  },
  async ({ t, page, proxy }) => {
    const [path = ''] = filesOf(t, { 'a.bin': 1 })
    const content = Buffer.alloc(1_000_000)
    content.write('attack', 700_000)
    writeFileSync(path, content)
    await choose(page, path)
    await send(page)
    await becomes(page, 'a.bin', 'failed')
    const text = (await line(page, 'a.bin').textContent()) ?? ''
    assert.match(text, /refuses the content of this file\. Send it in a ZIP file/)
    assert.equal(proxy.bodies.length, 2)
    assert.equal(proxy.posts, 2 + 4)
  },
)

visit(
  'a file of which nothing has passed is waited for, too, if others passed',
  { env: { UPLOAD_CGI_PARALLEL_UPLOADS: '1' }, script: impatient, mayFail: true },
  async ({ t, page, receiver, proxy }) => {
    let [posts, refusals] = [0, 0]
    // The second file, and the question behind it.
    proxy.network.refuses = (body) => {
      if (body !== '') posts++
      return posts > 1 && refusals++ < 2
    }
    await choose(page, filesOf(t, { 'a.txt': 10, 'b.txt': 10 }))
    await send(page)
    await arrives(page)
    assert.equal(receiver.stored().size, 2)
    assert.equal(proxy.posts, 3)
  },
)

visit(
  'a firewall that counts requests refuses the question, too, and is waited for',
  { env: small, mayFail: true },
  async ({ t, page, receiver, proxy }) => {
    let [posts, refusals] = [0, 0]
    // The third piece, and the question behind it.
    proxy.network.refuses = (body) => {
      if (body !== '') posts++
      return posts > 2 && refusals++ < 2
    }
    await choose(page, filesOf(t, { 'a.bin': 1_500_000 }))
    await send(page)
    await page.locator('#queue .note', { hasText: /Next try in (1[5-9]|2\d|30)/ }).waitFor()
    await becomes(page, 'a.bin', 'stored')
    assert.equal(receiver.stored().get('a.bin')?.length, 1_500_000)
    assert.equal(proxy.posts - proxy.bodies.length, 1)
  },
)
