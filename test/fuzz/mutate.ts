// Where the fuzzer's inputs come from: seeds (built here, and the corpus of fixtures where it
// exists), a dictionary of what means something to a parser of multipart/form-data, and the ways to
// change an input.

import { globSync, readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import type { Input } from './check.ts'

/** From 0 up to 1. */
export type Random = () => number

const fixtures = resolve(import.meta.dirname, '../fixtures')
const maxSeedBytes = 20_000
const maxBytes = 100_000

export function seeds(): Input[] {
  const file = {
    name: 'f',
    filename: 'x y.png',
    type: 'image/png',
    content: Buffer.from([0, 255, 13, 10]),
  }
  const parts = [{ name: 'a', content: 'hello' }, file, { name: 'e', filename: '', content: '' }]
  const head = 'Content-Disposition: form-data; name="a"'
  const charset = head.replace('"a"', '"_charset_"')
  const built = ['b', 'XboundaryX', '----a--a', "'()+_,-./:=?", '$*;{ }', 'x'.repeat(256)].flatMap(
    (boundary) => [
      {
        contentType: `multipart/form-data; boundary="${boundary}"`,
        body: multipartBody(parts, boundary),
      },
    ],
  )
  const written = [
    `--b\r\n${head}\r\n\r\nx\r\n--b--`,
    `pre\r\n--bx\r\n--b \t\r\n${head}; filename="a\\"b%22.txt"; filename*=UTF-8''c\r\n\r\nx\r\n--b \rx\r\n--b--\r\nend`,
    `--b\r\n${'X: y\r\n'.repeat(15)}${head}\r\n\r\nx\r\n--b--`,
    `--b\r\n${head}\r\nX: ${'y'.repeat(8192 - head.length - 7)}\r\n\r\nx\r\n--b--`,
    `${'p'.repeat(65536)}\r\n--b\r\n${head}\r\n\r\n\r\n--b--`,
    `--b${' '.repeat(1024)}\r\n${head}\r\nContent-Transfer-Encoding: 8bit\r\n\r\nx\r\n--b--`,
    `--b\r\n${head}\r\n\r\nx\r\n--b${'\t'.repeat(1023)}x\r\n--b--`,
    `--b\r\n${charset}\r\n\r\nwindows-1252\r\n--b\r\n${head}; filename="\xe4"\r\n\r\n\r\n--b--`,
    `--b\r\n${charset}\r\n\r\nshift_jis\r\n--b\r\n${head}\r\n\r\n\x95\x5c\r\n--b--`,
    `--b\r\n${head}; filename="=?utf-8?B?w6Q=?= =?utf-8?Q?=C3=A4_b?="\r\n\r\nx\r\n--b--`,
    `--b\r\n${head}; filename="a"; filename*=utf-8''%C3%A4\r\n\r\n--b--`,
  ].map((text) => ({ contentType: contentType('b'), body: Buffer.from(text, 'latin1') }))
  return [...written, ...built, ...fixtureSeeds()]
}

/** Read leniently: a case without a Content-Type of its own gets one that names its first line. */
function fixtureSeeds(): Input[] {
  const paths = globSync(`${fixtures}/*/body`).sort()
  return paths
    .filter((path) => statSync(path).size <= maxSeedBytes)
    .map((path) => {
      const body = readFileSync(path)
      return { contentType: fixtureType(dirname(path)) ?? contentType('b'), body }
    })
}

function fixtureType(folder: string): string | undefined {
  try {
    const toml = readFileSync(`${folder}/case.toml`, 'utf8')
    const [, basic, literal] =
      /CONTENT_TYPE\s*=\s*(?:("(?:[^"\\]|\\.)*")|'([^']*)')/.exec(toml) ?? []
    return basic === undefined ? literal : String(JSON.parse(basic))
  } catch {
    return undefined
  }
}

/** A new input out of one or two of the corpus. */
export function mutate(random: Random, corpus: readonly Input[]): Input {
  // Long ones cost time and teach little: of two, mostly the shorter.
  const [one, two] = [pick(random, corpus), pick(random, corpus)]
  const seed = random() < 0.9 && two.body.length < one.body.length ? two : one
  let { body, contentType: type } = seed
  const words = dictionary(boundaryOf(type))
  if (random() < 0.1) {
    const changed = change(random, Buffer.from(type, 'latin1'), words, Buffer.from(type, 'latin1'))
    type = changed.toString('latin1')
  }
  for (let i = 1 + Math.floor(random() * random() * 8); i > 0; i--) {
    body = change(random, body, words, pick(random, corpus).body)
  }
  return { contentType: type, body: body.subarray(0, maxBytes) }
}

/** Lists of chunk lengths: always bytes one by one for what is short, and two random ones. */
export function randomCuts(random: Random, length: number): number[][] {
  const upTo = (most: number) => 1 + Math.floor(random() * most)
  const lists = [
    [upTo(Math.max(1, length)), Math.max(1, length)],
    Array.from({ length: 12 }, () => upTo(20)),
  ]
  return length <= 400 || random() < 0.02 ? [[1], ...lists] : lists.slice(0, length > 5000 ? 1 : 2)
}

function change(random: Random, body: Buffer, words: readonly string[], other: Buffer): Buffer {
  const at = position(random, body)
  const length = Math.floor(random() * random() * Math.min(200, body.length - at + 1))
  const word = () => Buffer.from(pick(random, words), 'latin1')
  const replaced = (by: Buffer, gone = 0) =>
    Buffer.concat([body.subarray(0, at), by, body.subarray(at + gone)])
  switch (Math.floor(random() * 10)) {
    case 0: {
      const flipped = Buffer.from(body)
      if (at < body.length) flipped[at] = (flipped[at] ?? 0) ^ (1 << Math.floor(random() * 8))
      return flipped
    }
    case 1:
      return replaced(Buffer.from([Math.floor(random() * 256)]), random() < 0.5 ? 1 : 0)
    case 2:
      return replaced(Buffer.alloc(0), 1 + length)
    case 3:
      return replaced(body.subarray(at, at + length))
    case 4: {
      const from = position(random, other)
      return Buffer.concat([body.subarray(0, at), other.subarray(from)])
    }
    case 5:
      return random() < 0.3 ? body.subarray(0, at) : replaced(word(), 1)
    case 6:
      return random() < 0.1 ? replaced(many(random, word())) : replaced(word())
    default:
      return replaced(word(), random() < 0.3 ? length : 0)
  }
}

/** Around the limits: of padding, of a header block, seldom of the preamble. */
function many(random: Random, word: Buffer): Buffer {
  const most = pick(random, [20, 1024, 1024, 8192, random() < 0.1 ? 65536 : 8192])
  const bytes = most + Math.floor(random() * 5) - 2
  return Buffer.alloc(Math.max(1, random() < 0.5 ? bytes : Math.floor(bytes / 2)), word)
}

/** Half of the time beside something that means something. */
function position(random: Random, body: Buffer): number {
  const at = Math.floor(random() * (body.length + 1))
  if (random() < 0.5) return at
  const next = body.indexOf(pick(random, ['\r\n', '--', ';', '"', ':', '\r\n\r\n']), at)
  return next === -1 ? at : Math.min(body.length, next + Math.floor(random() * 4))
}

function pick<Item>(random: Random, list: readonly Item[]): Item {
  const item = list[Math.floor(random() * list.length)]
  if (item === undefined) throw new RangeError('nothing to pick from')
  return item
}

function boundaryOf(type: string): string {
  return /boundary="?([^";]*)/i.exec(type)?.[1] ?? 'b'
}

