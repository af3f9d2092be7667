// The parameters of Content-Type and Content-Disposition, as multipart/form-data uses them: RFC
// 7578, RFC 2046 section 5.1.1, RFC 9110 section 5.6, and the WHATWG escapes `%22 %0D %0A` that
// browsers write. It refuses whatever two readers could understand differently and never guesses.
// It reads the text once, without backtracking.

export type Disposition = {
  readonly name: string
  /** Decoded, as the client called it; undefined for a text field. */
  readonly filename: string | undefined
}

/** A value, or the rule that the header breaks. */
export type Parsed<Value> = { readonly value: Value } | { readonly problem: string }

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
  if (!/^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/.test(boundary)) {
    return { problem: 'a boundary that is not 1 to 70 legal characters' }
  }
  return { value: boundary }
}

/**
 * Parses the Content-Disposition of a part (RFC 7578 section 4.2). `value`: the bytes of the
 * header, read as latin1.
 */
export function parseDisposition(value: string): Parsed<Disposition> {
  const end = value.indexOf(';')
  const type = trimBlanks(end === -1 ? value : value.slice(0, end))
  if (type.toLowerCase() !== 'form-data')
    return { problem: 'a Content-Disposition other than form-data' }
  const parameters = parseParameters(end === -1 ? '' : value.slice(end), bareInDisposition)
  if ('problem' in parameters) return parameters
  let name: string | undefined
  let filename: string | undefined
  let hasEncodedFilename = false
  for (const parameter of parameters.value) {
    if (parameter.name === 'name') {
      if (name !== undefined) return { problem: 'more than one name parameter' }
      name = decodeText(parameter.value)
    } else if (parameter.name === 'filename') {
      if (filename !== undefined) return { problem: 'more than one filename parameter' }
      filename = decodeText(parameter.value)
    } else if (parameter.name.startsWith('filename*')) {
      hasEncodedFilename = true
    } else if (parameter.name.startsWith('name*')) {
      return { problem: 'an encoded name parameter' }
    }
  }
  if (name === undefined) return { problem: 'a Content-Disposition without a name' }
  if (filename === undefined && hasEncodedFilename) {
    return { problem: 'filename* without filename, which RFC 7578 forbids' }
  }
  return { value: { name, filename } }
}

/** RFC 9110 section 5.6.2: what names of headers and of parameters are made of. */
export function isToken(text: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text)
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

type Parameter = { readonly name: string; readonly value: string }

/**
 * Reads `; name=token; name="quoted"`. Nothing may be left over, and no parameter may be empty,
 * except after a last `;`.
 */
function parseParameters(text: string, bare: RegExp): Parsed<readonly Parameter[]> {
  const parameters: Parameter[] = []
  let at = 0
  while (at < text.length) {
    // text[at] is ';' here: the caller cut the text there, and so does the end of this loop.
    at = skipBlanks(text, at + 1)
    if (at === text.length) break
    const equals = text.indexOf('=', at)
    const sent = equals === -1 ? '' : text.slice(at, equals)
    if (!isToken(sent)) return { problem: 'a parameter that is not name=value' }
    const name = sent.toLowerCase()
    const read =
      text[equals + 1] === '"' ? readQuoted(text, equals + 2) : readBare(text, equals + 1, bare)
    if (read === undefined) return { problem: `a malformed value of the parameter ${name}` }
    parameters.push({ name, value: read.value })
    at = skipBlanks(text, read.end)
    if (at < text.length && text[at] !== ';') {
      return { problem: `something behind the value of the parameter ${name}` }
    }
  }
  return { value: parameters }
}

/**
 * Reads up to the closing quote. `\"` means a quote; any other backslash is an ordinary character,
 * as in `C:\dir\name`.
 */
function readQuoted(text: string, from: number): { value: string; end: number } | undefined {
  let value = ''
  let start = from
  for (;;) {
    const quote = text.indexOf('"', start)
    if (quote === -1) return undefined
    // A backslash before a quote escapes the quote. At the end of the header it does not: there the
    // quote closes the value, as in `filename="C:\"`, which browsers write.
    if (quote > start && text[quote - 1] === '\\' && !closes(text, quote)) {
      value += `${text.slice(start, quote - 1)}"`
      start = quote + 1
      continue
    }
    return { value: value + text.slice(start, quote), end: quote + 1 }
  }
}

function closes(text: string, quote: number): boolean {
  const next = skipBlanks(text, quote + 1)
  return next === text.length && text.indexOf('"', quote + 1) === -1
}

/** Reads a value without quotes, up to the next blank or semicolon. */
function readBare(
  text: string,
  from: number,
  bare: RegExp,
): { value: string; end: number } | undefined {
  let end = from
  while (end < text.length && text[end] !== ';' && text[end] !== ' ' && text[end] !== '\t') end++
  const value = text.slice(from, end)
  return bare.test(value) ? { value, end } : undefined
}

function skipBlanks(text: string, from: number): number {
  let at = from
  while (text[at] === ' ' || text[at] === '\t') at++
  return at
}

/**
 * Turns the bytes of a header (as latin1) into text: UTF-8, with U+FFFD for bytes that are not
 * UTF-8. Then it replaces the three escapes of the WHATWG form-data encoding. `%41` and every other
 * percent sign stay as they are.
 */
function decodeText(latin1: string): string {
  const text = Buffer.from(latin1, 'latin1').toString('utf8')
  if (!text.includes('%')) return text
  return text.replace(/%(22|0D|0A)/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
}

const bareInDisposition = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** A token, and the other characters of a boundary that senders do not quote: `( ) / : = ? ,`. */
const bareInType = /^[!#$%&'*+\-.^_`|~0-9A-Za-z()/:=?,]+$/
