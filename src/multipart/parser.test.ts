// Holds the parser to RFC 7578 and to its own strictness: bytes in, the whole list of events out.
// Every case runs cut into chunks of 1 to 64 bytes and whole, and must end the same way each time.
// The boundary is `b` unless a case says otherwise.

import { test } from 'node:test'
import { type Event, everyChunkSize } from '../../test/host/parser-events.ts'

const head = 'Content-Disposition: form-data; name="a"'
const part = `--b\r\n${head}\r\n\r\n`
const begin: Event = ['field', 'a', '']

test('a text field and a file come out with their names, type and bytes', () => {
  everyChunkSize(
    `${part}hello\r\n--b\r\nContent-Type: image/png\r\n` +
      'Content-Disposition: form-data; name="f"; filename="x.png"\r\n\r\n\x00\xff\r\n\r\n--b--\r\n',
    [begin, ['data', 'hello'], ['end'], ['file', 'f', 'x.png', 'image/png']].concat([
      ['data', '\x00\xff\r\n'],
      ['end'],
    ]),
  )
})

test('a body of the close delimiter alone has no parts, with or without a line end', () => {
  everyChunkSize('--b--\r\n', [])
  everyChunkSize('--b--', [])
})

test('a part may be empty', () => {
  everyChunkSize(`${part}\r\n--b--`, [begin, ['end']])
})

test('an empty filename still makes a file', () => {
  everyChunkSize(`--b\r\n${head}; filename=""\r\n\r\n\r\n--b--`, [['file', 'a', '', ''], ['end']])
})

test('preamble and epilogue are ignored, even if the epilogue looks like a part', () => {
  everyChunkSize(`pre\r\namble b\r\n${part}x\r\n--b--\r\n${part}y`, [begin, ['data', 'x'], ['end']])
})

test('spaces and tabs behind a boundary are padding', () => {
  everyChunkSize(`--b \t \r\n${head}\r\n\r\nx\r\n--b-- \t\r\n`, [begin, ['data', 'x'], ['end']])
})

const nearDelimiters = [
  '\r',
  '\n',
  '\r\n',
  '\r\n-',
  '\r\n--',
  '\r\n--B',
  '\r\n--bb',
  '\r\n--b-',
  '\r\n--b-\r',
  '\r\n--b-x',
  '\r\n--b \t-',
  '\r\n--b \t--',
  '\r\n--b\r',
  '\r\n--b\r\r',
  '\r\n--b \rx',
  '\n--b\r\n',
  '\r--b--',
  '--b',
  '--b--',
  '\r\r\n-\r\n--\r\r\n',
]

test('what only begins like a delimiter is data, wherever it stands', () => {
  for (const near of nearDelimiters) {
    const content = `x${near}`
    everyChunkSize(`${part}${content}\r\n--b--`, [begin, ['data', content], ['end']])
    everyChunkSize(`${part}${content}y\r\n--b--`, [begin, ['data', `${content}y`], ['end']])
  }
})

test('a delimiter follows a near delimiter at once', () => {
  everyChunkSize(`${part}\r\n--b \r\r\n--b--`, [begin, ['data', '\r\n--b \r'], ['end']])
  everyChunkSize(`${part}--bx\r\n--b--`, [begin, ['data', '--bx'], ['end']])
})

test('a boundary that repeats itself is found behind its own beginning', () => {
  everyChunkSize(
    `----a--a\r\n${head}\r\n\r\n\r\n----a-\r\n----a\r\n----a--a--`,
    [begin, ['data', '\r\n----a-\r\n----a'], ['end']],
    '--a--a',
  )
})

test('a body that stops early is incomplete, one without the boundary is broken', () => {
  const missing = 'the boundary does not occur in the body (at byte'
  const open = 'the body ends without the closing boundary (at byte'
  const begun = '--b\r'
  for (let bytes = 0; bytes <= begun.length; bytes++) {
    everyChunkSize(begun.slice(0, bytes), [['INCOMPLETE_BODY', `${open} ${bytes})`]])
  }
  everyChunkSize('pre\r\n-', [['INCOMPLETE_BODY', `${open} 6)`]])
  everyChunkSize('hello\r\n', [['BAD_MULTIPART', `${missing} 7)`]])
  everyChunkSize(`--c${part.slice(3)}x\r\n--c--\r\n`, [['BAD_MULTIPART', `${missing} 59)`]])
  everyChunkSize('hello', [['BAD_MULTIPART', `${missing} 5)`]])
  everyChunkSize('--b\r\n', [['INCOMPLETE_BODY', `${open} 5)`]])
  everyChunkSize(`--b\r\n${head}\r\n`, [['INCOMPLETE_BODY', `${open} 47)`]])
  everyChunkSize(`${part}x`, [begin, ['data', 'x'], ['INCOMPLETE_BODY', `${open} 50)`]])
  everyChunkSize(`${part}x\r\n--b-`, [begin, ['data', 'x'], ['INCOMPLETE_BODY', `${open} 56)`]])
})

