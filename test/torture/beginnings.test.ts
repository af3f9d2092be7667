// The total while an upload in pieces begins: its process waits before any of its calls to the
// directory while another one counts what is there, or it dies there. Never more is stored than the
// limit says, and a beginning that is sent again counts once.

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type CgiReply, runCgi } from '../host/cgi.ts'
import { said, told } from '../host/closed-form.ts'
import { assertFault, file, post, visible } from '../host/form.ts'
import { callsOf, home, inParallel, shim, skip } from './rack.ts'

type Env = Readonly<Record<string, string>>

/** Every call in the long run, every thirtieth in that of each change. */
const step = process.env['UPLOAD_CGI_LONG'] ? 1 : 30
const fileSystems = [
  ['with hard links', {}],
  ['without hard links', { TORTURE_NO_LINKS: '1' }],
] as const
const id = 'ab12'.repeat(8)
const large = Buffer.alloc(20_000)
let count = 0

/** A directory for 100 KB. The upload that begins announces 60 KB of them, so one large file fits. */
function form(more: Env) {
  const directory = join(home, `beginnings-${++count}`)
  mkdirSync(directory)
  const limit = { UPLOAD_CGI_MAX_TOTAL_SIZE: '100KB', UPLOAD_CGI_DURABLE: 'false' }
  const common = { LD_PRELOAD: shim, TORTURE_DIRECTORY: directory, ...limit, ...more }
  const parts = [said(id, '_upload'), said('0', '_offset'), said('60000', '_size')]
  const look = { directory, env: { ...common, QUERY_STRING: `upload=${id}` } }
  return {
    directory,
    send: (name: string, content = large) => post(directory, [file(name, content)], common),
    begin: (env: Env = {}) => post(directory, [...parts, file('b', '')], { ...common, ...env }),
    isBegun: async () => (await runCgi(look)).status === 200,
    /** As when an hour has passed: the next process counts the directory. */
    forgetCount() {
      rmSync(join(directory, '.upload-cgi/notes/limits/count'), { recursive: true })
    },
    larges: () => visible(directory).filter((name) => name.startsWith('large-')).length,
  }
}

/** How many large files there are when no more are taken. */
async function filled({ send, larges }: ReturnType<typeof form>): Promise<number> {
  for (let i = 0; i < 5; i++) await send(`large-${i}`)
  assertFault(await send('large-5'), 'TOTAL_LIMIT')
  return larges()
}

/** The calls of a beginning that are tried; always the one that makes its first file. */
async function pointsOf(more: Env): Promise<number[]> {
  const { directory, send, begin } = form(more)
  const log = `${directory}.log`
  assert.equal(told(await send('first', Buffer.alloc(1))), 'stored')
  assertBegun(await begin({ TORTURE_LOG: log }), 0)
  const text = readFileSync(log, 'utf8')
  const first = Number(/^(\d+) open \S+\.data$/m.exec(text)?.[1])
  const points = callsOf(text).map((_, i) => i + 1)
  assert.ok(points.includes(first))
  return points.filter((at) => at % step === 0 || at === first)
}

for (const [name, links] of fileSystems) {
  test(`another process counts before any call of a beginning, ${name}`, { skip }, async () => {
    await inParallel(await pointsOf(links), async (at) => {
      const held = form(links)
      const [log, gate] = [`${held.directory}.log`, `${held.directory}.gate`]
      assert.equal(told(await held.send('first', Buffer.alloc(1))), 'stored')
      const fate = { TORTURE_HOW: 'wait', TORTURE_AT: String(at), TORTURE_UNTIL: gate }
      const begun = held.begin({ ...fate, TORTURE_LOG: log })
      await until(() => existsSync(log) && callsOf(readFileSync(log, 'utf8')).length >= at)
      held.forgetCount()
      assert.equal(told(await held.send('small', Buffer.alloc(1))), 'stored')
      writeFileSync(gate, '')
      assertBegun(await begun, at)
      assert.equal(await filled(held), 1, `call ${at}`)
      assertBegun(await held.begin(), at)
      rmSync(held.directory, { recursive: true })
    })
  })

  test(`a beginning is killed before any call, ${name}`, { skip }, async () => {
    await inParallel(await pointsOf(links), async (at) => {
      const killed = form(links)
      assert.equal(told(await killed.send('first', Buffer.alloc(1))), 'stored')
      const reply = await killed.begin({ TORTURE_HOW: 'kill', TORTURE_AT: String(at) })
      assert.equal(reply.signal, 'SIGKILL', `${at}`)
      killed.forgetCount()
      const larges = await filled(killed)
      // What it left counts at most as what it announced.
      assert.ok(
        larges === 1 || (larges === 4 && !(await killed.isBegun())),
        `call ${at}: ${larges}`,
      )
      // A claim without a word of its holder is believed for 45 s.
      const again = await killed.begin({ TORTURE_AGE: '60' })
      if (larges === 1) assertBegun(again, at)
      else assertFault(again, 'TOTAL_LIMIT')
      rmSync(killed.directory, { recursive: true })
    })
  })
}

function assertBegun(reply: CgiReply, at: number): void {
  assert.equal(reply.status, 202, `${at}: ${reply.text} ${reply.stderr}`)
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let i = 0; i < 3000 && !isTrue(); i++) await delay(20)
  assert.ok(isTrue())
}
