// Records as bytes in and calls out, cut in every way.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  encodeEnd,
  encodeReply,
  encodeStderr,
  encodeUnknownType,
  encodeValues,
  ProtocolError,
  parseParams,
  RecordParser,
  type RecordSink,
} from './fastcgi-record.ts'

/** The calls in words; parts of one stream that follow one another are joined. */
function callsOf(bytes: Buffer, chunkBytes: number): string[] {
  const calls: string[] = []
  const stream = (name: string) => (id: number, part: Buffer) => {
    const start = `${name} ${id} `
    const last = calls.at(-1)
    if (last?.startsWith(start)) calls[calls.length - 1] = last + part.toString('latin1')
    else calls.push(start + part.toString('latin1'))
  }
  const sink: RecordSink = {
    begin: (id, role, keeps) => calls.push(`begin ${id} role ${role}${keeps ? ' keep' : ''}`),
    abort: (id) => calls.push(`abort ${id}`),
    params: stream('params'),
    paramsEnd: (id) => calls.push(`paramsEnd ${id}`),
    stdin: stream('stdin'),
    stdinEnd: (id) => calls.push(`stdinEnd ${id}`),
    getValues: (names) => calls.push(`getValues ${names}`),
    unknownType: (type) => calls.push(`unknownType ${type}`),
  }
  const parser = new RecordParser(sink)
  try {
    for (let at = 0; at < bytes.length; at += chunkBytes) {
      parser.write(Buffer.from(bytes.subarray(at, at + chunkBytes)))
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    calls.push(refusal)
  }
  return calls
}

/** What ends the calls of bytes that are not FastCGI. */
const refusal = 'refused'

const hex = (text: string) => Buffer.from(text.replace(/\s/g, ''), 'hex')

test('a whole connection reads the same at every chunk size', () => {
  const bytes = hex(`
    01 01 0001 0008 00 00  0001 01 0000000000
    01 04 0001 0004 04 00  01 01 41 62  00000000
    01 04 0001 0000 00 00
    01 05 0001 0003 05 00  78 79 7a  0000000000
    01 05 0001 0002 00 00  0102
    01 05 0001 0000 08 00  0000000000000000
    01 02 0001 0000 00 00
    01 09 0000 0011 07 00  0f 00 46434749 5f4d5058 535f434f 4e4e53  00000000000000
    01 63 0000 0002 06 00  0000 000000000000
    01 08 0001 0002 00 00  6161
    01 01 0102 0008 00 00  0002 00 0000000000`)
  const expected = [
    'begin 1 role 1 keep',
    'params 1 \x01\x01Ab',
    'paramsEnd 1',
    'stdin 1 xyz\x01\x02',
    'stdinEnd 1',
    'abort 1',
    'getValues FCGI_MPXS_CONNS',
    'unknownType 99',
    'begin 258 role 2',
  ]
  for (let size = 1; size <= bytes.length; size++) assert.deepEqual(callsOf(bytes, size), expected)
})

test('random records of every type read as a model reads them, however they are cut', () => {
  let seed = 7
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31
    return Math.floor((seed / 2 ** 31) * below)
  }
  let refusals = 0
  for (let round = 0; round < 600; round++) {
    const bytes: Buffer[] = []
    const expected: string[] = []
    for (let count = random(12); count >= 0 && expected.at(-1) !== refusal; count--) {
      const content = Buffer.from(Array.from({ length: random(40) }, () => 97 + random(3)))
      const type = [1, 2, 4, 4, 5, 5, 8, 9, 99][random(9)] ?? 5
      const version = random(40) === 0 ? random(256) : 1
      const whole = type === 1 && random(8) > 0 ? beginOf(random(4), random(2)) : content
      const [id, padding] = [random(3), Buffer.alloc(random(256))]
      const header = [version, type, 0, id, 0, whole.length, padding.length, random(256)]
      bytes.push(Buffer.from(header), whole, padding)
      model(expected, version === 1 ? type : -1, id, whole)
    }
    if (expected.at(-1) === refusal) refusals++
    assert.deepEqual(callsOf(Buffer.concat(bytes), 1 + random(30)), expected)
  }
  assert.ok(refusals > 20 && refusals < 500, `${refusals}`)
})

