// What is posted while the file system fails, and the one invariant: the reply tells the truth.
// 201: every file is there, whole, under the name told. Anything else: as before. No reply: nothing
// half. What is left in `incoming/` is the program's own to sweep. Files that were there keep their
// bytes.

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CgiReply, runCgi } from '../host/cgi.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'

export type Scenario = {
  readonly name: string
  readonly env: Readonly<Record<string, string>>
  /** Files in the directory, by name. */
  readonly before: Readonly<Record<string, string>>
  readonly sent: readonly { readonly filename: string; readonly content: Buffer }[]
  /** The last bytes of the body are left out. */
  readonly isCut?: boolean
  readonly status: number
}

/** What happened to one run. */
export type Fate = {
  readonly how: 'fail' | 'lie' | 'short' | 'kill' | 'rest' | 'none'
  readonly at: number
  readonly errno: number
}

const file = (filename: string, content: string | Buffer) => ({
  filename,
  content: Buffer.from(content),
})
const large = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 31 + (i >> 9)) % 256))
const three = [file('a.txt', 'new a'), file('b.bin', large), file('a.txt', 'another a')]
const before = { 'a.txt': 'old a', 'z.txt': 'old z' }

export const scenarios: readonly Scenario[] = [
  { name: 'one file', env: {}, before: {}, sent: [file('a.txt', 'new a')], status: 201 },
  { name: 'three files, names taken', env: {}, before, sent: three, status: 201 },
  {
    name: 'overwrite',
    env: { UPLOAD_CGI_ON_CONFLICT: 'overwrite' },
    before,
    sent: three,
    status: 201,
  },
  {
    name: 'reject',
    env: { UPLOAD_CGI_ON_CONFLICT: 'reject' },
    before: { 'z.txt': 'old z' },
    sent: [file('a.txt', 'new a'), file('b.txt', 'b')],
    status: 201,
  },
  {
    name: 'no hard links',
    env: { TORTURE_NO_LINKS: '1' },
    before,
    sent: [file('a.txt', 'new a'), file('b.bin', 'new b')],
    status: 201,
  },
  {
    name: 'no hard links, overwrite',
    env: { TORTURE_NO_LINKS: '95', UPLOAD_CGI_ON_CONFLICT: 'overwrite' },
    before,
    sent: [file('a.txt', 'new a'), file('b.bin', 'new b')],
    status: 201,
  },
  { name: 'cut off', env: {}, before, sent: three.slice(0, 2), isCut: true, status: 400 },
]

const pattern = /^(\.ht[0-9a-f]{32}\.(part|part\.name|kept|note)|\.upload-cgi-[0-9a-f]{32})$/

/** Fills `directory` and posts. */
export async function suffer(
  program: string,
  shim: string,
  directory: string,
  scenario: Scenario,
  fate: Fate,
  log: string,
): Promise<CgiReply> {
  mkdirSync(directory)
  for (const [name, content] of Object.entries(scenario.before)) {
    writeFileSync(join(directory, name), content)
  }
  const parts = scenario.sent.map((sent) => ({ name: 'file', ...sent }))
  const whole = multipartBody(parts)
  // A file, so that the reads are the same each time, and with them the number of writes.
  const body = `${directory}.body`
  writeFileSync(body, scenario.isCut ? whole.subarray(0, -10) : whole)
  return await runCgi({
    program,
    directory,
    method: 'POST',
    stdinFile: body,
    contentType: contentType(),
    timeoutSeconds: 120,
    env: {
      HTTP_ACCEPT: 'application/json',
      LD_PRELOAD: shim,
      TORTURE_DIRECTORY: directory,
      TORTURE_SLOW: '100',
      TORTURE_HOW: fate.how,
      TORTURE_AT: String(fate.at),
      TORTURE_ERRNO: String(fate.errno),
      TORTURE_LOG: log,
      ...scenario.env,
    },
  })
}

/** Holds what is there now against the reply. */
export function check(directory: string, scenario: Scenario, fate: Fate, reply: CgiReply): void {
  const told = `${reply.status} ${reply.text} ${reply.stderr}`
  const left = visible(directory)
  const isKilled = fate.how === 'kill'
  assert.equal(reply.signal, isKilled ? 'SIGKILL' : null, told)
  assert.equal(reply.exitCode, isKilled ? null : 0, told)
  // After its reply the program looks after what others have left, and may be killed then, too.
  if (isKilled && reply.status === 0) assertNothingHalf(left, scenario)
  else if (reply.status === 201) assertAllStored(left, scenario, reply)
  else assertAsBefore(left, scenario, fate, reply)
  for (const name of leftovers(directory)) assert.match(name, pattern)
  assert.ok(reply.stderr.length < 4096, 'the error log is bounded')
}

