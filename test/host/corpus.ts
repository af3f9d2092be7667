// The rules of multipart/form-data as raw bodies: reads test/fixtures/<case>/, each `body` (its
// bytes as they are sent) with `case.toml` (why, the CGI environment that differs from the usual,
// what comes out). It refuses an unknown key, a missing one, or a third file, so that a slip of the
// pen cannot pass a case over.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parse } from 'smol-toml'
import { isPassing } from '../../src/fault.ts'
import { type FaultCode, faultTable } from '../../src/fault-table.ts'
import { incomingPath } from './incoming.ts'

export type CorpusCase = {
  readonly name: string
  /** One sentence with the RFC's section, or the CVE, that it rests on. */
  readonly why: string
  readonly topic: string
  readonly body: Buffer
  /** The whole environment of the request, without settings of the host; undefined: not set. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly status: number
  /** undefined when the request is accepted. */
  readonly code: FaultCode | undefined
  /** A piece of `detail`; '' when there is none. */
  readonly says: string
  /** The byte that `detail` names; undefined when it names none. */
  readonly at: number | undefined
  readonly files: readonly ExpectedFile[]
  readonly fields: readonly { readonly name: string; readonly value: string }[]
}

export type ExpectedFile = {
  readonly field: string
  readonly name: string
  readonly stored: string
  readonly type: string
  readonly bytes: Buffer
}

/** What a request leads to: the reply but id, receipt and time, and what is in the directory. */
export type Outcome = {
  readonly status: number
  /** undefined when the reply is no JSON. */
  readonly reply: unknown
  /** Name and bytes (latin1) of what a visitor of the directory sees, by name. */
  readonly visible: readonly (readonly [name: string, bytes: string])[]
  readonly incoming: readonly string[]
}

const fixtures = resolve(import.meta.dirname, '../fixtures')

export function readCorpus(): CorpusCase[] {
  return readdirSync(fixtures)
    .sort()
    .map((name) => {
      try {
        return readCase(name)
      } catch (error) {
        throw new Error(`${fixtures}/${name}: ${error instanceof Error ? error.message : error}`)
      }
    })
}

/** `text` is the body of the reply, `directory` where the uploads go. */
export function outcomeOf(status: number, text: string, directory: string): Outcome {
  const names = readdirSync(directory).sort()
  return {
    status,
    reply: withoutStamp(text),
    visible: names
      .filter((name) => name !== '.upload-cgi')
      .map((name) => [name, readFileSync(join(directory, name), 'latin1')]),
    incoming: names.includes('.upload-cgi') ? readdirSync(incomingPath(directory)) : [],
  }
}

/** Throws unless the outcome is the one that the case is about. */
export function assertExpected(wanted: CorpusCase, outcome: Outcome): void {
  assert.deepEqual(outcome.incoming, [], 'something is left in incoming/')
  assert.equal(outcome.status, wanted.status, JSON.stringify(outcome.reply))
  assert.deepEqual(
    outcome.visible,
    wanted.files
      .map(({ stored, bytes }) => [stored, bytes.toString('latin1')])
      .sort(([one = ''], [other = '']) => (one < other ? -1 : 1)),
  )
  if (wanted.code !== undefined) return assertRefused(wanted, wanted.code, outcome)
  if (wanted.status !== 201) return assert.equal(outcome.reply, undefined)
  const files = wanted.files.map(({ bytes, ...names }) => ({
    ...names,
    size: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  }))
  assert.deepEqual(outcome.reply, { files, fields: wanted.fields })
}

function assertRefused({ status, says, at }: CorpusCase, code: FaultCode, outcome: Outcome): void {
  const problem = outcome.reply as Record<string, unknown>
  const members = ['type', 'title', 'status', 'detail', 'code']
  if (isPassing(code)) members.push('passing')
  assert.deepEqual(Object.keys(problem), members)
  assert.equal(problem['status'], status)
  assert.equal(problem['code'], code, String(problem['detail']))
  const detail = String(problem['detail']).replace(sentenceOf(code), '')
  const byte = /\(at byte (\d+)\)/.exec(detail)?.[1]
  assert.equal(byte === undefined ? undefined : Number(byte), at, detail)
  assert.ok(says === '' ? detail === '' : detail.includes(says), `"${detail}" lacks "${says}"`)
}

/** The sentence of the table, whatever fills its holes. */
function sentenceOf(code: FaultCode): RegExp {
  const escaped = faultTable()[code][1].replace(/[.*+?^$()|[\]\\]/g, '\\$&')
  return new RegExp(`^${escaped.replace(/\{\w+\}/g, '.+?')}`)
}

