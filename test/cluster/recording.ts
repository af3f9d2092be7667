// What is remembered, between two machines: submissions and their batches, limits, visitors,
// whoever is told, folders, and what is swept.

import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { invitation, passphrase, said, token, told } from '../host/closed-form.ts'
import { file } from '../host/form.ts'
import type { BodyPart } from '../host/multipart-body.ts'
import { batchesOf, receiptOf } from '../host/record.ts'
import { assertNothingLeft, type Both, contentsOn, settingsFor, until } from './machines.ts'

const submission: BodyPart = { name: '_submission', content: Buffer.from('a'.repeat(32)) }
const close: BodyPart = { name: '_close', content: Buffer.from('1') }

/** One machine closes the submission while the other stores: each file is in exactly one batch. */
export async function batchesAreWhole(both: Both): Promise<void> {
  const [one, other] = both
  assert.equal((await one.post([submission, file('0.txt')])).status, 201)
  const replies = await Promise.all([
    ...[1, 2, 3].map((i) => other.post([submission, file(`${i}.txt`)])),
    ...both.map((machine) => machine.post([submission, close])),
  ])
  assert.deepEqual(
    replies.map(({ status }) => status),
    [201, 201, 201, 200, 200],
  )
  assert.equal((await other.post([submission, close])).status, 200)
  const all = ['0.txt', '1.txt', '2.txt', '3.txt']
  for (const { directory } of both) {
    const batched = batchesOf(directory).flatMap(({ files }) => files.map(({ stored }) => stored))
    assert.deepEqual(batched.sort(), all)
    const stored = receiptOf(directory, 'a').files.map((one) => one.stored)
    assert.deepEqual(stored.sort(), all)
  }
}

/** Both machines at once, at the edge of what a sender and the directory may have. */
export async function limitsAreHeld(both: Both): Promise<void> {
  const env = { UPLOAD_CGI_MAX_SENDER_FILES: '3', UPLOAD_CGI_MAX_TOTAL_FILES: '5' }
  const send = (i: number, address: string) =>
    both[i % 2 === 0 ? 0 : 1].post([file(`${i}.txt`)], { ...env, REMOTE_ADDR: address })
  const codes = (await Promise.all([0, 1, 2, 3, 4, 5].map((i) => send(i, '192.0.2.1')))).map(told)
  const stored = codes.filter((code) => code === 'stored').length
  assert.ok(stored <= 3, `${codes}`)
  for (const code of codes) assert.match(code, /^(stored|SENDER_LIMIT)$/)
  // At the edge both may be refused; one after the other, all that is left is filled.
  for (let i = 10; i < 20; i++) await send(i, `192.0.2.${i}`)
  assert.equal(Object.keys(contentsOn(both)).length, 5)
}

/** One after the other, as many are taken as the limit says, whichever machine has counted last. */
export async function totalIsExact(both: Both): Promise<void> {
  const send = async (i: number) =>
    told(
      await both[i % 2 === 0 ? 0 : 1].post([file(`${i}.txt`)], { UPLOAD_CGI_MAX_TOTAL_FILES: '5' }),
    )
  for (let i = 0; i < 5; i++) assert.equal(await send(i), 'stored', String(i))
  for (let i = 5; i < 9; i++) assert.equal(await send(i), 'TOTAL_LIMIT', String(i))
  // Each machine notices what the owner removes on the other.
  for (const [i, { directory }] of both.entries()) {
    unlinkSync(join(directory, `${i}.txt`))
    assert.equal(await send(11 + i), 'stored')
    for (const next of [20, 21]) assert.equal(await send(next), 'TOTAL_LIMIT')
  }
}

/** Whoever was let in by one machine is known to the other, and an invitation ends for both. */
export async function visitorsAreKnown(both: Both): Promise<void> {
  const closed = `passphrase = "${passphrase}"\n${invitation}max_files = 2\n`
  const env = settingsFor(both, closed)
  for (const [here, there] of [both, both.toReversed()]) {
    assert.ok(here !== undefined && there !== undefined)
    const welcome = await here.post([said(passphrase)], { ...env, HTTP_ACCEPT: 'text/html' })
    assert.equal(welcome.status, 303, welcome.text + welcome.stderr)
    const HTTP_COOKIE = welcome.headers.get('set-cookie')?.split(';')[0] ?? ''
    assert.equal(told(await there.post([file('a.txt')], { ...env, HTTP_COOKIE })), 'stored')
  }
  const [one, other] = both
  const invited = { ...env, QUERY_STRING: `invite=${token}` }
  assert.equal(told(await one.post([file('b.txt')], invited)), 'stored')
  assert.equal(told(await other.post([file('b.txt')], invited)), 'stored')
  for (const machine of both) {
    assert.equal(told(await machine.post([file('c.txt')], invited)), 'INVITATION_ENDED')
  }
}

/** Whichever machine has the request, the owner is told once of each. `home`: on one machine. */
export async function ownerIsTold(both: Both): Promise<void> {
  const home = `${both[0].directory}-home`
  const outbox = join(home, 'told')
  mkdirSync(outbox, { recursive: true })
  const program = join(home, 'tell.sh')
  writeFileSync(program, `#!/bin/sh\ncat > ${outbox}/$$-$(date +%s%N)\n`, { mode: 0o755 })
  const env = settingsFor(both, `notify = ["${program}"]\n`)
  const posts = [0, 1, 2, 3].map((i) => both[i % 2 === 0 ? 0 : 1].post([file(`${i}.txt`)], env))
  for (const reply of await Promise.all(posts)) assert.equal(reply.status, 201, reply.text)
  const texts = () => readdirSync(outbox).map((name) => readFileSync(join(outbox, name), 'utf8'))
  const stored = () => texts().flatMap((text) => /"stored":"([^"]*)"/.exec(text)?.[1] ?? [])
  await until(() => new Set(stored()).size === 4)
  // Normally once; a repetition is the same.
  assert.equal(new Set(texts()).size, 4)
}

/** The same new folders from both machines at once. */
export async function foldersAreShared(both: Both): Promise<void> {
  const path = (name: string): BodyPart => ({ name: '_filename', content: Buffer.from(name) })
  const replies = await Promise.all(
    both.map((machine, i) => {
      const parts = ['x/y/a.txt', 'x/b.txt'].flatMap((name) => [path(name), file('f', `${i}`)])
      return machine.post(parts)
    }),
  )
  for (const reply of replies) assert.equal(reply.status, 201, reply.text + reply.stderr)
  const wanted = ['x/b-2.txt', 'x/b.txt', 'x/y/a-2.txt', 'x/y/a.txt']
  assert.deepEqual(Object.keys(contentsOn(both)), wanted)
}

/** What is being received through one machine is not swept by the other, whatever its clock. */
export async function nothingInUseIsSwept(both: Both): Promise<void> {
  const env = { UPLOAD_CGI_PARTIAL_LIFETIME: '1h' }
  const isPart = (name: string) => name.endsWith('.part')
  for (const [here, there] of [both, both.toReversed()]) {
    assert.ok(here !== undefined && there !== undefined)
    const held = await here.stalled([file('held.txt', 'x'.repeat(100_000))], isPart, env)
    assert.equal((await there.post([file('other.txt')], env)).status, 201)
    assert.equal((await held.finish()).status, 201)
  }
  const wanted = ['held-2.txt', 'held.txt', 'other-2.txt', 'other.txt']
  assert.deepEqual(Object.keys(contentsOn(both)), wanted)
  assertNothingLeft(both)
  assert.ok(existsSync(join(both[1].directory, '.upload-cgi')))
}