function assertAllStored(left: Map<string, Buffer>, scenario: Scenario, reply: CgiReply): void {
  const files: { stored: string; size: number }[] = reply.json().files
  assert.equal(files.length, scenario.sent.length)
  const expected = new Map(entries(scenario.before))
  for (const [i, { stored, size }] of files.entries()) {
    const content = scenario.sent[i]?.content ?? Buffer.alloc(0)
    assert.equal(size, content.length)
    expected.set(stored, content)
  }
  const replaced = scenario.env['UPLOAD_CGI_ON_CONFLICT'] === 'overwrite' ? 1 : 0
  const names = new Set(files.map(({ stored }) => stored))
  assert.equal(names.size, files.length, 'each has a name of its own')
  if (replaced === 0) for (const name of names) assert.ok(!(name in scenario.before))
  assertSame(left, expected)
}

/**
 * After a compound failure a name may be there that could not be removed again: the reply says so.
 */
function assertAsBefore(
  left: Map<string, Buffer>,
  scenario: Scenario,
  fate: Fate,
  reply: CgiReply,
): void {
  const { code, detail } = reply.json()
  assert.ok(['DISK_FULL', 'DIRECTORY_UNUSABLE', 'NAME_TAKEN', 'BAD_MULTIPART'].includes(code))
  if (reply.status >= 500) assert.match(reply.stderr, new RegExp(code))
  const confessions = detail.matchAll(/not removed again, and maybe there: ([^);]*)/g)
  const confessed = [...confessions].flatMap((match) => match[1].split(', '))
  if (fate.how !== 'rest') assert.deepEqual(confessed, [])
  for (const name of confessed) {
    const found = left.get(name)
    const old = scenario.before[name]
    const isOld = old !== undefined && found?.equals(Buffer.from(old))
    const isPlaceholder = 'TORTURE_NO_LINKS' in scenario.env && found?.length === 0
    if (found !== undefined && !isOld && !isPlaceholder) assert.ok(isSent(found, scenario), name)
    left.delete(name)
  }
  const expected = new Map(entries(scenario.before))
  for (const name of confessed) expected.delete(name)
  assertSame(left, expected)
}

function assertNothingHalf(left: Map<string, Buffer>, scenario: Scenario): void {
  const isOverwriting = scenario.env['UPLOAD_CGI_ON_CONFLICT'] === 'overwrite'
  for (const [name, old] of entries(scenario.before)) {
    const now = left.get(name)
    assert.ok(now !== undefined, `${name} is still there`)
    assert.ok(now.equals(old) || (isOverwriting && isSent(now, scenario)), `${name} is whole`)
    left.delete(name)
  }
  for (const [name, content] of left) {
    const isPlaceholder = 'TORTURE_NO_LINKS' in scenario.env && content.length === 0
    assert.ok(isPlaceholder || isSent(content, scenario), `${name} is whole`)
  }
}

/** Also for a placeholder: to be called when all that is left is old enough to be swept. */
export function assertSwept(directory: string, scenario: Scenario): void {
  assert.deepEqual(leftovers(directory), [])
  for (const [name, content] of visible(directory)) {
    if (name in scenario.before || name === 'sweep.txt') continue
    assert.ok(isSent(content, scenario), `${name} is whole`)
  }
}

export function leftovers(directory: string): string[] {
  const incoming = join(directory, '.upload-cgi', 'incoming')
  const hidden = readdirSync(directory).filter((name) => name.startsWith('.upload-cgi-'))
  return existsSync(incoming) ? [...readdirSync(incoming), ...hidden] : hidden
}

function visible(directory: string): Map<string, Buffer> {
  const names = readdirSync(directory).filter((name) => !name.startsWith('.upload-cgi'))
  for (const name of names) assert.ok(statSync(join(directory, name)).isFile())
  return new Map(names.map((name) => [name, readFileSync(join(directory, name))]))
}

function isSent(content: Buffer, scenario: Scenario): boolean {
  return scenario.sent.some((sent) => sent.content.equals(content))
}

function entries(files: Readonly<Record<string, string>>): [string, Buffer][] {
  return Object.entries(files).map(([name, content]) => [name, Buffer.from(content)])
}

function assertSame(left: Map<string, Buffer>, expected: Map<string, Buffer>): void {
  assert.deepEqual([...left.keys()].sort(), [...expected.keys()].sort())
  for (const [name, content] of expected) assert.ok(left.get(name)?.equals(content), name)
}
