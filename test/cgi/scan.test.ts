// `scan_command` with Debian's ClamAV, which works as another user, and with scanners that fail.
// What is not passed becomes visible nowhere, by form, in pieces and by tus, and nothing is left.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parse } from 'smol-toml'
import type { CgiReply } from '../host/cgi.ts'
import { found, Place } from '../host/check.ts'
import { ClamAv, eicar, signature } from '../host/clamav.ts'
import { file, incoming, post, visible } from '../host/form.ts'
import { missing } from '../host/installed.ts'
import { assertRefused, Uploads } from '../host/piece-upload.ts'
import { directoryUntilExit, freshDirectory, root, writeSettings } from '../host/program.ts'
import { byItself } from '../host/tus.ts'
import { create, patch } from '../host/tus-requests.ts'
import { needsRoot } from '../host/user.ts'

/** The environment of requests whose settings file has this command. */
function scanning(command: readonly string[]): { UPLOAD_CGI_CONFIG: string } {
  const [home] = directoryUntilExit()
  const path = writeSettings(home, `scan_command = ${JSON.stringify(command)}\n`)
  chmodSync(home, 0o755)
  return { UPLOAD_CGI_CONFIG: path }
}

/** A scanner that is a shell script; the path of the file is `$1`. */
function script(text: string): string[] {
  const path = join(directoryUntilExit()[0], 'scan')
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  return [path, '{file}']
}

function assertNothing(directory: string): void {
  assert.deepEqual([visible(directory), incoming(directory)], [[], []])
}

function assertCode(reply: CgiReply, status: number, code: string): void {
  assert.deepEqual([reply.status, reply.json().code], [status, code], reply.text + reply.stderr)
}

const noRoot = needsRoot('only root can start clamd as its own user')
const skip = noRoot || missing('clamd', 'clamdscan')

describe('ClamAV', { skip }, () => {
  let clam: ClamAv
  let env: { UPLOAD_CGI_CONFIG: string }
  before(async () => {
    clam = await ClamAv.start()
    env = scanning(clam.command)
  })
  after(() => clam.stop())

  test('is called as docs/owner.md says', () => {
    const guide = readFileSync(join(root, 'docs/owner.md'), 'utf8')
    const [line = ''] = /^scan_command = .*$/m.exec(guide) ?? []
    const withoutConfig = clam.command.filter((_, i) => i !== 1 && i !== 2)
    assert.deepEqual(parse(line)['scan_command'], withoutConfig)
  })

  test('passes clean files and refuses a request with one that is not', async () => {
    const directory = freshDirectory({ after })
    assert.equal((await post(directory, [file('a.txt'), file('empty', '')], env)).status, 201)
    const refused = await post(directory, [file('b.txt'), file('virus.txt', eicar)], env)
    assertCode(refused, 422, 'REFUSED_BY_SCAN')
    assert.match(refused.json().detail, /\(virus\.txt\)$/)
    assert.doesNotMatch(refused.text, /Eicar|incoming|clam/)
    assert.match(refused.stderr, /REFUSED_BY_SCAN: .*scan of virus\.txt: .*Eicar\.Test/)
    assert.deepEqual(visible(directory), ['a.txt', 'empty'])
    assert.deepEqual(incoming(directory), [])
  })

  test('finds in an upload in pieces what no piece has alone, and the upload is gone', async () => {
    const uploads = new Uploads()
    const bytes = Buffer.concat([randomBytes(1000), Buffer.from(signature), randomBytes(1000)])
    const send = (from: number, to: number) =>
      uploads.piece({ size: 2025, offset: from, bytes: bytes.subarray(from, to), env, name: 'a' })
    assert.equal((await send(0, 1010)).status, 202)
    assertRefused(await send(1010, 2025), 422, 'REFUSED_BY_SCAN')
    assertNothing(uploads.directory)
    assertRefused(await send(2025, 2025), 404, 'NO_SUCH_UPLOAD')
  })

  test('the same by tus', async (t) => {
    const server = await byItself(t, env)
    const path = await create(server, { length: 100, name: 'a' })
    await patch(server, path, 0, Buffer.from(signature.slice(0, 5)))
    const rest = Buffer.from(signature.slice(5).padEnd(95))
    const refused = await patch(server, path, 5, rest)
    assert.deepEqual([refused.status, JSON.parse(refused.text).code], [422, 'REFUSED_BY_SCAN'])
    assertNothing(server.directory)
    const clean = await create(server, { length: 3, name: 'clean.txt' })
    assert.equal((await patch(server, clean, 0, Buffer.from('abc'))).status, 204)
    assert.deepEqual(server.stored(), { 'clean.txt': 'abc' })
  })

  test('a dead daemon fails closed; an upload in pieces is stored once it is back', async (t) => {
    const place = new Place(t)
    const settings = `scan_command = ${JSON.stringify(clam.command)}\n`
    assert.equal(found(place.check({ settings }), 'SCANNER').level, 'ok')
    await clam.kill()
    assert.equal(found(place.check({ settings }), 'SCANNER_FAILS').level, 'error')
    const directory = freshDirectory({ after })
    const failed = await post(directory, [file('a.txt')], env)
    assertCode(failed, 503, 'SCAN_FAILED')
    assert.equal(failed.json().passing, true)
    assert.match(failed.stderr, /SCAN_FAILED: .*scan of a\.txt: .*clamd/i)
    assertNothing(directory)
    const uploads = new Uploads()
    assert.equal((await uploads.piece({ size: 3, bytes: Buffer.from('a'), env })).status, 202)
    const last = { size: 3, offset: 1, bytes: Buffer.from('bc'), env }
    assertRefused(await uploads.piece(last), 503, 'SCAN_FAILED')
    assert.deepEqual(uploads.stored(), [])
    const { offset } = (await uploads.look(uploads.id, env)).json()
    await clam.start()
    const bytes = Buffer.from('abc').subarray(offset)
    assert.equal((await uploads.piece({ size: 3, offset, bytes, env })).status, 201)
    assert.deepEqual([uploads.stored(), uploads.incoming()], [['video.mp4'], []])
  })
})

