// A visitor's last request and the deliverer, each killed before any of its calls to the upload
// directory: the next one does the rest. Nothing is lost, and whoever is told twice is told the
// same with the same id.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { said } from '../host/closed-form.ts'
import { file, post } from '../host/form.ts'
import type { BodyPart } from '../host/multipart-body.ts'
import { program } from '../host/program.ts'
import { ToldForm } from '../host/told-form.ts'
import { callsOf, home, shim, skip } from './rack.ts'

type Env = Readonly<Record<string, string>>

/** So many calls in the tests of every change; the long run takes all. */
const fewDeaths = process.env['UPLOAD_CGI_LONG'] ? Infinity : 20
const fewClosings = process.env['UPLOAD_CGI_LONG'] ? Infinity : 8
const log = join(home, 'log')

/** Killed before this call; 0 for none. */
function fate({ directory }: ToldForm, at: number): Env {
  rmSync(log, { force: true })
  const shimmed = { LD_PRELOAD: shim, TORTURE_DIRECTORY: directory, TORTURE_LOG: log }
  return { ...shimmed, TORTURE_AT: String(at), TORTURE_HOW: 'kill' }
}

/** Of all calls, so many. */
function points(calls: number, most: number): number[] {
  const count = Math.min(calls, most)
  return Array.from({ length: count }, (_, i) => {
    return 1 + Math.floor((i * (calls - 1)) / Math.max(1, count - 1))
  })
}

function deliver(form: ToldForm, at: number) {
  form.freeDeliverers()
  const { status, signal, stderr } = spawnSync(program, ['deliver'], {
    env: { PATH: '/usr/bin:/bin', ...form.env, ...fate(form, at) },
    encoding: 'utf8',
    timeout: 120_000,
  })
  assert.equal(stderr, '')
  return { status, signal, calls: callsOf(readFileSync(log, 'utf8')).length }
}

/** No request of it starts a deliverer. */
async function send(form: ToldForm, parts: readonly BodyPart[], more: Env = {}) {
  form.holdDeliverers()
  return post(form.directory, parts, { ...form.env, ...more })
}

/** At least one, all the same, about this receipt. */
async function assertTold(form: ToldForm, kind: string, receipt: string, at: number) {
  const told = (await form.told(kind, 1)).filter((text) => text.includes(receipt))
  assert.ok(told.length > 0 && told.length <= 2, `${told.length} times by ${kind}, ${at}`)
  assert.equal(new Set(told).size, 1, `${kind}, ${at}`)
  return told[0] ?? ''
}

test('killed before any call, a deliverer loses nothing, and every repetition is the same', {
  skip,
}, async () => {
  const form = new ToldForm()
  await send(form, [file('a.txt')])
  const { calls, status } = deliver(form, 0)
  assert.equal(status, 0)
  assert.ok(calls > 25, `${calls}`)
  let deaths = 0
  const deadly = points(calls, fewDeaths)
  for (const at of deadly) {
    const reply = await send(form, [file('a.txt')])
    assert.equal(reply.status, 201, reply.stderr)
    // The first one made folders that the later ones find.
    const killed = deliver(form, at)
    assert.ok(killed.signal === 'SIGKILL' || killed.calls < at, `before call ${at}`)
    if (killed.signal === 'SIGKILL') deaths++
    // Mails of the hour do not count here.
    rmSync(join(form.directory, '.upload-cgi/notes/mailed'), { recursive: true, force: true })
    assert.equal(deliver(form, 0).status, 0, `after call ${at}`)
    const { receipt } = reply.json()
    for (const kind of ['mail', 'run']) await assertTold(form, kind, receipt, at)
    assert.deepEqual(form.notes('storing'), [], `${at}`)
  }
  assert.ok(deaths > deadly.length / 2, `${deaths}`)
})

test('killed before any call, the request that closes a submission loses none of its files', {
  skip,
}, async (t) => {
  const form = new ToldForm()
  /** A submission of two files; gives the fields of the request that closes it. */
  const begin = async () => {
    const submission = said(randomBytes(16).toString('hex'), '_submission')
    for (const name of ['a.txt', 'b.txt']) {
      assert.equal((await send(form, [submission, file(name)])).status, 201)
    }
    return [submission, said('1', '_close')]
  }
  // The first one makes folders that the later ones find.
  for (let i = 0; i < 2; i++) {
    const tried = await send(form, await begin(), fate(form, 0))
    assert.equal(tried.status, 200, tried.text)
  }
  const { length } = callsOf(readFileSync(log, 'utf8'))
  const deadly = points(length, fewClosings)
  for (const at of deadly) {
    const closing = await begin()
    const killed = await send(form, closing, fate(form, at))
    assert.equal(killed.signal, 'SIGKILL', `${at}`)
    const again = await send(form, closing)
    assert.equal(again.status, 200, again.text)
    const { receipt, batch, files } = again.json()
    assert.deepEqual([batch, files.length], [1, 2], `${at}`)
    rmSync(join(form.directory, '.upload-cgi/notes/mailed'), { recursive: true, force: true })
    assert.equal(deliver(form, 0).status, 0, `${at}`)
    const run = JSON.parse(await assertTold(form, 'run', receipt, at))
    await assertTold(form, 'mail', receipt, at)
    assert.deepEqual([run.batch, run.files.length], [1, 2], `${at}`)
    assert.deepEqual(form.notes('storing'), [], `${at}`)
  }
  t.diagnostic(`${deadly.length} of ${length} calls`)
})
