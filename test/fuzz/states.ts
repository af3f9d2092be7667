// Which class of byte met which state of reading, by the model's regions: the fuzzer keeps inputs
// that show a new pair, and prints the pairs that were never met. States are the model's, not the
// parser's own: the place in a delimiter, in a line of headers, after the close.

import type { Reading } from './model.ts'

export const classes = ['CR', 'LF', '-', 'SP', 'HT', 'NUL', ':', 'token', '>=80', 'other'] as const

/** The boundary's own text is one state; met by a byte that continues it or breaks off. */
export const states = [
  ...['preamble', 'content'].flatMap((where) =>
    ['text', 'CR', 'CRLF', 'CRLF-', 'in boundary', 'behind boundary', 'padding']
      .concat(['CR behind boundary', 'dash behind boundary'])
      .map((place) => `${where}: ${place}`),
  ),
  ...['line start', 'name', 'value', 'CR'].map((place) => `headers: ${place}`),
  'close',
  'epilogue',
]

/** Indexes of pairs: state * classes.length + class. */
export function pairsOf(body: Buffer, boundary: string, reading: Reading): Set<number> {
  const pairs = new Set<number>()
  const meet = (state: string, at: number) => {
    const byte = body[at]
    if (byte !== undefined) pairs.add(states.indexOf(state) * classes.length + classOf(byte))
  }
  let where = 'preamble'
  for (const { kind, from, to } of reading.regions) {
    if (kind === 'text') {
      const places = placesIn(body.toString('latin1', from, to), boundary)
      for (const [i, place] of places.entries()) meet(`${where}: ${place}`, from + i)
    } else if (kind === 'headers') {
      where = 'content'
      for (let at = from, line = from; at < Math.min(to, body.length); at++) {
        const text = body.toString('latin1', line, at)
        const place = text === '' ? 'line start' : text.includes(':') ? 'value' : 'name'
        meet(`headers: ${text.endsWith('\r') ? 'CR' : place}`, at)
        if (body[at] === 0x0a) line = at + 1
      }
    } else {
      for (let at = from; at < Math.min(to, body.length); at++) meet(kind, at)
    }
  }
  return pairs
}

/** The state in which each byte of a stretch between delimiters arrives. */
function placesIn(text: string, boundary: string): string[] {
  const places: string[] = Array(text.length).fill('text')
  const line = `\r\n--${boundary}`
  const virtual = `\r\n${text}`
  let free = 0
  for (let from = 0; from !== -1; from = virtual.indexOf('\r', from + 1)) {
    let length = 0
    while (length < line.length && virtual[from + length] === line[length]) length++
    if (length === line.length) {
      const tail = /^(-|[ \t]{0,1024}\r?)/.exec(virtual.slice(from + length, from + length + 1026))
      length += tail?.[0].length ?? 0
    }
    for (let held = 1; held <= length; held++) {
      const at = from + held - 2
      if (at < free || at >= text.length) continue
      places[at] = placeOf(virtual.slice(from, from + held), line.length)
      free = at + 1
    }
  }
  return places
}

function placeOf(held: string, lineLength: number): string {
  if (held.length <= 3) return ['CR', 'CRLF', 'CRLF-'][held.length - 1] ?? ''
  if (held.length < lineLength) return 'in boundary'
  if (held.length === lineLength) return 'behind boundary'
  const last = held.at(-1)
  return last === '\r' ? 'CR behind boundary' : last === '-' ? 'dash behind boundary' : 'padding'
}

function classOf(byte: number): number {
  const special = [0x0d, 0x0a, 0x2d, 0x20, 0x09, 0x00, 0x3a].indexOf(byte)
  if (special !== -1) return special
  if (byte >= 0x80) return 8
  return /[!#$%&'*+.^_`|~0-9A-Za-z]/.test(String.fromCharCode(byte)) ? 7 : 9
}