test('a scanner that is missing, fails, is killed or is no program fails closed', async () => {
  for (const [command, told] of [
    [['/nonexistent/scanner', '{file}'], /\/nonexistent\/scanner cannot be run \(ENOENT\)/],
    [script('echo broken; exit 2'), /ended with 2: broken/],
    [script('kill -9 $$'), /was ended by SIGKILL/],
    [script('head -c 3000000 /dev/zero'), /printed more than/],
    [['/etc/passwd', '{file}'], /cannot be run \(EACCES\)/],
  ] as const) {
    const directory = freshDirectory({ after })
    const reply = await post(directory, [file('a.txt')], scanning(command))
    assertCode(reply, 503, 'SCAN_FAILED')
    assert.match(reply.stderr, told)
    assertNothing(directory)
  }
})

test('all scans of a request have 30 s together; then all they started is ended', async () => {
  const directory = freshDirectory({ after })
  const mark = `${3_000_000 + (process.pid % 1_000_000)}`
  const slow = script(`sleep 1; [ -s "$1" ] && exit 0; sleep ${mark} & wait`)
  const files = [file('a.txt'), file('b.txt', '')]
  const reply = await post(directory, files, scanning(slow))
  assertCode(reply, 503, 'SCAN_FAILED')
  assert.match(reply.stderr, /scan of b\.txt: .* did not end within \d\d s/)
  assertNothing(directory)
  const running = await post(directory, files, scanning(script(`! pgrep -f "sleep ${mark}"`)))
  assert.equal(running.status, 201, running.stderr)
})

test('the scanner gets the whole file, not yet visible, and nothing of the request', async () => {
  const directory = freshDirectory({ after })
  const look = script(
    `[ "$(cat "$1")" = "content of a.txt" ] && [ -z "$(ls ${directory})" ] && ` +
      '[ -z "$REQUEST_METHOD$HTTP_ACCEPT$GATEWAY_INTERFACE" ] && [ "$(pwd)" = / ] && ! read x',
  )
  const reply = await post(directory, [file('a.txt')], scanning(look))
  assert.equal(reply.status, 201, reply.stderr)
  assert.equal(reply.stderr, '')
})

test('scan_command without {file} or path, or in the environment, is NOT_CONFIGURED', async () => {
  const directory = freshDirectory({ after })
  for (const command of [['/bin/true'], ['clamdscan', '{file}'], ['/bin/true', 'a\n{file}']]) {
    const reply = await post(directory, [file('a.txt')], scanning(command))
    assertCode(reply, 503, 'NOT_CONFIGURED')
  }
  const inEnvironment = { UPLOAD_CGI_SCAN_COMMAND: '/bin/true,{file}' }
  assertCode(await post(directory, [file('a.txt')], inEnvironment), 503, 'NOT_CONFIGURED')
})
