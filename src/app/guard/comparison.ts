// Compares secrets so that the time does not tell how much of a guess was right. Of what is
// compared only hashes are, so that not even its length shows.

export function isSame(one: string, other: string): boolean {
  const { createHash, timingSafeEqual } = process.getBuiltinModule('node:crypto')
  const hash = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(hash(one), hash(other))
}
