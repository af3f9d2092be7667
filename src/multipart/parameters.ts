// The parameters of a header: `; name=token; name="quoted"` (RFC 9110 section 5.6.6), as
// Content-Type and Content-Disposition of multipart/form-data have them. It refuses what is left
// over, and says which mistake the sender made. It reads the text once, without backtracking.

/** A value, or the rule that the header breaks. */
export type Parsed<Value> = { readonly value: Value } | { readonly problem: string }

export type Parameter = {
  /** In lower case. */
  readonly name: string
  readonly value: string
  readonly isQuoted: boolean
}

/**
 * No parameter may be empty, except after a last `;`. `bare`: what a value without quotes is made
 * of. `text`: '', or what begins with the first `;`.
 */
export function parseParameters(text: string, bare: RegExp): Parsed<readonly Parameter[]> {
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
    const isQuoted = text[equals + 1] === '"'
    const read = isQuoted ? readQuoted(text, equals + 2) : readBare(text, equals + 1)
    if (read === undefined) return { problem: `a quotation mark in ${name} that is never closed` }
    if (!isQuoted && !bare.test(read.value)) {
      return { problem: `a malformed value of the parameter ${name}` }
    }
    parameters.push({ name, value: read.value, isQuoted })
    at = skipBlanks(text, read.end)
    if (at < text.length && text[at] !== ';') {
      return { problem: leftover(name, isQuoted, text.slice(read.end)) }
    }
  }
  return { value: parameters }
}

/** RFC 9110 section 5.6.2: what names of headers and of parameters are made of. */
export function isToken(text: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text)
}

/** What went wrong where neither a semicolon nor the end follows a value. */
function leftover(name: string, isQuoted: boolean, rest: string): string {
  const isNextParameter = /^[ \t]+[!#$%&'*+\-.^_`|~0-9A-Za-z]+=/.test(rest)
  if (isNextParameter) return `no semicolon behind the parameter ${name}`
  return isQuoted
    ? `an unescaped quotation mark in ${name}`
    : `something behind the value of the parameter ${name}`
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
function readBare(text: string, from: number): { value: string; end: number } {
  let end = from
  while (end < text.length && text[end] !== ';' && text[end] !== ' ' && text[end] !== '\t') end++
  return { value: text.slice(from, end), end }
}

function skipBlanks(text: string, from: number): number {
  let at = from
  while (text[at] === ' ' || text[at] === '\t') at++
  return at
}
