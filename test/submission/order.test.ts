// The rules of the record (decision 016) that say what comes before what: seen in the calls that
// the executable makes.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type CgiReply, runCgi } from '../host/cgi.ts'
import { incomingPath } from '../host/incoming.ts'
import { type BodyPart, contentType, multipartBody } from '../host/multipart-body.ts'
import { freshDirectory, inMemory } from '../host/program.ts'
import { add, fileField, id, notesOf, notesOfDays, textField, visible } from '../host/record.ts'
import { home, shim, skip } from '../torture/rack.ts'

type Sent = { readonly reply: CgiReply; readonly calls: readonly string[] }
let runs = 0

/** Posts to the submission `a`; `at` and `errno`: the call that fails, and how. */
async function post(
  directory: string,
  parts: readonly BodyPart[],
  at = 0,
  errno: number = constants.errno.EIO,
): Promise<Sent> {
  const log = join(home, `order-${++runs}.log`)
  const stdinFile = join(home, `order-${runs}.body`)
  writeFileSync(stdinFile, multipartBody([textField('_submission', id('a')), ...parts]))
  const reply = await runCgi({
    directory,
    method: 'POST',
    stdinFile,
    contentType: contentType(),
    env: {
      HTTP_ACCEPT: 'application/json',
      UPLOAD_CGI_MIN_FREE_SPACE: '0',
      LD_PRELOAD: shim,
      TORTURE_DIRECTORY: directory,
      TORTURE_LOG: log,
      TORTURE_HOW: 'fail',
      TORTURE_AT: String(at),
      TORTURE_ERRNO: String(errno),
    },
  })
  return { reply, calls: readFileSync(log, 'utf8').trimEnd().split('\n') }
}

const close = [textField('_close', '1')]
const fresh = (t: Parameters<typeof freshDirectory>[0]) => freshDirectory(t, inMemory())

/** Where the call is, from `from` on. */
function placeOf(calls: readonly string[], pattern: RegExp, from = 0): number {
  const place = calls.findIndex((call, i) => i >= from && pattern.test(call))
  assert.ok(place >= 0, `${pattern} in ${calls.slice(from).join('\n')}`)
  return place
}

test('no batch has what a power cut may still take away: a verdict that cannot be synced', {
  skip,
}, async (t) => {
  const [whole, directory] = [fresh(t), fresh(t)]
  for (const one of [whole, directory]) add(one, 'a', ['a.txt'])
  const { reply, calls } = await post(whole, close)
  assert.equal(reply.status, 200, reply.text)
  const syncs = calls.map((call, i) => {
    return / fdatasync/.test(call) && / open \S*\/notes\/verdict\//.test(calls[i - 1] ?? '')
  })
  const failing = await post(directory, close, 1 + syncs.indexOf(true))
  assert.deepEqual([failing.reply.status, failing.reply.json().code], [503, 'DIRECTORY_UNUSABLE'])
  assert.deepEqual(notesOfDays(directory, 'batch'), [])
  assert.equal((await post(directory, close)).reply.status, 200)
  assert.equal(notesOfDays(directory, 'batch').length, 1)
})

test('names are noted durably before a file gets one: else a crash leaves it in no record', {
  skip,
}, async (t) => {
  const directory = fresh(t)
  // So that no folder has to be made on the way.
  add(directory, 'a', ['first.txt'])
  writeFileSync(join(directory, 'a.txt'), 'of somebody else')
  const { reply, calls } = await post(directory, [fileField('a.txt')])
  assert.equal(reply.json().files[0].stored, 'a-2.txt')
  const linked = placeOf(calls, / link \S*\/a-2\.txt$/)
  // The second note: of the name that the file got.
  const noted = placeOf(calls, / open \S*\/notes\/storing\/\.ht/)
  const notedAgain = placeOf(calls, / open \S*\/notes\/storing\/\.ht/, noted + 1)
  const synced = placeOf(calls, / fdatasync/, notedAgain)
  const folder = placeOf(calls, / fsync/, synced)
  assert.ok(folder < linked, calls.join('\n'))
})

test('*undone* comes before a file is taken back: else a batch has a file that is gone', {
  skip,
}, async (t) => {
  const [whole, directory] = [fresh(t), fresh(t)]
  const parts = [fileField('a.txt')]
  const { calls } = await post(whole, parts)
  const verdict = 1 + placeOf(calls, / link \S*\/notes\/verdict\//)
  const { reply, calls: made } = await post(directory, parts, verdict, constants.errno.ENOSPC)
  assert.equal(reply.status, 507, reply.text)
  const undone = placeOf(made, / link \S*\/notes\/verdict\//, verdict)
  const takenBack = placeOf(made, / unlink \S*\/a\.txt$/)
  assert.ok(undone < takenBack, made.join('\n'))
  assert.deepEqual(visible(directory), [])
})

test('whoever makes a batch syncs the earlier ones: else a power cut tells a file twice', {
  skip,
}, async (t) => {
  const directory = fresh(t)
  for (const name of ['a.txt', 'b.txt']) {
    add(directory, 'a', [name])
    const { reply, calls } = await post(directory, close)
    assert.equal(reply.status, 200, reply.text)
    const number = name === 'a.txt' ? 1 : 2
    const made = placeOf(calls, new RegExp(` link \\S*/notes/batch/\\S*-${number}$`))
    if (number === 1) continue
    const syncs = calls.map((call, i) => {
      return / fdatasync/.test(call) && / open \S*\/notes\/batch\/\S*-1$/.test(calls[i - 1] ?? '')
    })
    assert.ok(syncs.includes(true) && syncs.indexOf(true) < made, calls.join('\n'))
    // And it is durable itself before what it has is listed no more.
    const durable = placeOf(calls, / fsync/, made)
    assert.ok(durable < placeOf(calls, / unlink \S*\/notes\/storing\//, made))
  }
})

test('no room for the record: DISK_FULL, nothing is visible and nothing is left', {
  skip,
}, async (t) => {
  const parts = [fileField('a.txt'), fileField('b.txt')]
  const { calls } = await post(fresh(t), parts)
  for (const pattern of [/ open \S*\/notes\/storing\/\.ht/, / link \S*\/notes\/verdict\//]) {
    const directory = fresh(t)
    const { reply } = await post(
      directory,
      parts,
      1 + placeOf(calls, pattern),
      constants.errno.ENOSPC,
    )
    assert.deepEqual([reply.status, reply.json().code], [507, 'DISK_FULL'])
    assert.deepEqual(visible(directory), [])
    assert.deepEqual(notesOf(directory, 'storing'), [])
    assert.deepEqual(notesOfDays(directory, 'verdict'), [])
    assert.deepEqual(readdirSync(incomingPath(directory)), [])
  }
})
