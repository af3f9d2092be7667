// What storing promises, tried between two machines: names, several files at once, pieces, tus.

import assert from 'node:assert/strict'
import { assertFault, file, storedNames } from '../host/form.ts'
import { content, type Piece, Uploads } from '../host/piece-upload.ts'
import { sendByItself, type TusRequest } from '../host/tus.ts'
import { create, offsetOf, patch } from '../host/tus-requests.ts'
import { assertNothingLeft, type Both, contentsOn, type Machine } from './machines.ts'

const reject = { UPLOAD_CGI_ON_CONFLICT: 'reject' }
const video = { 'video.mp4': content.toString('latin1') }

/** 16 senders of one name, eight on each machine: one winner, or a number for each. */
export async function namesAreTakenOnce(both: Both, mode: string): Promise<void> {
  const replies = await Promise.all(
    Array.from({ length: 16 }, (_, i) =>
      of(both, i).post([file('same.txt', `content ${i}`)], { UPLOAD_CGI_ON_CONFLICT: mode }),
    ),
  )
  const stored = new Map<string, string>()
  for (const [i, reply] of replies.entries()) {
    if (reply.status === 201) stored.set(storedNames(reply)[0] ?? '', `content ${i}`)
    else assertFault(reply, 'NAME_TAKEN')
  }
  assert.equal(stored.size, mode === 'rename' ? 16 : 1)
  assert.deepEqual(contentsOn(both), Object.fromEntries([...stored].sort()))
  assertNothingLeft(both)
}

/** Three files a request from both machines, in both orders: whoever loses leaves none. */
export async function allOrNothing(both: Both): Promise<void> {
  const names = ['a.txt', 'b.txt', 'c.txt']
  const replies = await Promise.all(
    both.map((machine, i) => {
      const order = i === 0 ? names : names.toReversed()
      const parts = order.map((name) => file(name, `${name} of ${i}`))
      return machine.post(parts, reject)
    }),
  )
  const winners = replies.flatMap(({ status }, i) => (status === 201 ? [i] : []))
  assert.ok(winners.length <= 1, 'both have stored all')
  const wanted = winners.flatMap((i) => names.map((name) => [name, `${name} of ${i}`]))
  assert.deepEqual(Object.entries(contentsOn(both)), wanted)
  for (const reply of replies) if (reply.status !== 201) assertFault(reply, 'NAME_TAKEN')
  assertNothingLeft(both)
}

/** Each piece by the other machine, which knows at once what is safe. */
export async function piecesAlternate(both: Both): Promise<void> {
  const { id } = new Uploads(both[0].directory)
  for (const [i, offset] of [0, 100_000, 200_000].entries()) {
    const bytes = content.subarray(offset, offset + 100_000)
    const reply = await piece(of(both, i), { id, offset, bytes })
    assert.equal(reply.status, i < 2 ? 202 : 201, reply.text + reply.stderr)
    const looked = await look(of(both, i + 1), id)
    assert.equal(looked.headers.get('upload-offset'), String(offset + bytes.length))
  }
  assert.deepEqual(contentsOn(both), video)
  assertNothingLeft(both)
}

/** The same whole file, by the same id, from both at once: one file. */
export async function samePieceFromBoth(both: Both): Promise<void> {
  const { id } = new Uploads(both[0].directory)
  const replies = await Promise.all(both.map((machine) => piece(machine, { id, bytes: content })))
  assert.ok(replies.some(({ status }) => status === 201))
  for (const { status, text } of replies) assert.ok(status === 201 || status === 423, text)
  // Whoever was told to wait asks again, and is told the same.
  const again = await Promise.all(both.map((machine) => piece(machine, { id, bytes: content })))
  for (const reply of again) assert.deepEqual(storedNames(reply), ['video.mp4'])
  assert.deepEqual(contentsOn(both), video)
  assertNothingLeft(both)
}

/** While one machine appends, the other neither appends nor cancels; after that it cancels. */
export async function oneSenderAtATime(both: Both): Promise<void> {
  const [one, other] = both
  const { id } = new Uploads(one.directory)
  const fields = { _upload: id, _offset: '0', _size: String(content.length), _filename: 'v.mp4' }
  const texts = Object.entries(fields).map(([name, value]) => ({ name, content: value }))
  const bytes = content.subarray(0, 100_000)
  const held = await one.stalled([...texts, file('file', bytes)], isClaim)
  const busy = await piece(other, { id, offset: 0, bytes, name: 'v.mp4' })
  assertFault(busy, 'UPLOAD_BUSY')
  assertFault(await cancelled(other, id), 'UPLOAD_BUSY')
  assert.equal((await held.finish()).status, 202)
  assert.equal((await cancelled(other, id)).status, 204)
  assert.equal((await look(one, id)).status, 404)
  assert.deepEqual(contentsOn(both), {})
  assertNothingLeft(both)
}

export async function tusAlternates(both: Both): Promise<void> {
  const [one, other] = both.map(({ directory, env, limit }) => ({
    send: (asked: TusRequest) => sendByItself(directory, asked, env, { limit }),
  }))
  assert.ok(one !== undefined && other !== undefined)
  const path = await create(one, { length: content.length, name: 'video.mp4' })
  for (const [i, offset] of [0, 100_000, 200_000].entries()) {
    const [here, there] = i % 2 === 0 ? [other, one] : [one, other]
    const reply = await patch(here, path, offset, content.subarray(offset, offset + 100_000))
    assert.equal(reply.status, 204, reply.text)
    assert.equal(await offsetOf(there, path), String(offset + 100_000))
  }
  assert.deepEqual(contentsOn(both), video)
}

function of(both: Both, i: number): Machine {
  return both[i % 2 === 0 ? 0 : 1]
}

function piece({ directory, env, limit }: Machine, wanted: Piece) {
  return new Uploads(directory).piece({ ...wanted, env, limit })
}

function look({ directory, env, limit }: Machine, id: string) {
  return new Uploads(directory).look(id, env, limit)
}

function cancelled({ directory, env, limit }: Machine, id: string) {
  return new Uploads(directory).post({ _upload: id, _cancel: '1' }, { env, limit })
}

const isClaim = (name: string) => name.includes('.claim-')