function dictionary(b: string): string[] {
  const delimiters = [
    '',
    '--',
    ' ',
    '\t',
    '-',
    '\r',
    '\r\n',
    '--\r\n',
    ' \t\r\n',
    ' \r',
    '\n',
    'x',
    ' --',
    '--x',
  ]
  const disposition = 'Content-Disposition: form-data; name="a"'
  return [
    ...delimiters.flatMap((end) => [`\r\n--${b}${end}`, `--${b}${end}`]),
    ...[
      '\r\n',
      '\r',
      '\n',
      '--',
      '\r\n\r\n',
      '\r\r\n',
      '\r\n-',
      '\0',
      '"',
      '\\',
      '\\"',
      '\\\\"',
      ';',
      ':',
    ],
    ...[
      ...['con.', 'nul', 'x'.repeat(300), '\xcc\x81', '\xcc\x81'.repeat(130), '.php', '. '],
      '=',
      '*',
      '%',
      '%22',
      '%0d',
      '%0A',
      '%41',
      '\t',
      ' ',
      '\xa0',
      '\xff',
      '\xc3\xa9',
      '\xef\xbb\xbf',
    ],
    ...[
      'name=',
      'name="a"',
      '; name=a',
      'filename=',
      '; filename=""',
      '; filename="x.txt"',
      'filename*=',
    ],
    ...[
      '=?utf-8?B?w6Q=?=',
      '=?utf-8?q?=C3=A4_?=',
      '=?ISO-8859-1?Q?=E4?=',
      '?= =?utf-8?B?',
      "filename*=UTF-8''%C3%A4",
      "; name*=utf-8'en'%61",
      'name="_charset_"',
      ...['windows-1252', 'Shift_JIS', 'utf8', 'iso-2022-jp', '\x1b$B', '\x95\x5c'],
      `${disposition.replace('"a"', '"_charset_"')}\r\n\r\n`,
      'multipart/mixed',
      'Content-Type: multipart/mixed; boundary=b\r\n',
      'Content-Disposition:',
    ],
    ...[
      "; filename*=UTF-8''x",
      '; name*0=a',
      '; x=y',
      'form-data',
      'attachment',
      '/',
      '\\..\\',
      '\x0b',
    ],
    ...[
      `\r\n--${b}\r\n${disposition}\r\n\r\n`,
      `${disposition}\r\n`,
      `${disposition}; filename="f"\r\n`,
    ],
    ...[
      'Content-Type: text/plain\r\n',
      'Content-Transfer-Encoding: 7bit\r\n',
      'X: y\r\n',
      ' x\r\n',
    ],
    ...[
      'Content-Transfer-Encoding: base64\r\n',
      'boundary=',
      '; boundary=b',
      'multipart/form-data',
    ],
  ]
}