test('a boundary behind the blank line of the headers ends an empty part', () => {
  everyChunkSize(`${part}--b--`, [begin, ['end']])
  everyChunkSize(`${part}--b\r\n${head}\r\n\r\n--b--`, [begin, ['end'], begin, ['end']])
})

test('a boundary whose line ends in LF alone is broken', () => {
  const rule = 'line ends that are LF alone (at byte'
  for (const padding of ['', ' \t']) {
    everyChunkSize(`${part}x\r\n--b${padding}\n${head}\r\n\r\n`, [
      ...[begin, ['data', 'x']],
      ['BAD_MULTIPART', `${rule} 50)`],
    ])
  }
  everyChunkSize(`--b\n${head}\n\nx\n--b--`, [['BAD_MULTIPART', `${rule} 0)`]])
})

test('a part in front of the first boundary is not passed over', () => {
  const lost = head.toUpperCase()
  const rule = 'a Content-Disposition in front of the first boundary (at byte'
  for (const [before, at] of [
    ['', 0],
    ['pre\r\n', 5],
    ['pre\n', 4],
    [`${'p'.repeat(99)}\r`, 100],
  ] as const) {
    everyChunkSize(`${before}${lost}\r\n\r\ny\r\n${part}x\r\n--b--`, [
      ['BAD_MULTIPART', `${rule} ${at})`],
    ])
  }
  everyChunkSize(`x${lost}\r\n${part}x\r\n--b--`, [begin, ['data', 'x'], ['end']])
})

test('a field _charset_ in front says in which character set the names are', () => {
  const charset = '--b\r\nContent-Disposition: form-data; name="_charset_"\r\n\r\n'
  const rest = '\r\n--b\r\nContent-Disposition: form-data; name="\xe4%22"\r\n\r\n\r\n--b--'
  const value = (label: string) => [['field', '_charset_', ''], ['data', label], ['end']]
  everyChunkSize(`${charset}ISO-8859-1${rest}`, [
    ...value('ISO-8859-1'),
    ['field', 'ä"', ''],
    ['end'],
  ])
  const rule = 'a _charset_ that names no known character set (at byte 64)'
  everyChunkSize(`${charset}klingon${rest}`, [
    ...value('klingon').slice(0, 2),
    ['BAD_MULTIPART', rule],
  ])
})

test('several files in one field are no text', () => {
  const rule = 'several files in one field: send each as a part of its own (at byte 78)'
  everyChunkSize(`--b\r\n${head}\r\nContent-Type: multipart/mixed\r\n\r\nx`, [
    ['BAD_MULTIPART', rule],
  ])
})

test('a line that goes on behind the closing boundary is broken', () => {
  const rule = 'a line that goes on behind the closing boundary (at byte 50)'
  everyChunkSize(`${part}x\r\n--b--c`, [begin, ['data', 'x'], ['end'], ['BAD_MULTIPART', rule]])
})

