// Bodies on which parsers are known to differ, and the readings of each in which nothing is lost.
// The first reading is what RFC 7578 and RFC 2046 say; then comes what a lenient reader may make of
// a broken body. No reading means that success of any kind is wrong: the body is incomplete or not
// a form at all. A parser that refuses a body reports the loss. A parser that reports success must
// have the parts of one reading, byte for byte.

export type Part = {
  readonly name: string
  /** Undefined for a text field. */
  readonly filename?: string
  readonly content: string
}

export type Body = {
  readonly name: string
  readonly contentType: string
  /** The bytes, as latin1. */
  readonly bytes: string
  readonly readings: readonly (readonly Part[])[]
  /** The CONTENT_LENGTH of a client that broke off before it; otherwise the number of bytes. */
  readonly declaredBytes?: number
}

const type = 'multipart/form-data; boundary=XbX'
const end = '\r\n--XbX--\r\n'
const file = (name: string, filename: string, content: string): Part => ({
  name,
  filename,
  content,
})
const a = file('a', 'a.txt', 'first')
const b = file('b', 'b.txt', 'second')
const lineA = 'Content-Disposition: form-data; name="a"; filename="a.txt"\r\n'
const lineB = 'Content-Disposition: form-data; name="b"; filename="b.txt"\r\n'
const plain = 'Content-Type: text/plain\r\n'
const partA = `--XbX\r\n${lineA}${plain}\r\nfirst`
const partB = `\r\n--XbX\r\n${lineB}${plain}\r\nsecond`

/** One file `a.txt` with this content, and a second file after it. */
function content(name: string, bytes: string): Body {
  const sent = `--XbX\r\n${lineA}${plain}\r\n${bytes}${partB}${end}`
  return { name, contentType: type, bytes: sent, readings: [[file('a', 'a.txt', bytes), b]] }
}

/** A file with these headers, and a second file after it. */
function headers(name: string, lines: string, readings: Body['readings']): Body {
  return {
    name,
    contentType: type,
    bytes: `--XbX\r\n${lines}\r\nfirst${partB}${end}`,
    readings,
  }
}

function named(name: string, parameter: string, ...filenames: string[]): Body {
  const line = `Content-Disposition: form-data; name="a"; ${parameter}\r\n${plain}`
  return headers(
    name,
    line,
    filenames.map((filename) => [file('a', filename, 'first'), b]),
  )
}

function typed(name: string, contentType: string, readings: Body['readings']): Body {
  return { name, contentType, bytes: `${partA}${partB}${end}`, readings }
}

function bounded(name: string, boundary: string): Body {
  const bytes = `${partA}${partB}${end}`.replaceAll('XbX', boundary)
  return { name, contentType: type.replace('XbX', boundary), bytes, readings: [[a, b]] }
}

/**
 * Two files, the first of them after this line. A reader that takes the line for a preamble drops
 * that file.
 */
function first(name: string, line: string): Body {
  return whole(name, `${partA}${partB}${end}`.replace('--XbX\r\n', line), [[a, b]])
}

/**
 * The body of a client that broke off here: CONTENT_LENGTH, sent before, is that of the whole form.
 */
function cut(name: string, bytes: string): Body {
  return { ...whole(name, bytes, []), declaredBytes: `${partA}${partB}${end}`.length }
}

function whole(name: string, bytes: string, readings: Body['readings']): Body {
  return { name, contentType: type, bytes, readings }
}

