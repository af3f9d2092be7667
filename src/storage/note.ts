// The bytes of a note: a format number, the content, and a line that proves both whole. It refuses
// whatever is not whole, and what a newer version wrote.

import { openHash } from '../hash.ts'

export function encodeNote(content: Uint8Array): Buffer {
  const bytes = Buffer.concat([Buffer.from(`${format}\n`), content])
  return Buffer.concat([bytes, Buffer.from(`\n${proof(bytes)}\n`)])
}

/** Undefined for what is not whole, and for a format of a newer version. */
export function parseNote(bytes: Buffer): Buffer | undefined {
  const end = bytes.length - proofBytes - 2
  if (end < format.length + 1) return undefined
  const noted = bytes.subarray(0, end)
  if (!bytes.subarray(end).equals(Buffer.from(`\n${proof(noted)}\n`))) return undefined
  const start = noted.indexOf('\n') + 1
  return noted.toString('latin1', 0, start) === `${format}\n` ? noted.subarray(start) : undefined
}

function proof(bytes: Uint8Array): string {
  const hash = openHash('sha256')
  hash.update(Buffer.from(bytes))
  return hash.digest('hex').slice(0, proofBytes)
}

const format = '1'
const proofBytes = 32
