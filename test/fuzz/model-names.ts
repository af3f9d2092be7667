// What the values of Content-Type and Content-Disposition mean, for the model: boundary and names,
// with their quotes, escapes and encodings (RFC 7578, RFC 8187, RFC 2047).

import type { FaultCode } from '../../src/fault-table.ts'

type Parameter = readonly [name: string, value: string, isQuoted: boolean]

const tokenChars = "!#$%&'*+.^_`|~0-9A-Za-z\\-"
export const token = `[${tokenChars}]+`
/** Printable ASCII but `"` and `\`, no blank at the end. */
const legalBoundary = /^(?=.{1,256}$)[ !#-[\]-~]*[!#-[\]-~]$/

/** The boundary that a Content-Type declares, or the refusal. */
export function modelBoundary(contentType: string): { boundary: string } | { code: FaultCode } {
  const [, essence = '', rest = ''] = /^([^;]*)(.*)$/s.exec(contentType) ?? []
  if (trimmed(essence).toLowerCase() !== 'multipart/form-data') return { code: 'NOT_MULTIPART' }
  const given = parametersOf(rest, '[^" \\t;]+')
  const values = given?.filter(([name]) => name === 'boundary') ?? []
  const isEncoded = given?.some(([name]) => name.startsWith('boundary*')) ?? false
  const boundary = values[0]?.[1] ?? ''
  const isLegal = values.length === 1 && !isEncoded && legalBoundary.test(boundary)
  return isLegal ? { boundary } : { code: 'BAD_MULTIPART' }
}

/** The names in a Content-Disposition (latin1), or undefined where it is refused. */
export function modelDisposition(
  value: string,
  charset = 'utf-8',
): { name: string; filename?: string } | undefined {
  const [, type = '', rest = ''] = /^([^;]*)(.*)$/s.exec(value) ?? []
  const given = parametersOf(rest, token)
  if (trimmed(type).toLowerCase() !== 'form-data' || given === undefined) return undefined
  const isContinued = (of: string) =>
    given.some(([parameter]) => parameter.startsWith(`${of}*`) && parameter !== `${of}*`)
  const name = nameOf(given, 'name', charset)
  const filename = nameOf(given, 'filename', charset)
  if (name === undefined || name === '' || filename === undefined) return undefined
  if (isContinued('name') || (filename === '' && isContinued('filename'))) return undefined
  const decoded = name.slice(1)
  return filename === '' ? { name: decoded } : { name: decoded, filename: filename.slice(1) }
}

/** '' where there is none, else '=' and the name; undefined where it is refused. */
function nameOf(given: readonly Parameter[], of: string, charset: string): string | undefined {
  const plain = given.filter(([parameter]) => parameter === of)
  const extended = given.filter(([parameter]) => parameter === `${of}*`)
  if (plain.length > 1 || extended.length > 1) return undefined
  const stand = plain[0] === undefined ? '' : textOf(plain[0][1], charset)
  const [, value = '', isQuoted] = extended[0] ?? []
  const found = extended[0] === undefined ? stand : extendedText(value)
  if (stand === undefined || found === undefined || isQuoted === true) return undefined
  return extended.length + plain.length === 0 ? '' : `=${found}`
}

/** RFC 8187, in UTF-8 alone. */
function extendedText(value: string): string | undefined {
  const form = /^utf-8'[a-z0-9-]*'((?:[a-z0-9!#$&+.^_`|~-]|%[0-9a-f][0-9a-f])*)$/i
  const encoded = form.exec(value)?.[1]
  return encoded === undefined ? undefined : strictly('utf-8', percentBytes(encoded, '%'))
}

/** RFC 2047: every word for itself. */
function wordText(word: string): string | undefined {
  const form = /^=\?(?<set>utf-8|iso-8859-1)\?(?:b\?(?<b>[a-z0-9+/=]+)|q\?(?<q>[!->@-~]+))\?=$/i
  const { set = '', b, q = '' } = form.exec(word)?.groups ?? {}
  if (set === '') return undefined
  if (b !== undefined) {
    const isWhole = b.length % 4 === 0 && /^[^=]+={0,2}$/.test(b)
    return isWhole ? strictly(set, Buffer.from(b, 'base64')) : undefined
  }
  if (/=(?![0-9a-f]{2})/i.test(q)) return undefined
  return strictly(set, percentBytes(q.replaceAll('_', ' '), '='))
}

function percentBytes(text: string, mark: string): Buffer {
  const pieces = text.split(mark)
  const bytes = pieces.map((piece, i) =>
    i === 0
      ? Buffer.from(piece)
      : Buffer.from([parseInt(piece.slice(0, 2), 16), ...Buffer.from(piece.slice(2))]),
  )
  return Buffer.concat(bytes)
}

function strictly(charset: string, bytes: Buffer): string | undefined {
  if (charset.toLowerCase() === 'iso-8859-1') {
    return bytes.some((byte) => byte >= 0x80 && byte < 0xa0) ? undefined : bytes.toString('latin1')
  }
  try {
    return new TextDecoder('utf-8', { ignoreBOM: true, fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
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
    const sent = quoted?.replaceAll('\\"', '"')
    list.push([name.toLowerCase(), sent ?? value, sent !== undefined])
  }
}

/** Encoded-words, or the form's character set with the three escapes of browsers. */
function textOf(latin1: string, charset: string): string | undefined {
  if (/^=\?.*\?=$/s.test(latin1)) {
    const words = latin1.split(/[ \t]+/).map(wordText)
    return words.includes(undefined) ? undefined : words.join('')
  }
  const text = latin1.replace(/%22/g, '"').replace(/%0d/gi, '\r').replace(/%0a/gi, '\n')
  return decoded(text, charset)
}

/** `latin1`: bytes as a string. */
export function decoded(latin1: string, charset: string): string {
  return new TextDecoder(charset, { ignoreBOM: true }).decode(Buffer.from(latin1, 'latin1'))
}

/** Without `[ \t]+$`, which tries every blank of a long run as the start of its match. */
export function trimmed(text: string): string {
  const from = text.search(/[^ \t]/)
  if (from < 0) return ''
  let end = text.length
  while (' \t'.includes(text.charAt(end - 1))) end--
  return text.slice(from, end)
}
