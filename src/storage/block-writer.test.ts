import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Fault } from '../fault.ts'
import { BlockWriter, blockBytes } from './block-writer.ts'
import { Space } from './space.ts'

const directory = mkdtempSync(join(tmpdir(), 'upload-cgi-blocks-'))
after(() => rmSync(directory, { recursive: true }))
const path = join(directory, 'file')
const block = Buffer.alloc(blockBytes)
const space = new Space(directory, 0)

/** No two pairs of bytes are the same within 128 KB, so bytes from a wrong place are noticed. */
const content = Buffer.from(
  Uint16Array.from({ length: (5 * blockBytes) / 2 + 160 }, (_, i) => i % 65_521).buffer,
)

function written(position: number, chunks: readonly Buffer[]): Buffer {
  writeFileSync(path, content.subarray(0, position))
  const fd = openSync(path, 'r+')
  const writer = new BlockWriter(fd, position, block, space)
  for (const chunk of chunks) {
    const before = writer.endBytes
    // Like the caller's buffer: the next chunk overwrites this one.
    const bytes = Buffer.from(chunk)
    writer.write(bytes)
    bytes.fill(0xee)
    assert.equal(writer.endBytes, before + chunk.length)
  }
  writer.flush()
  assert.equal(writer.endBytes, position + chunks.reduce((sum, { length }) => sum + length, 0))
  closeSync(fd)
  return readFileSync(path)
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return chunks
}

const edges = [0, 1, 4095, blockBytes - 1, blockBytes, blockBytes + 1, 2 * blockBytes]

for (const position of edges) {
  test(`from byte ${position} on, whatever the chunks are`, () => {
    const rest = content.subarray(position)
    for (const sizes of [...edges.slice(1), 147, 8192, content.length].map((size) => [size])) {
      assert.ok(written(position, cut(rest, sizes)).equals(content), String(sizes))
    }
    const uneven = [blockBytes - 147, blockBytes, 1, 0, blockBytes, 193, 2 * blockBytes + 5]
    assert.ok(written(position, cut(rest, uneven)).equals(content))
    assert.ok(written(position, []).equals(content.subarray(0, position)))
  })
}

test('whole blocks are in the file at once, the rest after flush(), and more can follow', () => {
  writeFileSync(path, '')
  const fd = openSync(path, 'r+')
  const writer = new BlockWriter(fd, 0, block, space)
  writer.write(content.subarray(0, blockBytes + 100))
  assert.equal(readFileSync(path).length, blockBytes)
  writer.flush()
  assert.equal(readFileSync(path).length, blockBytes + 100)
  writer.flush()
  writer.write(content.subarray(blockBytes + 100, 2 * blockBytes + 7))
  assert.equal(readFileSync(path).length, 2 * blockBytes)
  writer.flush()
  closeSync(fd)
  assert.ok(readFileSync(path).equals(content.subarray(0, 2 * blockBytes + 7)))
})

test('after a failure the end is what is certainly there, and nothing is written twice', () => {
  const fd = openSync('/dev/full', 'r+')
  const writer = new BlockWriter(fd, 100, block, space)
  writer.write(content.subarray(0, 1000))
  assert.equal(writer.endBytes, 1100)
  const isFull = (error: unknown) => error instanceof Fault && error.code === 'DISK_FULL'
  assert.throws(() => writer.write(content.subarray(0, blockBytes)), isFull)
  assert.equal(writer.endBytes, 100)
  writer.flush()
  writer.write(content.subarray(0, 1000))
  assert.throws(() => writer.flush(), isFull)
  assert.equal(writer.endBytes, 100)
  closeSync(fd)
})
