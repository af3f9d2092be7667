// A visitor's whole submission through nginx and a FastCGI process, in Chromium: twenty files and a
// large one in pieces, a pause, a piece whose connection breaks, and the end.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  arrives,
  becomes,
  bytesOf,
  choose,
  filesOf,
  send,
  until,
  visible,
  visit,
} from '../host/page.ts'

process.env['UPLOAD_CGI_THROUGH'] = 'fastcgi'

const sizes = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`${i}.txt`, 2000 + i]))
const film = { 'film.bin': 4_300_000 }

visit(
  'through nginx and FastCGI all of a submission arrives, paused and cut on the way',
  { env: { UPLOAD_CGI_CHUNK_SIZE: '1MB' }, mayFail: true },
  async ({ t, page, receiver, proxy }) => {
    Object.assign(proxy.network, { bytesPerSecond: 4e6, cut: new Set([2, 9]) })
    const all = { ...film, ...sizes }
    await choose(page, filesOf(t, all))
    await send(page)
    await until(
      page,
      `/[1-4](\\.\\d)?\\sMB received/.test(document.querySelector('.note').textContent)`,
    )
    await page.getByRole('button', { name: 'Pause film.bin' }).click()
    await becomes(page, 'film.bin', 'paused')
    await becomes(page, '19.txt', 'stored')
    assert.ok(!visible(receiver).includes('film.bin'))
    await page.getByRole('button', { name: 'Resume film.bin' }).click()
    await arrives(page)
    assert.deepEqual(visible(receiver).sort(), Object.keys(all).sort())
    for (const [name, size] of Object.entries(all)) {
      assert.ok(readFileSync(join(receiver.directory, name)).equals(bytesOf(name, size)), name)
    }
  },
)
