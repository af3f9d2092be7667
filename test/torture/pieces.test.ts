// The same torture for uploads in pieces: each call of one request fails in each way, or is the
// last that its process makes. The invariant: what was told is true, and whatever happened, a
// sender that asks and resumes gets the file there, equal, once. What was told as safe before is
// never sent again.

import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type CgiReply, runCgi } from '../host/cgi.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import { callsOf, fatesOf, home, inParallel, shim, skip } from './rack.ts'
import type { Fate } from './scenarios.ts'

type Step = {
  readonly name: string
  readonly env?: Readonly<Record<string, string>>
  /** How much is there before. */
  readonly from: number
  /** Up to where the piece goes; -1: the upload is cancelled. */
  readonly to: number
  /** A file that has the name already. */
  readonly old?: string
  /** Another upload has the only slot, and has been idle for two minutes. */
  readonly isFull?: boolean
}

const content = Buffer.from(Array.from({ length: 90_000 }, (_, i) => (i * 31 + (i >> 9)) % 256))
const size = content.length
const id = '0123456789abcdef0123456789abcdef'
const otherId = 'fedcba9876543210fedcba9876543210'
const steps: readonly Step[] = [
  { name: 'the last piece', from: 40_000, to: size, old: 'old' },
  { name: 'the whole file in one piece', from: 0, to: size },
  {
    name: 'the last piece, overwrite',
    env: { UPLOAD_CGI_ON_CONFLICT: 'overwrite' },
    from: 40_000,
    to: size,
    old: 'old',
  },
  {
    name: 'the last piece, no hard links',
    env: { TORTURE_NO_LINKS: '1' },
    from: 40_000,
    to: size,
    old: 'old',
  },
  { name: 'a cancel', from: 40_000, to: -1 },
  {
    name: 'the first piece, which displaces another upload',
    env: { UPLOAD_CGI_MAX_PARTIAL_UPLOADS: '1' },
    from: 0,
    to: 40_000,
    isFull: true,
  },
]
let runs = 0

class Sender {
  readonly directory = join(home, `pieces-${++runs}`)
  readonly #step: Step
  waited = false

  constructor(step: Step) {
    this.#step = step
    mkdirSync(this.directory)
    if (step.old !== undefined) writeFileSync(join(this.directory, 'a.bin'), step.old)
  }

  send(
    from: number,
    to: number,
    env: Readonly<Record<string, string>> = {},
    upload = id,
  ): Promise<CgiReply> {
    const fields: Record<string, string> =
      to < 0
        ? { _upload: upload, _cancel: '1' }
        : { _upload: upload, _offset: String(from), _size: String(size), _filename: 'a.bin' }
    const texts = Object.entries(fields).map(([name, value]) => ({ name, content: value }))
    const file = { name: 'file', filename: 'file', content: content.subarray(from, to) }
    const body = `${this.directory}.body`
    writeFileSync(body, multipartBody(to < 0 ? texts : [...texts, file]))
    return this.#run({ ...env, LD_PRELOAD: shim }, body)
  }

  look(upload = id): Promise<CgiReply> {
    return this.#run({ QUERY_STRING: `upload=${upload}`, LD_PRELOAD: shim })
  }

  visible(): string[] {
    return readdirSync(this.directory).filter((name) => !name.startsWith('.upload-cgi'))
  }

  incoming(): string[] {
    return readdirSync(join(this.directory, '.upload-cgi', 'incoming'))
  }

  /** A claim whose writer was killed before it wrote its number has to grow old. */
  letMinutePass(): void {
    this.setBack(59, (name) => name.includes('.claim-'))
    this.waited = true
  }

  setBack(seconds: number, isMeant: (name: string) => boolean): void {
    const before = Date.now() / 1000 - seconds
    for (const name of this.incoming().filter(isMeant)) {
      utimesSync(join(this.directory, '.upload-cgi', 'incoming', name), before, before)
    }
  }

  #run(env: Readonly<Record<string, string>>, stdinFile?: string): Promise<CgiReply> {
    const accept = {
      HTTP_ACCEPT: 'application/json',
      TORTURE_DIRECTORY: this.directory,
      TORTURE_SLOW: '100',
    }
    return runCgi({
      directory: this.directory,
      timeoutSeconds: 120,
      ...(stdinFile === undefined ? {} : { stdinFile, method: 'POST', contentType: contentType() }),
      env: { ...accept, ...this.#step.env, ...env },
    })
  }
}

async function prepared(step: Step): Promise<Sender> {
  const sender = new Sender(step)
  if (step.from > 0) {
    const reply = await sender.send(0, step.from)
    assert.equal(reply.status, 202, reply.text)
  }
  if (step.isFull) {
    const reply = await sender.send(0, 10_000, {}, otherId)
    assert.equal(reply.status, 202, reply.text)
    sender.setBack(120, (name) => /\.(data|journal)$/.test(name))
  }
  return sender
}

