// The limits while processes race and die: fifty uploads at the same moment, and one that is killed
// before any of its calls to the directory, with hard links and without. Never more is stored than
// the limits say, and a process that died takes at most its own file from those that follow.

import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { CgiReply } from '../host/cgi.ts'
import { told } from '../host/closed-form.ts'
import { file, post, visible } from '../host/form.ts'
import { callsOf, home, inParallel, shim, skip } from './rack.ts'

type Env = Readonly<Record<string, string>>

/** Every call in the long run, every fifteenth in that of each change. */
const step = process.env['UPLOAD_CGI_LONG'] ? 1 : 15
const fileSystems = [
  ['with hard links', {}],
  ['without hard links', { TORTURE_NO_LINKS: '1' }],
] as const
let count = 0

/** A directory of its own, and how files are sent to it. */
function form(more: Env) {
  const directory = join(home, `limits-${++count}`)
  mkdirSync(directory)
  const common = { LD_PRELOAD: shim, TORTURE_DIRECTORY: directory, UPLOAD_CGI_DURABLE: 'false' }
  const send = (address: string, env: Env = {}): Promise<CgiReply> =>
    post(directory, [file('a.txt')], { ...common, ...more, REMOTE_ADDR: address, ...env })
  return { directory, send, stored: () => names(directory).length }
}

/** What visitors and owners see; a process that was killed may leave a hidden folder. */
function names(directory: string): string[] {
  return visible(directory).filter((name) => !name.startsWith('.'))
}

for (const [name, links] of fileSystems) {
  const limits = { UPLOAD_CGI_MAX_SENDER_FILES: '12', UPLOAD_CGI_MAX_TOTAL_FILES: '20' }

  test(`fifty processes at once, ${name}`, { skip }, async () => {
    const { directory, send, stored } = form({ ...links, ...limits })
    const addresses = Array.from({ length: 50 }, (_, i) => `192.0.2.${i % 2}`)
    const replies = await Promise.all(addresses.map((address) => send(address)))
    const codes = replies.map(told)
    const wrong = codes.filter((code) => !/^(stored|SENDER_LIMIT|TOTAL_LIMIT)$/.test(code))
    assert.deepEqual(wrong, [])
    assert.equal(stored(), codes.filter((code) => code === 'stored').length)
    assert.ok(stored() <= 20, String(stored()))
    for (const address of ['192.0.2.0', '192.0.2.1']) {
      const own = addresses.filter((one, i) => one === address && codes[i] === 'stored')
      assert.ok(own.length <= 12, `${address}: ${own.length}`)
    }
    // One after the other, others fill all that is left.
    for (let i = stored(); i < 20; i++) assert.equal(told(await send(`198.51.100.${i}`)), 'stored')
    assert.equal(told(await send('203.0.113.1')), 'TOTAL_LIMIT')
    assert.equal(stored(), 20)
    rmSync(directory, { recursive: true })
  })

  test(`killed before a call, ${name}`, { skip }, async (t) => {
    const most = { UPLOAD_CGI_MAX_SENDER_FILES: '3', UPLOAD_CGI_MAX_TOTAL_FILES: '3' }
    const { send: sendAlone } = form({ ...links, ...most })
    const log = join(home, `limits-log-${count}`)
    assert.equal(told(await sendAlone('192.0.2.1', { TORTURE_LOG: log })), 'stored')
    const calls = callsOf(readFileSync(log, 'utf8')).length
    const points = Array.from({ length: calls }, (_, i) => i + 1).filter((at) => at % step === 0)
    const shortOf = new Map<number, number>()
    await inParallel(points, async (at) => {
      const { directory, send, stored } = form({ ...links, ...most })
      const fate = { TORTURE_HOW: 'kill', TORTURE_AT: String(at) }
      const killed = await send('192.0.2.1', fate)
      assert.equal(killed.signal, 'SIGKILL', `${at}`)
      // Others are not asked for what its sender did.
      assert.equal(told(await send('192.0.2.2')), 'stored', `${at}`)
      let last = ''
      for (let i = 0; i < 4 && last !== 'TOTAL_LIMIT'; i++) {
        last = told(await send(`192.0.2.${i + 3}`))
        assert.match(last, /^(stored|TOTAL_LIMIT)$/, `${at}`)
      }
      assert.equal(last, 'TOTAL_LIMIT', `${at}`)
      const missing = 3 - stored()
      // An empty placeholder that takes a name is a file to whoever counts.
      assert.ok(missing === 0 || missing === 1, `${names(directory)} after call ${at}`)
      shortOf.set(missing, (shortOf.get(missing) ?? 0) + 1)
      rmSync(directory, { recursive: true })
    })
    assert.ok(points.length > 3, `${points.length} of ${calls}`)
    const short = shortOf.get(1) ?? 0
    t.diagnostic(`${points.length} of ${calls} calls; one file fewer after ${short} of them`)
  })
}