export const bodies: readonly Body[] = [
  whole('two files, nothing odd', `${partA}${partB}${end}`, [[a, b]]),
  whole('blanks after a boundary', `${partA}${partB.replace('XbX', 'XbX \t')}${end}`, [[a, b]]),
  content('a line that begins like the boundary', 'one\r\n--XbXY\r\ntwo'),
  content('the boundary and a hyphen', 'one\r\n--XbX-\r\ntwo'),
  content('the boundary without its line break', 'one--XbXtwo'),
  content('the bare boundary in a line', 'one\r\nXbX\r\ntwo'),
  content('the boundary after a bare LF', 'one\n--XbX\ntwo'),
  content('a boundary whose line ends in LF', 'one\r\n--XbX\ntwo'),
  content('the closing boundary after a bare LF', 'one\n--XbX--\ntwo'),
  content('content that ends in CR', 'one\r'),
  content('content that ends in CRLF', 'one\r\n'),
  content('content that is CR LF CR LF', '\r\n\r\n'),
  content(
    'NUL and every other byte',
    Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join(''),
  ),
  content('an empty file', ''),
  whole('line breaks that are LF', `${partA}${partB}${end}`.replaceAll('\r\n', '\n'), [[a, b]]),
  cut('a cut in the last file', `${partA}${partB.slice(0, -3)}`),
  cut('a cut after a boundary', `${partA}\r\n--XbX\r\n`),
  cut('a cut in the closing boundary', `${partA}${partB}${end.slice(0, -3)}`),
  whole('no closing boundary', `${partA}${partB}`, []),
  whole('a line that continues after the end', `${partA}${partB}\r\n--XbX--x`, [[a, b]]),
  whole('no boundary at all', 'first, second', []),
  whole('a boundary in the middle of a line', `x${partA}${end}`, [[a]]),
  first('text after the first boundary', '--XbX text\r\n'),
  first('a blank before the first boundary', ' --XbX\r\n'),
  first('a bare LF after the first boundary', '--XbX\n'),
  whole('text before the first boundary', `This is a form.\r\n${partA}${partB}${end}`, [[a, b]]),
  whole('headers before the first boundary', `${partA.replace(/^.*\r\n/, '')}${partB}${end}`, [
    [a, b],
  ]),
  whole('a file after the end', `${partA}${end}${partB.slice(2)}${end}`, [[a]]),
  headers('no Content-Disposition', plain, [[{ name: '', content: 'first' }, b]]),
  headers('another disposition', lineA.replace('form-data', 'attachment'), [[a, b]]),
  headers('two Content-Dispositions', `${lineA}${lineA.replace('a.txt', 'z.txt')}`, [
    [a, b],
    [{ ...a, filename: 'z.txt' }, b],
  ]),
  headers('a blank before the colon', lineA.replace(':', ' :'), [[a, b]]),
  headers('a folded header', `${lineA.replace('; filename', ';\r\n filename')}${plain}`, [[a, b]]),
  headers('a header without a colon', `${lineA}nonsense\r\n`, [[a, b]]),
  whole('headers without a blank line', `--XbX\r\n${lineA}first${partB}${end}`, [[a, b]]),
  headers('a bare CR in a header', lineA.replace('; filename', ';\r filename'), [[a, b]]),
  headers('NUL in a header', `${lineA}X-\0: y\r\n`, [[a, b]]),
  headers('a header of 20 KB', `${lineA}X: ${'x'.repeat(20_000)}\r\n`, [[a, b]]),
  headers('a header named __proto__', `${lineA}__proto__: x\r\n`, [[a, b]]),
  headers('base64', `${lineA}Content-Transfer-Encoding: base64\r\n`, [[a, b]]),
  headers(
    'octets without a file name',
    `Content-Disposition: form-data; name="a"\r\nContent-Type: application/octet-stream\r\n`,
    [[{ name: 'a', content: 'first' }, b]],
  ),
  headers('a file without a type', lineA, [[a, b]]),
  named('a quote as %22', 'filename="a%22b.txt"', 'a"b.txt'),
  named('a quote after a backslash', 'filename="a\\"b.txt"', 'a"b.txt'),
  named('a path of Windows', 'filename="C:\\dir\\a.txt"', 'C:\\dir\\a.txt', 'a.txt'),
  named('a name in UTF-8', 'filename="\xc3\xa9.txt"', '\xc3\xa9.txt'),
  named('a bare name with a blank', 'filename=a b.txt', 'a b.txt', 'a'),
  named('a quote that is never closed', 'filename="a.txt', 'a.txt', '"a.txt'),
  named('an empty file name, with bytes', 'filename=""', ''),
  named('NUL in a file name', 'filename="a.php\0.txt"', 'a.php\0.txt'),
  named('filename* alone', `filename*=utf-8''a.txt`, 'a.txt'),
  headers('two names', lineA.replace('name="a"', 'name="a"; name="z"'), [
    [a, b],
    [{ ...a, name: 'z' }, b],
  ]),
  named('two file names', 'filename="a.txt"; filename="z.txt"', 'a.txt', 'z.txt'),
  named('filename* beside filename', `filename="a.txt"; filename*=utf-8''z.txt`, 'z.txt', 'a.txt'),
  named('a name in encoded-words', 'filename="=?utf-8?B?w6kudHh0?="', '\xc3\xa9.txt'),
  named('filename* that is broken', `filename="a.txt"; filename*=utf-8''%ff%`, 'a.txt'),
  typed('a type with the same beginning', 'multipart/form-datax; boundary=XbX', [[a, b]]),
  typed('two boundaries', 'multipart/form-data; boundary=XbX; boundary=YbY', [[a, b]]),
  typed('a type in capitals', 'MULTIPART/FORM-DATA; boundary=XbX', [[a, b]]),
  typed('a boundary in quotes', 'multipart/form-data; boundary="XbX"', [[a, b]]),
  bounded('a boundary of 71 characters', 'x'.repeat(71)),
  bounded('an empty boundary', ''),
]

/**
 * For parsers that are pushed chunks: 3000 fields. The outcome must not depend on how they are cut.
 */
export const manyFields: Body = whole(
  '3000 fields',
  `${Array.from({ length: 3000 }, (_, i) => `--XbX\r\nContent-Disposition: form-data; name="f${i}"\r\n\r\n${i}`).join('\r\n')}${end}`,
  [Array.from({ length: 3000 }, (_, i) => ({ name: `f${i}`, content: String(i) }))],
)
