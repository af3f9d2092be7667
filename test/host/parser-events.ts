// What the parser calls for a body, as a list: bytes in, events out, in chunks of 1 to 64 bytes and
// whole.

import assert from 'node:assert/strict'
import { Fault } from '../../src/fault.ts'
import { MultipartParser } from '../../src/multipart/parser.ts'

/**
 * ['field', name, type], ['file', name, filename, type], ['data', bytes], ['end'], or at a fault
 * [code, detail].
 */
export type Event = readonly string[]

/** Data of one part is joined: only how it is cut may depend on the chunks. */
function events(body: Buffer, chunkSize: number, boundary: string): Event[] {
  const list: Event[] = []
  let data: Buffer[] = []
  const flush = () => {
    if (data.length > 0) list.push(['data', Buffer.concat(data).toString('latin1')])
    data = []
  }
  const parser = new MultipartParser(boundary, {
    partBegin({ name, filename, type }) {
      list.push(filename === undefined ? ['field', name, type] : ['file', name, filename, type])
    },
    partData(bytes) {
      assert.notEqual(bytes.length, 0)
      data.push(Buffer.from(bytes))
    },
    partEnd() {
      flush()
      list.push(['end'])
    },
  })
  try {
    for (let at = 0; at < body.length; at += chunkSize) {
      // A copy that is wiped afterwards shows whether the parser kept a view of it.
      const chunk = Buffer.from(body.subarray(at, at + chunkSize))
      parser.write(chunk)
      chunk.fill(0x21)
    }
    parser.end()
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    flush()
    list.push([error.code, error.detail])
  }
  return list
}

/** Every way of cutting the body leads to the same events. */
export function everyChunkSize(body: string, expected: readonly Event[], boundary = 'b'): void {
  const bytes = Buffer.from(body, 'latin1')
  const sizes = [...Array.from({ length: 64 }, (_, i) => i + 1), Math.max(bytes.length, 1)]
  for (const size of sizes) {
    assert.deepEqual(events(bytes, size, boundary), expected, `in chunks of ${size}`)
  }
}