const brokenHeaders: readonly (readonly [headers: string, rule: string])[] = [
  ['\n', 'line ends that are LF alone (at byte 5)'],
  [`${head}\n\r\n`, 'line ends that are LF alone (at byte 5)'],
  [
    `${head}\r\n--b\r\n`,
    'a boundary among the headers, without a blank line before it (at byte 47)',
  ],
  [`X: a\rb\r\n${head}\r\n`, 'a header line that does not end in CRLF alone (at byte 5)'],
  [`${head}\r\r\n`, 'a header line that does not end in CRLF alone (at byte 5)'],
  [`X: \0\r\n${head}\r\n`, 'a NUL in a header (at byte 5)'],
  [`${head}\r\n x\r\n`, 'a folded header (at byte 47)'],
  [`${head}\r\n\tx\r\n`, 'a folded header (at byte 47)'],
  ['nonsense\r\n', 'a header line that is not name: value (at byte 5)'],
  [': x\r\n', 'a header line that is not name: value (at byte 5)'],
  ['Content-Disposition : form-data\r\n', 'a header line that is not name: value (at byte 5)'],
  [`${head}\r\n${head}\r\n`, 'more than one Content-Disposition (at byte 47)'],
  [
    `Content-Type: a/b\r\ncontent-type: c/d\r\n${head}\r\n`,
    'more than one Content-Type (at byte 24)',
  ],
  [`Content-Type:\r\nContent-Type:\r\n${head}\r\n`, 'more than one Content-Type (at byte 20)'],
  ['X: y\r\n', 'a part without Content-Disposition (at byte 11)'],
  ['', 'a part without Content-Disposition (at byte 5)'],
  [
    `${head}\r\nContent-Transfer-Encoding: base64\r\n`,
    'a Content-Transfer-Encoding that changes the content (at byte 47)',
  ],
  [
    'Content-Disposition: attachment; name=a\r\n',
    'a Content-Disposition other than form-data (at byte 5)',
  ],
  ['Content-Disposition: form-data\r\n', 'a Content-Disposition without a name (at byte 5)'],
]

test('headers that two readers could understand differently are broken', () => {
  for (const [headers, rule] of brokenHeaders) {
    everyChunkSize(`--b\r\n${headers}\r\nx\r\n--b--`, [['BAD_MULTIPART', rule]])
  }
})

test('other headers and harmless transfer encodings are ignored, names in any case', () => {
  for (const encoding of ['7bit', '8BIT', 'binary']) {
    everyChunkSize(
      `--b\r\nX-Y: z\r\nCONTENT-TRANSFER-ENCODING: ${encoding}\r\n` +
        `content-disposition:form-data;name=a\r\nCoNtEnT-tYpE: \t text/plain \r\n\r\nx\r\n--b--`,
      [['field', 'a', 'text/plain'], ['data', 'x'], ['end']],
    )
  }
})

test('sixteen headers are accepted, the seventeenth is too many', () => {
  const body = (count: number) => `--b\r\n${head}\r\n${'X: y\r\n'.repeat(count - 1)}\r\nx\r\n--b--`
  everyChunkSize(body(16), [begin, ['data', 'x'], ['end']])
  everyChunkSize(body(17), [['HEADERS_TOO_LARGE', 'more than 16 headers']])
})

test('headers of exactly 8 KiB are accepted, one byte more is too much', () => {
  const body = (bytes: number) =>
    `--b\r\n${head}\r\nX: ${'y'.repeat(bytes - head.length - 7)}\r\n\r\nx\r\n--b--`
  everyChunkSize(body(8192), [begin, ['data', 'x'], ['end']])
  everyChunkSize(body(8193), [['HEADERS_TOO_LARGE', 'more than 8 KiB']])
})

test('a boundary in front of the first part that is no line of its own is refused', () => {
  const rule = 'a boundary in front of the first part that is no line of its own'
  for (const [line, at] of [
    ['--b junk\r\n', 0],
    ['--bY\r\n', 0],
    ['--b\r', 0],
    [' --b\r\n', 1],
    ['x--b\r\n', 1],
    ['--b\0\r\n', 0],
    ['hello\r\n--b junk\r\n', 7],
  ] as const) {
    everyChunkSize(`${line}${head}\r\n\r\nfirst\r\n${part}second\r\n--b--`, [
      ['BAD_MULTIPART', `${rule} (at byte ${at})`],
    ])
  }
})

test('a preamble of 64 KiB is skipped, one byte more is too much', () => {
  const rest = `\r\n${part}x\r\n--b--`
  everyChunkSize('p'.repeat(65536) + rest, [begin, ['data', 'x'], ['end']])
  everyChunkSize('p'.repeat(65537) + rest, [
    ['BAD_MULTIPART', 'no boundary in the first 64 KiB (at byte 65536)'],
  ])
})

test('padding of 1 KiB is accepted, one byte more is too much', () => {
  const rest = `\r\n${head}\r\n\r\nx\r\n--b--`
  everyChunkSize(`--b${' '.repeat(1024)}${rest}`, [begin, ['data', 'x'], ['end']])
  everyChunkSize(`--b${' '.repeat(1025)}${rest}`, [
    ['BAD_MULTIPART', 'more than 1 KiB of blanks behind a boundary (at byte 0)'],
  ])
})
