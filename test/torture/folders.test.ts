// The torture for a file in new folders: each call of the request fails, or is the last. 201: the
// file is there, whole. Anything else: neither file nor folder. No reply: nothing half, and the
// next request for that place is not hindered.

import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type CgiReply, runCgi } from '../host/cgi.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import { callsOf, fatesOf, home, inParallel, shim, skip } from './rack.ts'
import type { Fate } from './scenarios.ts'

const place = 'new/deep/a.txt'
const content = 'the whole content'
let runs = 0

function send(directory: string, env: Readonly<Record<string, string>>): Promise<CgiReply> {
  const body = `${directory}.body`
  const name = { name: '_filename', content: encodeURIComponent(place) }
  writeFileSync(body, multipartBody([name, { name: 'file', filename: 'file', content }]))
  return runCgi({
    directory,
    method: 'POST',
    stdinFile: body,
    contentType: contentType(),
    timeoutSeconds: 120,
    env: { HTTP_ACCEPT: 'application/json', ...env },
  })
}

function fresh(): string {
  const directory = join(home, `folders-${++runs}`)
  mkdirSync(directory)
  return directory
}

/** All that visitors may see, folders too. */
function entries(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((path) => !path.startsWith('.upload-cgi'))
    .sort()
}

function assertTrue(directory: string, fate: Fate, reply: CgiReply, mayBeEmpty: boolean): void {
  const told = `${reply.status} ${reply.text} ${reply.stderr}`
  const found = entries(directory)
  const files = found.filter((path) => statSync(join(directory, path)).isFile())
  for (const path of files) {
    const bytes = readFileSync(join(directory, path), 'latin1')
    // Without hard links a killed program may leave its placeholder.
    const isPlaceholder = mayBeEmpty && fate.how !== 'fail' && bytes === ''
    assert.ok(bytes === content || isPlaceholder, `${path} is whole: ${told}`)
  }
  if (fate.how === 'kill') {
    assert.equal(reply.signal, 'SIGKILL', told)
    assert.ok(files.every((path) => path === place))
  } else if (reply.status === 201) {
    assert.equal(reply.json().files[0].stored, place)
    assert.deepEqual(found, ['new', 'new/deep', place])
  } else if (fate.how !== 'rest' || !reply.text.includes('maybe there')) {
    assert.deepEqual(found, [], told)
  }
}

for (const [name, more] of [
  ['a file in new folders', {}],
  ['the same without hard links', { TORTURE_NO_LINKS: '1' }],
] as const) {
  test(`${name}: each call fails, or is the last`, { skip }, async (t) => {
    const counted = fresh()
    const log = `${counted}.log`
    const env = (directory: string) => ({
      LD_PRELOAD: shim,
      TORTURE_DIRECTORY: directory,
      ...more,
    })
    const usual = await send(counted, { ...env(counted), TORTURE_LOG: log })
    assert.equal(usual.status, 201, usual.text)
    const lines = readFileSync(log, 'utf8')
    const calls = callsOf(lines)
    // torture.test.ts has what comes before.
    const from = 1 + lines.split('\n').findIndex((line) => line.endsWith(` mkdir ${counted}/new`))
    assert.ok(from > 1)
    const fates = fatesOf(calls, 'TORTURE_NO_LINKS' in more, [constants.errno.ENOSPC]).filter(
      ({ at }) => at >= from,
    )
    const broken: string[] = []
    await inParallel(fates, async (fate) => {
      const directory = fresh()
      const { how, at, errno } = fate
      const torture = { TORTURE_HOW: how, TORTURE_AT: String(at), TORTURE_ERRNO: String(errno) }
      try {
        const reply = await send(directory, { ...env(directory), ...torture })
        assertTrue(directory, fate, reply, 'TORTURE_NO_LINKS' in more)
        assert.equal((await send(directory, {})).status, 201)
        rmSync(directory, { recursive: true })
      } catch (error) {
        broken.push(`${how} at ${at} (${calls[at - 1]}) with ${errno}: ${error}`)
      }
    })
    assert.deepEqual(broken.slice(0, 6), [], `${broken.length} of ${fates.length} runs`)
    t.diagnostic(`${fates.length} runs`)
  })
}
