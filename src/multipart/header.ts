// What multipart/form-data says in Content-Type and Content-Disposition: the boundary, and the
// names of a part. RFC 7578, RFC 2046 section 5.1.1, RFC 8187, RFC 2047, and the WHATWG escapes
// `%22 %0D %0A` that browsers write. It refuses whatever two readers could understand differently
// and never guesses.

import { type Charset, utf8 } from './charset.ts'
import { decodeExtended, decodeWords, isEncodedWords } from './encoded-name.ts'
import { type Parsed, parseParameters } from './parameters.ts'

export type Disposition = {
  readonly name: string
  /** Decoded, as the client called it; undefined for a text field. */
  readonly filename: string | undefined
}

type Names = { name: string | undefined; filename: string | undefined }

/** RFC 2046 says 70; real programs send up to 84, and no reader that we know stops before 256. */
const maxBoundaryLength = 256

/** The boundary of a multipart/form-data Content-Type; undefined for any other media type. */
export function parseBoundary(contentType: string): Parsed<string> | undefined {
  const end = contentType.indexOf(';')
  const essence = trimBlanks(end === -1 ? contentType : contentType.slice(0, end))
  if (essence.toLowerCase() !== 'multipart/form-data') return undefined
  const parameters = parseParameters(end === -1 ? '' : contentType.slice(end), bareInType)
  if ('problem' in parameters) return parameters
  let boundary: string | undefined
  for (const { name, value } of parameters.value) {
    if (name.startsWith('boundary*')) return { problem: 'an encoded boundary parameter' }
    if (name !== 'boundary') continue
    if (boundary !== undefined) return { problem: 'more than one boundary parameter' }
    boundary = value
  }
  if (boundary === undefined) return { problem: 'no boundary parameter' }
  const problem = boundaryProblem(boundary)
  return problem === undefined ? { value: boundary } : { problem }
}

/** The rule that a boundary breaks: its length, its end, or a character. */
function boundaryProblem(boundary: string): string | undefined {
  const { length } = boundary
  if (length === 0) return 'an empty boundary'
  if (length > maxBoundaryLength) {
    return `a boundary of ${length} characters; at most ${maxBoundaryLength} are allowed`
  }
  const wrong = /[^ !#-[\]-~]/u.exec(boundary)?.[0]
  if (wrong === '"') return 'a boundary with a quotation mark'
  if (wrong === '\\') return 'a boundary with a backslash'
  if (wrong !== undefined) {
    const hex = (wrong.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
    return `a boundary with the character U+${hex}, which is not printable ASCII`
  }
  return boundary.endsWith(' ') ? 'a boundary that ends in a blank' : undefined
}

/**
 * Parses the Content-Disposition of a part (RFC 7578 section 4.2). `value`: the bytes of the
 * header, read as latin1. Where a name is also sent as `name*` or `filename*`, that one counts: the
 * other is then its stand-in in ASCII.
 */
export function parseDisposition(value: string, charset: Charset = utf8): Parsed<Disposition> {
  const end = value.indexOf(';')
  const type = trimBlanks(end === -1 ? value : value.slice(0, end))
  if (type.toLowerCase() !== 'form-data')
    return { problem: 'a Content-Disposition other than form-data' }
  const parameters = parseParameters(end === -1 ? '' : value.slice(end), bareInDisposition)
  if ('problem' in parameters) return parameters
  const names: Names = { name: undefined, filename: undefined }
  const extended: Names = { name: undefined, filename: undefined }
  let hasContinuation = false
  for (const { name, value, isQuoted } of parameters.value) {
    const isExtended = name.endsWith('*')
    const key = isExtended ? name.slice(0, -1) : name
    if (key === 'name' || key === 'filename') {
      const found = isExtended ? extended : names
      if (found[key] !== undefined) return { problem: `more than one ${name} parameter` }
      if (isExtended && isQuoted) return { problem: `quotation marks around ${name}` }
      const decoded = isExtended ? decodeExtended(value) : decodeName(value, charset)
      if (decoded === undefined) return { problem: malformed(name, value) }
      found[key] = decoded
    } else if (name.startsWith('filename*')) hasContinuation = true
    else if (name.startsWith('name*')) return { problem: 'a name in several parameters' }
  }
  const name = extended.name ?? names.name
  const filename = extended.filename ?? names.filename
  if (name === undefined) return { problem: 'a Content-Disposition without a name' }
  if (filename === undefined && hasContinuation) {
    return { problem: 'a filename in several parameters' }
  }
  return { value: { name, filename } }
}

/**
 * Removes the optional white space of RFC 9110 section 5.6.3, which is less than trim() removes.
 */
export function trimBlanks(text: string): string {
  let from = 0
  let end = text.length
  while (from < end && (text[from] === ' ' || text[from] === '\t')) from++
  while (end > from && (text[end - 1] === ' ' || text[end - 1] === '\t')) end--
  return text.slice(from, end)
}

/**
 * Turns the bytes of a name (as latin1) into text: encoded-words, or the three escapes of the
 * WHATWG form-data encoding in the form's character set. `%41` and every other percent sign stay as
 * they are. Undefined for malformed encoded-words.
 */
function decodeName(latin1: string, charset: Charset): string | undefined {
  if (isEncodedWords(latin1)) return decodeWords(latin1)
  const sent = latin1.includes('%') ? latin1.replace(/%(22|0D|0A)/gi, unescaped) : latin1
  // Most names: what is all ASCII needs no decoding.
  if (charset === utf8 && ascii.test(sent)) return sent
  return charset.decode(Buffer.from(sent, 'latin1'))
}

function unescaped(_: string, hex: string): string {
  return String.fromCharCode(parseInt(hex, 16))
}

function malformed(name: string, value: string): string {
  if (!name.endsWith('*')) return `malformed encoded-words in ${name} (RFC 2047)`
  return /^(?!utf-8')[^']+'[^']*'/i.test(value)
    ? `a ${name} in another character set than UTF-8 (RFC 8187)`
    : `a malformed ${name} (RFC 8187)`
}

const ascii = /^[\0-\x7f]*$/
const bareInDisposition = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** Senders leave a boundary without quotes, whatever is in it. */
const bareInType = /^[^"]+$/
