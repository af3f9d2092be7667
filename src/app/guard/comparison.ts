// Compares secrets so that the time does not tell how much of a guess was right. Of what is
// compared only HMACs are, with a key that is another each time: whoever guesses cannot know how
// they begin, and not even a length shows.

import { keyedHash } from '../../hash.ts'
import { randomId } from '../../random-id.ts'

export function isSame(one: string, other: string): boolean {
  const key = Buffer.from(randomId())
  return keyedHash(key, one) === keyedHash(key, other)
}
