import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { test } from 'node:test'

/** As a new process has it: JavaScript has hashed nothing yet. */
let fresh = 0
function anew(): Promise<typeof import('../../src/hash.ts')> {
  return import(`../../src/hash.ts?${fresh++}`)
}

function bytesOf(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => (index * 31 + length) % 256))
}

const ofCrypto = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

test('the hash of every length is that of node:crypto, in one piece and in several', async () => {
  const lengths = [
    ...Array.from({ length: 200 }, (_, index) => index),
    4000,
    8127,
    8128,
    8129,
    9000,
  ]
  for (const length of lengths) {
    const bytes = bytesOf(length)
    for (const pieceBytes of [length || 1, 1, 63, 64, 65, 1000]) {
      const { openHash } = await anew()
      const hash = openHash('sha256')
      const reused = Buffer.alloc(pieceBytes)
      for (let at = 0; at < length; at += pieceBytes) {
        const count = bytes.copy(reused, 0, at, at + pieceBytes)
        hash.update(reused.subarray(0, count))
      }
      assert.equal(hash.digest('hex'), ofCrypto(bytes), `${length} in pieces of ${pieceBytes}`)
    }
  }
})

test('several at once are right where one of them uses up the share of JavaScript', async () => {
  const { openHash, keyedHash } = await anew()
  const [one, other] = [openHash('sha256'), openHash('sha256')]
  one.update(bytesOf(5000))
  other.update(bytesOf(100))
  one.update(bytesOf(5000))
  other.update(bytesOf(300))
  assert.equal(other.digest('hex'), ofCrypto(Buffer.concat([bytesOf(100), bytesOf(300)])))
  assert.equal(one.digest('hex'), ofCrypto(Buffer.concat([bytesOf(5000), bytesOf(5000)])))
  const base64 = openHash('sha256')
  base64.update(bytesOf(3))
  assert.equal(base64.digest('base64'), createHash('sha256').update(bytesOf(3)).digest('base64'))
  const key = bytesOf(64)
  assert.equal(keyedHash(key, 'é'), createHmac('sha256', key).update('é').digest('hex'))
})

test('a keyed hash is that of RFC 4231, before and after node:crypto is loaded', async () => {
  const { keyedHash } = await anew()
  for (let count = 0; count < 40; count++) {
    assert.equal(
      keyedHash(Buffer.from('Jefe'), 'what do ya want for nothing?'),
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    )
    const long = Buffer.alloc(131, 0xaa)
    assert.equal(
      keyedHash(long, 'Test Using Larger Than Block-Size Key - Hash Key First'),
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    )
  }
})

test('other hashes are those of node:crypto', async () => {
  const { openHash } = await anew()
  const hash = openHash('sha1')
  hash.update(Buffer.from('abc'))
  assert.equal(hash.digest('hex'), 'a9993e364706816aba3e25717850c26c9cd0d89d')
})
