// Every case of test/fixtures through open() of app.ts, with the real parser, names, limits and
// storage: in chunks of 1 to 64 bytes, of the sizes around the buffers of servers and of our
// driver, and, under 4 KiB, cut in two at every byte. Each way must lead to the outcome that the
// case states, and all ways to the same one, to the last byte of reply and directory.
// corpus.test.ts has the executable.

import assert from 'node:assert/strict'
import { globSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { loadSettings } from '../../src/settings/load.ts'
import type { LoadedSettings } from '../../src/settings/settings.ts'
import { endOf, openExchange } from '../host/core.ts'
import {
  assertExpected,
  type CorpusCase,
  type Outcome,
  outcomeOf,
  readCorpus,
} from '../host/corpus.ts'
import { freshDirectory, inMemory } from '../host/program.ts'

const maxTwoWayBytes = 4096
const bufferSizes = [4096, 65536, 131072].flatMap((size) => [size - 1, size, size + 1])
const chunkSizes = [...Array.from({ length: 64 }, (_, i) => i + 1), ...bufferSizes]

const directory = freshDirectory({ after }, inMemory(256e6))
const scratch = Buffer.alloc(131073)
const corpus = readCorpus()

/**
 * What each topic is about, in one sentence, and whether it needs cases that are accepted and
 * refused.
 */
const topics: Record<string, readonly [rule: string, accepted: boolean, refused: boolean]> = {
  'media-type': ['only multipart/form-data, compared whole, is taken', true, true],
  boundary: ['1 to 256 printable characters, with or without quotes', true, true],
  'repeated-parameters': ['what counts stands once, in any letter case', true, true],
  'encoded-parameters': ['filename* and name* in UTF-8 count, continuations do not', true, true],
  'encoded-words': ['a name wholly of encoded-words is decoded', true, true],
  delimiter: ['CRLF, two hyphens and the boundary, or the start of the body', true, true],
  preamble: ['skipped, up to 64 KiB', true, true],
  epilogue: ['ignored, but the close delimiter must be one', true, true],
  padding: ['blanks behind a boundary, up to 1 KiB, cost nothing', true, true],
  'near-delimiter': ['a line that only begins like a delimiter is content', true, false],
  'chunk-border': ['delimiters and headers lie across any border', true, false],
  'line-end': ['CRLF outside of content, anything inside', true, true],
  'missing-end': ['without the close delimiter and the last byte nothing is stored', true, true],
  'header-line': ['token, colon, value, and a blank line behind', true, true],
  folding: ['a header stands on one line', true, true],
  nul: ['never in a header, as it is in content', true, true],
  disposition: ['one form-data with one name for each part', true, true],
  quoting: ['a backslash before a quote escapes it, any other is itself', true, true],
  escape: ['three escapes of browsers and no other', true, false],
  'client-path': ['a name is one component, safe and free', true, true],
  'character-set': ['names are UTF-8, or what a _charset_ in front says', true, true],
  'content-encoding': ['a packed body is not unpacked', true, true],
  'file-name': ['what people wrote stays, and what nobody sees goes', true, false],
  'no-file-chosen': ['an empty name without bytes is no file', true, true],
  'file-or-field': ['a filename makes a file, nothing else does', true, true],
  'transfer-encoding': ['none that would change the content', true, true],
  nested: ['a file is content, whatever it says about itself', true, true],
  'object-name': ["names of JavaScript's own are names", true, false],
  'header-limit': ['sixteen headers and 8 KiB of them', true, true],
  limit: ['exactly the limit passes, one more fails', true, true],
  length: ['plain decimal digits, or chunked', true, true],
  method: ['POST uploads, others store nothing', true, true],
  origin: ['pages of other sites and strangers do not upload', true, true],
  extension: ['looked for in the name that would be stored', true, true],
  'announced-name': ['a _filename field names the next file', true, true],
}

test('every topic has the cases that show it, and no case is without one', () => {
  assert.deepEqual(
    [...new Set(corpus.map(({ topic }) => topic))].sort(),
    Object.keys(topics).sort(),
  )
  for (const [topic, [rule, accepted, refused]] of Object.entries(topics)) {
    const cases = corpus.filter((one) => one.topic === topic)
    const isShown = (isRefused: boolean) =>
      cases.some(({ code }) => (code !== undefined) === isRefused)
    assert.equal(isShown(false), accepted, `accepted: ${rule}`)
    assert.equal(isShown(true), refused, `refused: ${rule}`)
  }
})

for (const wanted of corpus) {
  test(`${wanted.name.replaceAll('-', ' ')}, however it is cut`, () => {
    const settings = loadSettings(
      {
        ...wanted.environment,
        UPLOAD_CGI_DIRECTORY: directory,
        UPLOAD_CGI_DURABLE: 'false',
      },
      '/nonexistent/upload.cgi',
      '',
    )
    assert.deepEqual(settings.problems, [])
    const whole = outcomeOfChunks(wanted, settings, [wanted.body.length])
    assertExpected(wanted, whole)
    const text = JSON.stringify(whole)
    for (const [way, sizes] of ways(wanted.body.length)) {
      const outcome = outcomeOfChunks(wanted, settings, sizes)
      if (JSON.stringify(outcome) !== text) assert.deepEqual(outcome, whole, way)
    }
  })
}

/**
 * The last size of each way is used up to the end of the body. A size over the body's is the whole
 * body.
 */
function* ways(bodyBytes: number): Generator<readonly [way: string, sizes: readonly number[]]> {
  for (const size of chunkSizes) {
    if (size < bodyBytes) yield [`in chunks of ${size}`, [size]]
  }
  if (bodyBytes >= maxTwoWayBytes) return
  for (let at = 1; at < bodyBytes; at++) yield [`cut in two at byte ${at}`, [at, bodyBytes]]
}

function outcomeOfChunks(
  { body, environment }: CorpusCase,
  settings: LoadedSettings,
  sizes: readonly number[],
): Outcome {
  const exchange = openExchange(environment, settings)
  const end = Math.min(body.length, exchange.bodyBytes)
  let turn = 0
  for (let at = 0; at < end; ) {
    const size = Math.min(sizes[Math.min(turn++, sizes.length - 1)] ?? end, end - at)
    // A copy that is wiped afterwards shows whether somebody kept a view of it.
    body.copy(scratch, 0, at, at + size)
    const goesOn = exchange.write(scratch.subarray(0, size))
    scratch.fill(0x21, 0, size)
    if (!goesOn) break
    at += size
  }
  return cleared(endOf(exchange))
}

/** What is left is looked at, then removed for the next run. */
function cleared(reply: ReturnType<typeof endOf>): Outcome {
  const outcome = outcomeOf(reply.status, reply.text, directory)
  for (const [name] of outcome.visible) unlinkSync(join(directory, name))
  for (const name of outcome.incoming) unlinkSync(join(directory, '.upload-cgi', 'incoming', name))
  // Half a million records would fill the memory.
  for (const path of globSync(`${directory}/.upload-cgi/notes/batch/*/.ht*`)) unlinkSync(path)
  return outcome
}
