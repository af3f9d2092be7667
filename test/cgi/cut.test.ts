// The end of input at every byte: five bodies, each cut at every offset, in three ways:
// CONTENT_LENGTH of the whole (the client stopped), CONTENT_LENGTH of the cut (the sender lied),
// chunked without a length. In process at every offset, through the executable at every seventh, in
// a directory that must stay empty. After the close delimiter only the epilogue is missing: without
// the length of the whole that is a complete form, and is stored. In the middle of the large file
// the three ways take turns.

import assert from 'node:assert/strict'
import { mkdirSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { loadSettings } from '../../src/settings/load.ts'
import { runCgi } from '../host/cgi.ts'
import { endOf, openExchange } from '../host/core.ts'
import { type Outcome, outcomeOf } from '../host/corpus.ts'
import { multipartBody } from '../host/multipart-body.ts'
import { freshDirectory, inMemory } from '../host/program.ts'

const home = freshDirectory({ after }, inMemory(256e6))

type Way = 'length of the whole' | 'length of the cut' | 'chunked'

const allWays: readonly Way[] = ['length of the whole', 'length of the cut', 'chunked']
/** Only so near to an end of the large body all ways are gone at each offset. */
const nearBytes = 1024

const head = 'Content-Disposition: form-data; name="file"; filename="a.txt"\r\n'
const bodies: Readonly<Record<string, { boundary: string; body: Buffer }>> = {
  'of a browser, with fields and two files': withBoundary('----FormBoundaryXq7r2Lw9', (boundary) =>
    multipartBody(
      [
        { name: 'note', content: 'first line\nsecond line' },
        { name: 'file', filename: 'a.txt', type: 'text/plain', content: 'hello' },
        { name: 'file', filename: 'é "b".bin', content: Buffer.from([0, 13, 10, 45, 45, 255]) },
        { name: 'send', content: '' },
      ],
      boundary,
    ),
  ),
  'with a file of more than 64 KiB': withBoundary('b', (boundary) =>
    multipartBody(
      [{ name: 'file', filename: 'a.bin', content: `${'content '.repeat(8200)}\r\n--b-\r` }],
      boundary,
    ),
  ),
  'with preamble, padding and epilogue': withBoundary('b', () =>
    Buffer.from(
      `For readers without MIME.\r\n--b \t \r\n${head}\r\nhello\r\n--b\t\r\n` +
        `Content-Disposition: form-data; name="note"\r\n\r\nhi\r\n--b-- \t\r\n` +
        `The end.\r\n--b\r\n${head}\r\nno file\r\n--b--\r\n`,
    ),
  ),
  'with near delimiters': withBoundary('--a--a', () =>
    Buffer.from(
      `----a--a\r\n${head}\r\n\r\n----a--b\r\n----a----a\r\n----a--a-\r\r\n----a--a \t-` +
        `\r\n----a--a.\n\r\r\n\r\n-\r\n----a\r\n----a--a\r\r\n----a--a\r\n` +
        `Content-Disposition: form-data; name="note"\r\n\r\n\r\n\r\n----a--a--`,
    ),
  ),
  'with a _filename field': withBoundary('b', (boundary) =>
    multipartBody(
      [
        { name: '_filename', content: encodeURIComponent("l'été.pdf") },
        { name: 'file', filename: 'file', content: 'content\r\n' },
      ],
      boundary,
    ),
  ),
}

test('a body that ends too early is refused at every byte and leaves nothing', async (t) => {
  const directory = join(home, 'in-process')
  mkdirSync(directory)
  for (const [name, { boundary, body }] of Object.entries(bodies)) {
    await t.test(`a body ${name}`, () => {
      const settings = loadSettings(
        {
          UPLOAD_CGI_DIRECTORY: directory,
          UPLOAD_CGI_DURABLE: 'false',
          UPLOAD_CGI_CHECKSUM: 'none',
        },
        '/nonexistent/upload.cgi',
        '',
      )
      const send = (way: Way, end: number): Outcome => {
        const exchange = openExchange(environment(way, end, boundary, body), settings)
        const readBytes = Math.min(end, exchange.bodyBytes)
        if (readBytes > 0) exchange.write(body.subarray(0, readBytes))
        const reply = endOf(exchange)
        const outcome = outcomeOf(reply.status, reply.text, directory)
        for (const [stored] of outcome.visible) unlinkSync(join(directory, stored))
        return outcome
      }
      const whole = send('length of the cut', body.length)
      for (let end = 0; end < body.length; end++) {
        const isNear = end < nearBytes || end > body.length - nearBytes
        for (const way of isNear ? allWays : waysInTurn(end)) {
          assertCut(way, end, boundary, body, whole, send(way, end))
        }
      }
    })
  }
})

describe('through the executable', { concurrency: 4 }, () => {
  for (const [name, { boundary, body }] of Object.entries(bodies)) {
    const step = body.length > 4096 ? 4099 : 7
    for (let end = 0, turn = 0; end < body.length; end += step, turn++) {
      const [way = 'chunked'] = waysInTurn(turn)
      test(`a body ${name} is cut at byte ${end}: ${way}`, async () => {
        const directory = join(home, `${name}-${end}`)
        mkdirSync(directory)
        const settings = { UPLOAD_CGI_DIRECTORY: directory, UPLOAD_CGI_CHECKSUM: 'none' }
        const send = async (env: Readonly<Record<string, string | undefined>>, bytes: Buffer) => {
          const reply = await runCgi({ body: bytes, env: { ...env, ...settings } })
          return outcomeOf(reply.status, reply.text, directory)
        }
        const cut = await send(environment(way, end, boundary, body), body.subarray(0, end))
        const isStored = isComplete(way, end, boundary, body)
        for (const [stored] of cut.visible) unlinkSync(join(directory, stored))
        const whole = isStored
          ? await send(environment(way, body.length, boundary, body), body)
          : undefined
        assertCut(way, end, boundary, body, whole, cut)
      })
    }
  }
})

function assertCut(
  way: Way,
  end: number,
  boundary: string,
  body: Buffer,
  whole: Outcome | undefined,
  outcome: Outcome,
): void {
  const where = `${way}, cut at byte ${end}`
  if (isComplete(way, end, boundary, body)) {
    assert.equal(outcome.status, 201, where)
    assert.deepEqual(outcome, whole, where)
    return
  }
  const { code } = outcome.reply as { code: string }
  const expected = end === 0 ? 'NOTHING_UPLOADED' : 'BAD_MULTIPART'
  // Nobody can tell a preamble that was cut from a body with another boundary.
  const isUnclear = way === 'chunked' && end > 0 && end <= body.indexOf(`--${boundary}`)
  if (!isUnclear || code !== 'BAD_MULTIPART') {
    assert.equal(code, way === 'length of the cut' ? expected : 'INCOMPLETE_BODY', where)
  }
  assert.equal(outcome.status, 400, where)
  assert.deepEqual(outcome.visible, [], where)
  assert.deepEqual(outcome.incoming, [], where)
}

/** Whether the close delimiter is there and nothing says that more should come. */
function isComplete(way: Way, end: number, boundary: string, body: Buffer): boolean {
  const close = `\r\n--${boundary}--`
  return way !== 'length of the whole' && end >= body.indexOf(close) + close.length
}

function environment(
  way: Way,
  end: number,
  boundary: string,
  body: Buffer,
): Record<string, string | undefined> {
  const length = way === 'length of the whole' ? body.length : end
  return {
    REQUEST_METHOD: 'POST',
    CONTENT_TYPE: `multipart/form-data; boundary=${boundary}`,
    CONTENT_LENGTH: way === 'chunked' ? undefined : String(length),
    HTTP_TRANSFER_ENCODING: way === 'chunked' ? 'chunked' : undefined,
    HTTP_ACCEPT: 'application/json',
  }
}

function waysInTurn(turn: number): readonly Way[] {
  return allWays.slice(turn % 3, (turn % 3) + 1)
}

function withBoundary(boundary: string, make: (boundary: string) => Buffer) {
  return { boundary, body: make(boundary) }
}