function withoutStamp(text: string): unknown {
  if (!text.startsWith('{')) return undefined
  const { id, receipt, time, ...rest } = JSON.parse(text)
  assert.match(id, /^[a-z0-9]+-[a-z0-9]+$/)
  assert.equal(typeof receipt, 'files' in rest ? 'string' : 'undefined')
  assert.ok(time === undefined || !Number.isNaN(Date.parse(time)))
  return rest
}

function readCase(name: string): CorpusCase {
  assert.match(name, /^[a-z0-9]+(-[a-z0-9]+)+$/)
  assert.deepEqual(readdirSync(join(fixtures, name)).sort(), ['body', 'case.toml'])
  const body = readFileSync(join(fixtures, name, 'body'))
  const table = new Reader(parse(readFileSync(join(fixtures, name, 'case.toml'), 'utf8')))
  const why = table.text('why')
  assert.match(why, /RFC \d+|CVE-\d+-\d+|WHATWG|Fetch Metadata/)
  const code = table.optionalText('code')
  assert.ok(code === undefined || Object.hasOwn(faultTable(), code), `there is no code ${code}`)
  const fault = code as FaultCode | undefined
  const unset = table.list('unset').map(asText)
  const environment: Record<string, string | undefined> = {
    REQUEST_METHOD: 'POST',
    CONTENT_TYPE: 'multipart/form-data; boundary=b',
    CONTENT_LENGTH: String(body.length),
    HTTP_ACCEPT: 'application/json',
    ...table.texts('environment'),
  }
  for (const variable of unset) environment[variable] = undefined
  const read: CorpusCase = {
    name,
    why,
    topic: table.text('topic'),
    body,
    environment,
    status: fault === undefined ? table.number('status') : faultTable()[fault][0],
    code: fault,
    says: (fault === undefined ? undefined : table.optionalText('says')) ?? '',
    at: fault === undefined ? undefined : table.optionalNumber('at'),
    files: fault === undefined ? table.list('files').map((file) => readFile(file, body)) : [],
    fields: fault === undefined ? table.list('fields').map(readField) : [],
  }
  table.end()
  assert.equal(read.status === 201, read.files.length > 0, '201 and no files, or files and no 201')
  return read
}

function readFile(value: unknown, body: Buffer): ExpectedFile {
  const table = new Reader(value)
  const read = {
    field: table.text('field'),
    name: table.text('name'),
    stored: table.text('stored'),
    type: table.optionalText('type') ?? '',
    bytes: readBytes(table, body),
  }
  table.end()
  return read
}

/**
 * `text` in UTF-8, `hex`, or `body`: the bytes of the body from the first position up to the
 * second.
 */
function readBytes(table: Reader, body: Buffer): Buffer {
  const text = table.optionalText('text')
  if (text !== undefined) return Buffer.from(text)
  const hex = table.optionalText('hex')
  if (hex !== undefined) {
    assert.match(hex, /^([0-9a-f]{2})+$/)
    return Buffer.from(hex, 'hex')
  }
  const [from, to, ...more] = table.list('body').map(Number)
  assert.ok(from !== undefined && to !== undefined && more.length === 0)
  assert.ok(0 <= from && from < to && to <= body.length, `no bytes from ${from} to ${to}`)
  return body.subarray(from, to)
}

function readField(value: unknown) {
  const table = new Reader(value)
  const read = { name: table.text('name'), value: table.text('value') }
  table.end()
  return read
}

/** Takes the keys of a table one by one; what nobody took is an error. */
class Reader {
  readonly #left: Map<string, unknown>

  constructor(value: unknown) {
    assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value), 'no table')
    this.#left = new Map(Object.entries(value))
  }

  text(key: string): string {
    return asText(this.#take(key), key)
  }

  optionalText(key: string): string | undefined {
    return this.#left.has(key) ? this.text(key) : undefined
  }

  number(key: string): number {
    const value = this.#take(key)
    assert.ok(Number.isSafeInteger(value), `${key} is not a whole number`)
    return Number(value)
  }

  optionalNumber(key: string): number | undefined {
    return this.#left.has(key) ? this.number(key) : undefined
  }

  list(key: string): unknown[] {
    const value = this.#take(key) ?? []
    assert.ok(Array.isArray(value), `${key} is not a list`)
    return value
  }

  texts(key: string): Record<string, string> {
    const entries = Object.entries(this.#take(key) ?? {})
    return Object.fromEntries(entries.map(([name, value]) => [name, asText(value, name)]))
  }

  end(): void {
    assert.deepEqual([...this.#left.keys()], [], 'unknown keys, or keys that exclude each other')
  }

  #take(key: string): unknown {
    const value = this.#left.get(key)
    this.#left.delete(key)
    return value
  }
}

function asText(value: unknown, key: string | number = 'an entry'): string {
  assert.ok(typeof value === 'string', `${key} is not text`)
  return value
}
