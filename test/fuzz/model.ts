// What a multipart/form-data body means here, written to be read and not to be fast: RFC 7578, RFC
// 2046 section 5.1.1 and this program's stricter rules, on the whole body as one string of bytes
// (latin1). The fuzzer holds the streaming parser against it. It shares no code with the parser.
// Where a body has more than one fault, the one that comes first in the body counts.

import type { FaultCode } from '../../src/fault.ts'

export type Event = readonly string[]

export type Reading = {
  /** ['field', name, type], ['file', name, filename, type], ['data', bytes], ['end'] */
  readonly events: Event[]
  /** '' for a body that is accepted. */
  readonly code: FaultCode | ''
  /** Where each stretch of the body was read as what; the rest was never looked at. */
  readonly regions: Region[]
}

/** Bytes from `from` up to `to`; `text` is what is between delimiters: preamble and contents. */
export type Region = {
  readonly kind: 'text' | 'headers' | 'close' | 'epilogue'
  readonly from: number
  readonly to: number
}

type Parameter = readonly [name: string, value: string]

const tokenChars = "!#$%&'*+.^_`|~0-9A-Za-z\\-"
const token = `[${tokenChars}]+`
const headerLine = new RegExp(`^(${token}):(.*)$`, 's')
const bchars = /^[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]$/

export const limits = { preamble: 65536, padding: 1024, headers: 16, headerBytes: 8192 }

/** The boundary that a Content-Type declares, or the refusal. */
export function modelBoundary(contentType: string): { boundary: string } | { code: FaultCode } {
  const [, essence = '', rest = ''] = /^([^;]*)(.*)$/s.exec(contentType) ?? []
  if (trimmed(essence).toLowerCase() !== 'multipart/form-data') return { code: 'NOT_MULTIPART' }
  const given = parametersOf(rest, `[${tokenChars}()/:=?,]+`)
  const values = given?.filter(([name]) => name === 'boundary') ?? []
  const isEncoded = given?.some(([name]) => name.startsWith('boundary*')) ?? false
  const boundary = values[0]?.[1] ?? ''
  const isLegal = values.length === 1 && !isEncoded && bchars.test(boundary)
  return isLegal ? { boundary } : { code: 'BAD_MULTIPART' }
}

/** The names in a Content-Disposition (latin1), or undefined where it is refused. */
export function modelDisposition(value: string): { name: string; filename?: string } | undefined {
  const [, type = '', rest = ''] = /^([^;]*)(.*)$/s.exec(value) ?? []
  const given = parametersOf(rest, token)
  if (trimmed(type).toLowerCase() !== 'form-data' || given === undefined) return undefined
  const names = given.filter(([name]) => name === 'name')
  const filenames = given.filter(([name]) => name === 'filename')
  const isEncoded = given.some(([name]) => name.startsWith('name*'))
  const isOnlyEncoded = filenames.length === 0 && given.some(([n]) => n.startsWith('filename*'))
  if (names.length !== 1 || filenames.length > 1 || isEncoded || isOnlyEncoded) return undefined
  const name = textOf(names[0]?.[1] ?? '')
  return filenames[0] === undefined ? { name } : { name, filename: textOf(filenames[0][1]) }
}

export function modelBody(body: Buffer, boundary: string): Reading {
  const bytes = body.toString('latin1')
  const events: Event[] = []
  const regions: Region[] = []
  const end = (code: FaultCode | '') => ({ events, code, regions })

  let at = 0
  let isInPart = false
  for (;;) {
    // The start of the body, and of a content, counts as the start of a line.
    const found = nextDelimiter(bytes, at, boundary)
    const content = bytes.slice(at, Math.max(at, found.from))
    regions.push({ kind: 'text', from: at, to: found.to })
    if (!isInPart && content.length > limits.preamble) return end('BAD_MULTIPART')
    if (!isInPart && content.includes(`--${boundary}`)) return end('BAD_MULTIPART')
    if (isInPart && found.from < at) return end('BAD_MULTIPART')
    if (isInPart && content !== '') events.push(['data', content])
    if (found.kind === 'none' || found.kind === 'padded') return end('BAD_MULTIPART')
    if (isInPart) events.push(['end'])
    if (found.kind === 'close') {
      regions.push({ kind: 'close', from: found.to, to: found.to + 1 })
      regions.push({ kind: 'epilogue', from: found.to + 1, to: bytes.length })
      return end(/^[ \t\r\n]?$/.test(bytes.slice(found.to, found.to + 1)) ? '' : 'BAD_MULTIPART')
    }
    const headers = readHeaders(bytes, found.to)
    regions.push({ kind: 'headers', from: found.to, to: headers.to })
    if (headers.code !== '') return end(headers.code)
    events.push(headers.event)
    at = headers.to
    isInPart = true
  }
}

type Found = { kind: 'open' | 'close' | 'padded' | 'none'; from: number; to: number }

/**
 * The first delimiter after `at`, with a line end assumed before `at`: then `from` is less than
 * `at`. Where there is none, `from` is where the body's last bytes begin that could still become
 * one.
 */