/** Adds the call that a record makes; -1 is the type of a record of another version. */
function model(calls: string[], type: number, id: number, content: Buffer): void {
  const text = content.toString('latin1')
  const stream = { 4: 'params', 5: 'stdin' }[type]
  const last = calls.at(-1) ?? ''
  if (stream !== undefined) {
    if (text === '') calls.push(`${stream}End ${id}`)
    else if (last.startsWith(`${stream} ${id} `)) calls[calls.length - 1] = last + text
    else calls.push(`${stream} ${id} ${text}`)
  } else if (type === 1 && content.length === 8) {
    const keeps = Number(content[2]) % 2 === 1 ? ' keep' : ''
    calls.push(`begin ${id} role ${content.readUInt16BE(0)}${keeps}`)
  } else if (type === -1 || type === 1) calls.push(refusal)
  else if (type === 2) calls.push(`abort ${id}`)
  // Letters are lengths of about 97 bytes, which never fit.
  else if (type === 9) calls.push(text === '' ? 'getValues ' : refusal)
  else if (type === 99) calls.push('unknownType 99')
}

function beginOf(role: number, flags: number): Buffer {
  return Buffer.from([0, role, flags, 0, 0, 0, 0, 0])
}

test('a body is joined from its records, whatever their lengths and padding', () => {
  const letters = Array.from({ length: 40 }, (_, i) => String.fromCharCode(97 + (i % 26)))
  const parts = letters.map((letter, i) => letter.repeat(1 + ((i * 7) % 50)))
  const records = parts.map((part, i) => {
    const padding = (i * 5) % 9
    const header = [1, 5, 0, 1, 0, part.length, padding, 0]
    return Buffer.concat([Buffer.from(header), Buffer.from(part), Buffer.alloc(padding, 0xff)])
  })
  const bytes = Buffer.concat([...records, hex('01 05 0001 0000 00 00')])
  const expected = [`stdin 1 ${parts.join('')}`, 'stdinEnd 1']
  for (let size = 1; size <= bytes.length; size++) assert.deepEqual(callsOf(bytes, size), expected)
})

test('what is not FastCGI is refused', () => {
  const refused = (text: string) => assert.deepEqual(callsOf(hex(text), 100), [refusal])
  refused('02 01 0001 0008 00 00  0001 00 0000000000') // another version
  refused('01 01 0001 0007 00 00  0001 00 00000000') // a BEGIN_REQUEST that is too short
  refused('01 01 0001 0000 00 00') // an empty one
  refused('01 09 0000 0401 00 00') // more than any management record needs
  refused('01 09 0000 0002 00 00  05 00') // a name that goes beyond the end
  assert.deepEqual(callsOf(Buffer.from('GET / HTTP/1.1\r\n\r\n'), 100), [refusal])
})

test('parameters have lengths of one byte or of four', () => {
  const long = 'v'.repeat(300)
  const bytes = Buffer.concat([hex('01 03'), Buffer.from('Axyz'), hex('80000002 8000012c')])
  const params = parseParams(Buffer.concat([bytes, Buffer.from(`BB${long}`), hex('01 00 43')]))
  assert.deepEqual(
    [...params],
    [
      ['A', 'xyz'],
      ['BB', long],
      ['C', ''],
    ],
  )
  assert.deepEqual([...parseParams(Buffer.alloc(0))], [])
  for (const cut of ['01', '01 01 41', '80 00 00', 'ff ff ff ff 00 41']) {
    assert.throws(() => parseParams(hex(cut)), ProtocolError, cut)
  }
})

test('a reply is STDOUT, its end, and END_REQUEST', () => {
  assert.deepEqual(
    Buffer.concat(encodeReply(258, [Buffer.from('ab')])),
    hex(
      '01 06 0102 0002 00 00 6162  01 06 0102 0000 00 00  01 03 0102 0008 00 00 0000000000000000',
    ),
  )
  const long = Buffer.alloc(65_536, 'x')
  const bytes = Buffer.concat(encodeReply(1, [long]))
  assert.deepEqual(bytes.subarray(0, 8), hex('01 06 0001 ffff 00 00'))
  assert.deepEqual(bytes.subarray(8 + 65_535, 8 + 65_535 + 9), hex('01 06 0001 0001 00 00 78'))
  assert.equal(bytes.length, 65_536 + 8 + 8 + 8 + 16)
})

test('the other answers are as the specification draws them', () => {
  assert.deepEqual(encodeEnd(1, 3), hex('01 03 0001 0008 00 00  00000000 03 000000'))
  assert.deepEqual(encodeStderr(1, Buffer.from('no')), hex('01 07 0001 0002 00 00 6e6f'))
  assert.deepEqual(encodeUnknownType(99), hex('01 0b 0000 0008 00 00  63 00000000000000'))
  const values = encodeValues(new Map([['FCGI_MPXS_CONNS', '0']]))
  const pair = Buffer.concat([hex('01 0a 0000 0012 00 00 0f 01'), Buffer.from('FCGI_MPXS_CONNS0')])
  assert.deepEqual(values, pair)
})