/** Goes on until the file is stored, as a client would; gives where it went on from. */
async function goOn(sender: Sender): Promise<number> {
  const stand = await sender.look()
  if (stand.status === 200 && stand.json().files !== undefined) return size
  const from = stand.status === 404 ? 0 : stand.json().offset
  assert.ok(stand.status === 404 || stand.status === 200, stand.text + stand.stderr)
  let reply = await sender.send(from, size)
  if (reply.status === 423) {
    sender.letMinutePass()
    reply = await sender.send(from, size)
  }
  assert.equal(reply.status, 201, `from ${from}: ${reply.text}${reply.stderr}`)
  return from
}

function assertTrue(step: Step, fate: Fate, reply: CgiReply, sender: Sender): void {
  const told = `${reply.status} ${reply.text} ${reply.stderr}`
  assert.equal(reply.signal, fate.how === 'kill' ? 'SIGKILL' : null, told)
  const whole = sender.visible().filter((name) => {
    const found = readFileSync(join(sender.directory, name))
    const isPlaceholder = 'TORTURE_NO_LINKS' in (step.env ?? {}) && found.length === 0
    const isOld = name === 'a.bin' && found.toString() === step.old
    assert.ok(isPlaceholder || isOld || found.equals(content), `${name} is whole: ${told}`)
    return found.equals(content)
  })
  if (fate.how === 'kill') return
  if (reply.status === 201) assert.equal(whole.length, 1, told)
  else if (!reply.text.includes('maybe there')) assert.deepEqual(whole, [], told)
  const expected = step.to < 0 ? 204 : step.to === size ? 201 : 202
  assert.ok([expected, 423, 503, 507, 404].includes(reply.status), told)
}

/** What its request calls when nothing fails, and each way in which that can fail. */
async function pointsOf(step: Step): Promise<{ calls: string[]; fates: Fate[] }> {
  const counted = await prepared(step)
  const log = `${counted.directory}.log`
  const usual = await counted.send(step.from, step.to, { TORTURE_LOG: log })
  assert.equal(usual.status, step.to < 0 ? 204 : step.to === size ? 201 : 202, usual.text)
  const calls = callsOf(readFileSync(log, 'utf8'))
  const hasNoLinks = 'TORTURE_NO_LINKS' in (step.env ?? {})
  return { calls, fates: fatesOf(calls, hasNoLinks, [constants.errno.ENOSPC]) }
}

/** `npm run test:long` has them all; most take more than a minute. */
const tried = process.env['UPLOAD_CGI_LONG']
  ? steps
  : steps.filter(({ name }) => name === 'the last piece' || name === 'a cancel')

for (const step of tried) {
  test(`${step.name}: the file arrives whatever fails`, { skip }, async (t) => {
    const { calls, fates } = await pointsOf(step)
    const broken: string[] = []
    const resumed = new Map<number, number>()
    let waits = 0
    await inParallel(fates, async (fate) => {
      const sender = await prepared(step)
      const { how, at, errno } = fate
      const point = `${how} at ${at} (${calls[at - 1]}) with ${errno}`
      try {
        const reply = await sender.send(step.from, step.to, {
          TORTURE_HOW: how,
          TORTURE_AT: String(at),
          TORTURE_ERRNO: String(errno),
        })
        assertTrue(step, fate, reply, sender)
        const from = await goOn(sender)
        resumed.set(from, (resumed.get(from) ?? 0) + 1)
        if (sender.waited) waits++
        // Without hard links the data itself moves, and what is taken back is gone.
        const mayBeLost = step.to < 0 || 'TORTURE_NO_LINKS' in (step.env ?? {})
        if (!mayBeLost) assert.ok(from >= step.from, `from ${from}`)
        const stored = sender
          .visible()
          .filter((name) => readFileSync(join(sender.directory, name)).equals(content))
        assert.equal(stored.length, 1, `stored as ${stored}`)
        for (const name of sender.incoming()) assert.match(name, ours)
        if (step.isFull) {
          // The other one is there as it was, or it is gone.
          const other = await sender.look(otherId)
          const isSame = other.status === 200 && other.json().offset === 10_000
          assert.ok(isSame || other.status === 404, other.text + other.stderr)
        }
        rmSync(sender.directory, { recursive: true })
      } catch (error) {
        broken.push(`${point}: ${error}`)
      }
    })
    assert.deepEqual(broken.slice(0, 6), [], `${broken.length} of ${fates.length} runs`)
    const counts = [...resumed].sort().map(([from, count]) => `${from}: ${count}`)
    t.diagnostic(`${fates.length} runs; gone on from ${counts.join(', ')}; waited ${waits}`)
  })
}

test('docs/security.md says how many runs these are in all', { skip }, async () => {
  let count = 0
  for (const step of steps) count += (await pointsOf(step)).fates.length
  const text = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8')
  const [, documented] = /then the sender resumes\. These are (\d+) runs\./.exec(text) ?? []
  assert.equal(Number(documented), count)
})

const ours = /^\.ht[0-9a-f]{32}\.(part|part\.name|note|kept|data|data\.name|journal|claim-\d+)$/