function nextDelimiter(bytes: string, at: number, boundary: string): Found {
  const line = `\r\n--${boundary}`
  const text = `\r\n${bytes.slice(at)}`
  for (let from = text.indexOf(line); from !== -1; from = text.indexOf(line, from + 1)) {
    const behind = from + line.length
    const rest = text.slice(behind, behind + limits.padding + 2)
    const tail = /^(?<close>--)|^[ \t]*(?<open>\r\n)|^(?<padded>[ \t]*)/.exec(rest)
    const found = { from: from + at - 2, to: behind + (tail?.[0].length ?? 0) + at - 2 }
    const { close, open, padded = '' } = tail?.groups ?? {}
    if (close !== undefined) return { kind: 'close', ...found }
    const blanks = (tail?.[0].length ?? 0) - (open?.length ?? 0)
    if (blanks > limits.padding || padded.length > limits.padding)
      return { kind: 'padded', ...found }
    if (open !== undefined) return { kind: 'open', ...found }
  }
  const window = Math.max(0, text.length - line.length - limits.padding - 2)
  let from = window
  while (from < text.length && !couldBecomeDelimiter(text.slice(from), line)) from++
  return { kind: 'none', from: from + at - 2, to: bytes.length }
}

function couldBecomeDelimiter(tail: string, line: string): boolean {
  if (tail.length <= line.length) return line.startsWith(tail)
  return tail.startsWith(line) && /^(-|[ \t]*\r?)$/.test(tail.slice(line.length))
}

type Headers = { code: FaultCode; to: number } | { code: ''; to: number; event: Event }

/**
 * Line by line; each is judged as it ends. The blank line at the end does not count for the limit.
 */
function readHeaders(bytes: string, at: number): Headers {
  let disposition: { name: string; filename?: string } | undefined
  let type: string | undefined
  let from = at
  for (let count = 1; ; count++) {
    const line = /^[^\n]*\n?/.exec(bytes.slice(from))?.[0] ?? ''
    const to = from + line.length
    if (line === '\r\n') break
    const mayBecomeBlank = /^\r.?$/s.test(line)
    if (to - at > limits.headerBytes && !mayBecomeBlank) {
      return { code: 'HEADERS_TOO_LARGE', to: at + limits.headerBytes + 1 }
    }
    const broken: Headers = { code: 'BAD_MULTIPART', to }
    if (!/^[^\r]*\r\n$/.test(line)) return broken
    if (count > limits.headers) return { code: 'HEADERS_TOO_LARGE', to }
    const [, name = '', raw = ''] = headerLine.exec(line.slice(0, -2)) ?? []
    const value = trimmed(raw)
    if (name === '' || line.includes('\0')) return broken
    switch (name.toLowerCase()) {
      case 'content-disposition':
        if (disposition !== undefined) return broken
        disposition = modelDisposition(value)
        if (disposition === undefined) return broken
        break
      case 'content-type':
        if (type !== undefined) return broken
        type = value
        break
      case 'content-transfer-encoding':
        if (!/^(7bit|8bit|binary)$/i.test(value)) return broken
        break
    }
    from = to
  }
  if (disposition === undefined) return { code: 'BAD_MULTIPART', to: from + 2 }
  const { name, filename } = disposition
  const kind = filename === undefined ? ['field', name] : ['file', name, filename]
  return { code: '', to: from + 2, event: [...kind, type ?? ''] }
}

/**
 * `; name=value` again and again, the last `;` may be followed by nothing; else undefined.
 * `\"` is a quote, unless the text ends there: then the backslash is one and the quote closes.
 */
function parametersOf(text: string, bare: string): Parameter[] | undefined {
  const one = new RegExp(
    `[ \\t]*;[ \\t]*(${token})=(?:"((?:\\\\"(?![ \\t]*$)|\\\\(?!")|\\\\(?="[ \\t]*$)|[^"\\\\])*)"|(${bare}))(?=[ \\t]*(?:;|$))`,
    'y',
  )
  const list: Parameter[] = []
  for (;;) {
    const at = one.lastIndex
    const [, name, quoted, value = ''] = one.exec(text) ?? []
    if (name === undefined) return /^[ \t]*;?[ \t]*$/.test(text.slice(at)) ? list : undefined
    list.push([name.toLowerCase(), quoted?.replaceAll('\\"', '"') ?? value])
  }
}

/** Names are UTF-8, with the three escapes of browsers. */
function textOf(latin1: string): string {
  const text = latin1.replace(/%22/g, '"').replace(/%0d/gi, '\r').replace(/%0a/gi, '\n')
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.from(text, 'latin1'))
}

/** Without `[ \t]+$`, which tries every blank of a long run as the start of its match. */
function trimmed(text: string): string {
  const from = text.search(/[^ \t]/)
  if (from < 0) return ''
  let end = text.length
  while (' \t'.includes(text.charAt(end - 1))) end--
  return text.slice(from, end)
}
