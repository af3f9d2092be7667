// The total while an upload comes: its process waits before any of its calls to the directory while
// another one counts what is there, or it dies there. Never more is stored than the limit says, and
// an upload in pieces whose beginning is sent again counts once.

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type CgiReply, runCgi } from '../host/cgi.ts'
import { said, told } from '../host/closed-form.ts'
import { assertFault, file, post, visible } from '../host/form.ts'
import { callsOf, home, inParallel, shim, skip } from './rack.ts'

type Env = Readonly<Record<string, string | undefined>>

/** Every call in the long run, every thirtieth in that of each change. */
const step = process.env['UPLOAD_CGI_LONG'] ? 1 : 30
const fileSystems = [
  ['with hard links', {}],
  ['without hard links', { TORTURE_NO_LINKS: '1' }],
] as const
const id = 'ab12'.repeat(8)
const large = Buffer.alloc(40_000)
/** Without another upload, one more fits. */
const besides = 2
let count = 0

/**
 * A directory for 150 KB. The upload brings 60 KB of them, or announces them. While it is stored
 * they may count twice.
 */
function form(more: Env) {
  const directory = join(home, `counts-${++count}`)
  mkdirSync(directory)
  const limit = { UPLOAD_CGI_MAX_TOTAL_SIZE: '150KB', UPLOAD_CGI_DURABLE: 'false' }
  const common = { LD_PRELOAD: shim, TORTURE_DIRECTORY: directory, ...limit, ...more }
  const parts = [said(id, '_upload'), said('0', '_offset'), said('60000', '_size')]
  const chunked = { CONTENT_LENGTH: undefined, HTTP_TRANSFER_ENCODING: 'chunked' }
  const three = ['x', 'y', 'z'].map((name) => file(name, Buffer.alloc(20_000)))
  const look = { directory, env: { ...common, QUERY_STRING: `upload=${id}` } }
  return {
    directory,
    send: (name: string, content = large) => post(directory, [file(name, content)], common),
    /** Until all has come, nobody knows how much it is. */
    sendThree: (env: Env = {}) => post(directory, three, { ...common, ...chunked, ...env }),
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
  for (let i = 0; i < 4; i++) await send(`large-${i}`)
  assertFault(await send('large-4'), 'TOTAL_LIMIT')
  return larges()
}

type Form = ReturnType<typeof form>
type Send = (form: Form, env?: Env) => Promise<CgiReply>

/** The calls of an upload that are tried; always the one that makes its first file. */
async function pointsOf(more: Env, send: Send, isFirst: RegExp): Promise<number[]> {
  const fresh = form(more)
  const log = `${fresh.directory}.log`
  assert.equal(told(await fresh.send('first', Buffer.alloc(1))), 'stored')
  assertTaken(await send(fresh, { TORTURE_LOG: log }), 0)
  const text = readFileSync(log, 'utf8')
  const first = Number(isFirst.exec(text)?.[1])
  const points = callsOf(text).map((_, i) => i + 1)
  assert.ok(points.includes(first))
  return points.filter((at) => at % step === 0 || at === first)
}

const begin: Send = (one, env) => one.begin(env)
const isData = /^(\d+) open \S+\.data$/m
const uploads: readonly [what: string, send: Send, isFirst: RegExp][] = [
  ['an upload in pieces begins', begin, isData],
  ['a chunked form', (one, env) => one.sendThree(env), /^(\d+) (?:link|rename) \S+\/[xyz]$/m],
]

for (const [name, links] of fileSystems) {
  for (const [what, send, isFirst] of uploads) {
    test(`another process counts before any call: ${what}, ${name}`, { skip }, async () => {
      await inParallel(await pointsOf(links, send, isFirst), async (at) => {
        const held = form(links)
        const [log, gate] = [`${held.directory}.log`, `${held.directory}.gate`]
        assert.equal(told(await held.send('first', Buffer.alloc(1))), 'stored')
        const fate = { TORTURE_HOW: 'wait', TORTURE_AT: String(at), TORTURE_UNTIL: gate }
        const sent = send(held, { ...fate, TORTURE_LOG: log })
        await until(() => existsSync(log) && callsOf(readFileSync(log, 'utf8')).length >= at)
        held.forgetCount()
        const small = await held.send('small', Buffer.alloc(1))
        writeFileSync(gate, '')
        assert.equal(told(small), 'stored', `call ${at}`)
        assertTaken(await sent, at)
        assert.equal(await filled(held), besides, `call ${at}`)
        if (send === begin) assertTaken(await held.begin(), at)
        rmSync(held.directory, { recursive: true })
      })
    })
  }

  test(`a beginning is killed before any call, ${name}`, { skip }, async () => {
    await inParallel(await pointsOf(links, begin, isData), async (at) => {
      const killed = form(links)
      assert.equal(told(await killed.send('first', Buffer.alloc(1))), 'stored')
      const reply = await killed.begin({ TORTURE_HOW: 'kill', TORTURE_AT: String(at) })
      assert.equal(reply.signal, 'SIGKILL', `${at}`)
      killed.forgetCount()
      const larges = await filled(killed)
      // What it left counts at most as what it announced.
      if (larges !== besides) assert.equal(larges, besides + 1, `call ${at}`)
      if (larges !== besides) assert.ok(!(await killed.isBegun()), `call ${at}`)
      // A claim without a word of its holder is believed for 45 s.
      const again = await killed.begin({ TORTURE_AGE: '60' })
      if (larges === besides) assertTaken(again, at)
      else assertFault(again, 'TOTAL_LIMIT')
      rmSync(killed.directory, { recursive: true })
    })
  })
}

function assertTaken(reply: CgiReply, at: number): void {
  assert.ok(reply.status === 202 || reply.status === 201, `${at}: ${reply.text} ${reply.stderr}`)
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let i = 0; i < 3000 && !isTrue(); i++) await delay(20)
  assert.ok(isTrue())
}
