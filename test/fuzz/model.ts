// What a multipart/form-data body means here, written to be read and not to be fast: RFC 7578, RFC
// 2046 section 5.1.1 and this program's stricter rules, on the whole body as one string of bytes
// (latin1). The fuzzer holds the streaming parser against it. It shares no code with the parser.
// Where a body has more than one fault, the one that comes first in the body counts.

import type { FaultCode } from '../../src/fault-table.ts'
import { decoded, modelDisposition, token, trimmed } from './model-names.ts'

export type Event = readonly string[]

export type Reading = {
  /**
   * ['field', name, type], ['file', name, filename, type], ['data', bytes], ['end'], and for a
   * field ['text', its value] before its end.
   */
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

const headerLine = new RegExp(`^(${token}):(.*)$`, 's')
export const limits = { preamble: 65536, padding: 1024, headers: 16, headerBytes: 8192, label: 40 }

export function modelBody(body: Buffer, boundary: string): Reading {
  const bytes = body.toString('latin1')
  const events: Event[] = []
  const regions: Region[] = []
  const end = (code: FaultCode | '') => ({ events, code, regions })

  let at = 0
  let isInPart = false
  let parts = 0
  let charset = 'utf-8'
  for (;;) {
    // The start of the body, and of a content, counts as the start of a line.
    const found = nextDelimiter(bytes, at, boundary)
    const content = bytes.slice(at, Math.max(at, found.from))
    regions.push({ kind: 'text', from: at, to: found.to })
    if (!isInPart && content.length > limits.preamble) return end('BAD_MULTIPART')
    if (!isInPart && content.includes(`--${boundary}`)) return end('BAD_MULTIPART')
    const [kind, name] = events.at(-1) ?? []
    if (isInPart && content !== '') events.push(['data', content])
    if (found.kind === 'none') {
      const mayBeFirstBoundary = found.from <= 0 || bytes.length - found.from > 2
      return end(isInPart || mayBeFirstBoundary ? 'INCOMPLETE_BODY' : 'BAD_MULTIPART')
    }
    if (!isInPart && /(^|[\r\n])content-disposition:/i.test(content)) return end('BAD_MULTIPART')
    if (found.kind === 'padded' || found.kind === 'bare LF') return end('BAD_MULTIPART')
    if (isInPart) {
      if (kind === 'field' && name === '_charset_') {
        const named = encodingOf(content)
        if (named === undefined || (parts > 0 && named !== charset)) return end('BAD_MULTIPART')
        charset = named
      }
      if (kind === 'field') events.push(['text', decoded(content, charset)])
      events.push(['end'])
      parts++
    }
    if (found.kind === 'close') {
      regions.push({ kind: 'close', from: found.to, to: found.to + 1 })
      regions.push({ kind: 'epilogue', from: found.to + 1, to: bytes.length })
      return end(/^[ \t\r\n]?$/.test(bytes.slice(found.to, found.to + 1)) ? '' : 'BAD_MULTIPART')
    }
    const headers = readHeaders(bytes, found.to, boundary, charset)
    regions.push({ kind: 'headers', from: found.to, to: headers.to })
    if (headers.code !== '') return end(headers.code)
    events.push(headers.event)
    at = headers.to
    isInPart = true
  }
}

type Found = { kind: 'open' | 'close' | 'padded' | 'bare LF' | 'none'; from: number; to: number }

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
    if (rest.charAt(padded.length) === '\n') return { kind: 'bare LF', ...found }
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
function readHeaders(bytes: string, at: number, boundary: string, charset: string): Headers {
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
    if (!line.endsWith('\n')) return { code: 'INCOMPLETE_BODY', to }
    if (!/^[^\r]*\r\n$/.test(line)) return broken
    if (count > limits.headers) return { code: 'HEADERS_TOO_LARGE', to }
    const [, name = '', raw = ''] = headerLine.exec(line.slice(0, -2)) ?? []
    const value = trimmed(raw)
    if (name === '' || line.includes('\0') || line.startsWith(`--${boundary}`)) return broken
    switch (name.toLowerCase()) {
      case 'content-disposition':
        if (disposition !== undefined) return broken
        disposition = modelDisposition(value, charset)
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
  if (filename === undefined && /^multipart\//i.test(type ?? '')) {
    return { code: 'BAD_MULTIPART', to: from + 2 }
  }
  const kind = filename === undefined ? ['field', name] : ['file', name, filename]
  return { code: '', to: from + 2, event: [...kind, type ?? ''] }
}

/** What the Encoding Standard calls it; undefined for what no form is written in. */
function encodingOf(label: string): string | undefined {
  if (label.length > limits.label) return undefined
  try {
    const { encoding } = new TextDecoder(label)
    return encoding.startsWith('utf-16') ? undefined : encoding
  } catch {
    return undefined
  }
}
