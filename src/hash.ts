// Hashes of what passes by, and names that only a key can make (HMAC-SHA256, RFC 2104). Loading
// node:crypto takes a fifth of the time of a small upload. So the first kilobytes that a process
// hashes are left to a library in JavaScript, which takes half a millisecond for each. As soon as
// there are more, node:crypto is loaded and does all of it.

import { hmac } from '@stablelib/hmac'
import { SHA256, hash as sha256 } from '@stablelib/sha256'

export type Hash = {
  update(bytes: Buffer): unknown
  digest(encoding: 'hex' | 'base64'): string
}

/** `algorithm`: as OpenSSL calls it, `sha256` or `sha1`. */
export function openHash(algorithm: string): Hash {
  const isShort = algorithm === 'sha256' && spend(0)
  return isShort ? new ShortHash() : crypto().createHash(algorithm)
}

/** HMAC-SHA256 in 64 hex digits. */
export function keyedHash(key: Buffer, text: string): string {
  const bytes = Buffer.from(text)
  // Both the key and the inner hash fill a block once more.
  const isShort = spend(bytes.length + 3 * blockBytes)
  if (isShort) return Buffer.from(hmac(SHA256, key, bytes)).toString('hex')
  return crypto().createHmac('sha256', key).update(bytes).digest('hex')
}

/** SHA-256 of what may turn out to be long. */
class ShortHash implements Hash {
  #kept: Buffer[] = []
  #long: Hash | undefined

  update(bytes: Buffer): void {
    if (this.#long === undefined && spend(bytes.length)) {
      // The caller reads into the same buffer again.
      this.#kept.push(Buffer.from(bytes))
    } else this.#toLong().update(bytes)
  }

  digest(encoding: 'hex' | 'base64'): string {
    if (this.#long !== undefined) return this.#long.digest(encoding)
    return Buffer.from(sha256(Buffer.concat(this.#kept))).toString(encoding)
  }

  #toLong(): Hash {
    if (this.#long !== undefined) return this.#long
    const long = crypto().createHash('sha256')
    for (const bytes of this.#kept) long.update(bytes)
    this.#kept = []
    this.#long = long
    return long
  }
}

function crypto(): typeof import('node:crypto') {
  return process.getBuiltinModule('node:crypto')
}

/** False if JavaScript would have more than its share with so many bytes and their padding. */
function spend(bytes: number): boolean {
  const cost = bytes > 0 ? bytes + blockBytes : 0
  left = cost < left ? left - cost : 0
  return left > 0
}

const blockBytes = 64
/** Twice as many bytes take as long as loading node:crypto. */
let left = 8192
