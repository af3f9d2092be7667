// One input through the parser in several chunkings, and against the model. What comes out is a
// sentence about the difference, or undefined when all agree. Chunks are wiped after use, which
// shows whether the parser kept a view of one.

import { Fault } from '../../src/fault.ts'
import { parseBoundary } from '../../src/multipart/header.ts'
import type { PartHeaders } from '../../src/multipart/header-block.ts'
import { MultipartParser, type Sink } from '../../src/multipart/parser.ts'
import { numberedName, storedName } from '../../src/storage/filename.ts'
import { refusedExtension } from '../../src/upload/rules.ts'
import { type Event, modelBody, type Reading } from './model.ts'
import { modelBoundary } from './model-names.ts'

export type Input = { readonly contentType: string; readonly body: Buffer }

/** What is driven: the parser, or one with a planted mistake. */
export type Subject = (boundary: string, sink: Sink) => { write(chunk: Buffer): void; end(): void }

export type Verdict = {
  readonly problem: string | undefined
  /** The model's, for the table of states. */
  readonly reading: Reading | undefined
  readonly boundary: string
}

export const realParser: Subject = (boundary, sink) => new MultipartParser(boundary, sink)

/** `cuts` are lists of chunk lengths; when a list is used up its last length repeats. */
export function check(input: Input, cuts: readonly number[][], subject = realParser): Verdict {
  const parsed = parseBoundary(input.contentType)
  const expected = modelBoundary(input.contentType)
  const verdict = (problem?: string, reading?: Reading, boundary = '') => {
    return { problem, reading, boundary }
  }
  const found =
    parsed === undefined ? 'NOT_MULTIPART' : 'problem' in parsed ? 'BAD_MULTIPART' : parsed.value
  const modelled = 'code' in expected ? expected.code : expected.boundary
  const agrees =
    found === modelled && (parsed !== undefined && 'value' in parsed) === 'boundary' in expected
  if (!agrees) return verdict(`boundary: ${found}, the model says ${modelled}`)
  if (!('boundary' in expected)) return verdict()

  const { boundary } = expected
  const whole = run(input.body, boundary, [Math.max(1, input.body.length)], subject)
  for (const cut of cuts) {
    const again = run(input.body, boundary, cut, subject)
    if (again !== whole)
      return verdict(`in chunks of ${cut}: ${again}\nwhole: ${whole}`, undefined, boundary)
  }
  const reading = modelBody(input.body, boundary)
  const modelledRun = JSON.stringify([...reading.events, [reading.code]])
  // The model knows the code only: the detail after it is left out.
  const seen = whole.replace(detail, '$1]]')
  const problem = seen === modelledRun ? undefined : `parser: ${whole}\nmodel: ${modelledRun}`
  return verdict(problem ?? nameProblem(reading.events), reading, boundary)
}

const detail = /(\["[A-Z_]*")(?:,"(?:[^"\\]|\\.)*")?\]\]$/
const codes: readonly string[] = ['BAD_MULTIPART', 'HEADERS_TOO_LARGE', 'INCOMPLETE_BODY']

/** All that the parser tells, as JSON; the data of a part in one piece, the fault or [''] last. */
function run(body: Buffer, boundary: string, cut: readonly number[], subject: Subject): string {
  const events: Event[] = []
  let data = ''
  let field: PartHeaders | undefined
  const flush = () => {
    if (data !== '') events.push(['data', data])
    data = ''
  }
  try {
    const parser = subject(boundary, {
      partBegin(headers) {
        const { name, filename, type } = headers
        field = filename === undefined ? headers : undefined
        events.push(filename === undefined ? ['field', name, type] : ['file', name, filename, type])
      },
      partData(bytes) {
        if (bytes.length === 0) events.push(['empty data'])
        data += bytes.toString('latin1')
      },
      partEnd() {
        const text = field?.charset.decode(Buffer.from(data, 'latin1'))
        flush()
        if (text !== undefined) events.push(['text', text])
        events.push(['end'])
      },
    })
    for (let at = 0, i = 0; at < body.length; i++) {
      const chunk = Buffer.from(body.subarray(at, at + (cut[Math.min(i, cut.length - 1)] ?? 1)))
      at += chunk.length
      parser.write(chunk)
      chunk.fill(0x21)
    }
    parser.end()
    flush()
    events.push([''])
  } catch (error) {
    flush()
    if (error instanceof Fault && codes.includes(error.code))
      events.push([error.code, error.detail])
    else events.push(['thrown', error instanceof Error ? String(error.stack) : String(error)])
  }
  return JSON.stringify(events)
}

function trimmedUnless(extension: string, allowed: string): string | undefined {
  return extension.trim() === allowed ? undefined : extension.trim()
}

/** Every name that came out must become one safe path component, and stay it. */
function nameProblem(events: readonly Event[]): string | undefined {
  for (const [kind, , filename = ''] of events) {
    if (kind !== 'file') continue
    const name = storedName(filename)
    const isSafe = /^[^.\- /\\][^/\\\p{Cc}]*$/u.test(name) && Buffer.byteLength(name) <= 255
    if (!isSafe || storedName(name) !== name) return `stored name: ${JSON.stringify(name)}`
    const [second, third] = [numberedName(name, 2), numberedName(name, 30)]
    const isNumbered = Buffer.byteLength(third) <= 255 && second !== third && second !== name
    if (!isNumbered) return `numbered name: ${JSON.stringify(third)}`
    const isRefused = refusedExtension(`${name}.PHP.jpg`, ['jpg'], ['php']) === 'php'
    if (!isRefused) return `extension not refused: ${JSON.stringify(name)}`
    const last = name.includes('.') ? name.slice(name.lastIndexOf('.') + 1).toLowerCase() : ''
    const isOpen = refusedExtension(name, [], []) === undefined
    if (!isOpen || refusedExtension(name, ['allowed'], []) !== trimmedUnless(last, 'allowed')) {
      return `extension taken for another: ${JSON.stringify(name)}`
    }
  }
  return undefined
}
