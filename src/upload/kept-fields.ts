// What is kept of the text of one request. The owner's `extra_fields` are kept whole, the last one
// of a name; all other fields together only up to a bound, so that neither a reply nor a record
// grows with what somebody makes up. The one that does not fit is cut and ends in a mark; later
// ones are left out. It refuses nothing.

import type { Answer, Field } from '../outcome.ts'
import type { Settings } from '../settings/settings.ts'

export class KeptFields {
  readonly #wanted: ReadonlySet<string>
  #fields: Field[] = []
  #roomBytes = maxOtherBytes
  #isCut = false

  constructor({ extraFields }: Settings) {
    this.#wanted = new Set(extraFields.map(({ name }) => name))
  }

  /** In the order in which they came. */
  get all(): readonly Field[] {
    return this.#fields
  }

  /** Whether the visitor says anything; names that begin with `_` are for programs. */
  get isSaid(): boolean {
    return this.#fields.some(({ name, value }) => name[0] !== '_' && value.trim() !== '')
  }

  add(field: Field): void {
    if (!this.#wanted.has(field.name)) {
      this.#fields.push(...this.#bounded(field))
      return
    }
    // Only the last one is an answer: one before it counts as any other field.
    const before = this.#fields.findLastIndex(({ name }) => name === field.name)
    if (before !== -1) {
      this.#fields = this.#fields.flatMap((one, i) => (i === before ? this.#bounded(one) : [one]))
    }
    this.#fields.push(field)
  }

  /** The field; once it does not fit any more, what fits of it, and then nothing. */
  #bounded(field: Field): readonly Field[] {
    if (this.#isCut) return []
    const bytes = encodedBytes(field, this.#roomBytes)
    if (bytes <= this.#roomBytes) {
      this.#roomBytes -= bytes
      return [field]
    }
    this.#isCut = true
    return [cut(field, this.#roomBytes)]
  }
}

/** What the visitor answered: the last field of a name counts. */
export function answersOf(
  fields: readonly Field[],
  { extraFields }: Pick<Settings, 'extraFields'>,
): Answer[] {
  const answers = new Map<string, Answer>()
  for (const { name, value } of fields) {
    // Such names are for programs.
    if (name.startsWith('_')) continue
    const label = extraFields.find((field) => field.name === name)?.label ?? name
    answers.set(name, { name, label, value })
  }
  return [...answers.values()]
}

/** What a client says of one of `count` files: of many files, less is repeated of each. */
export function shortened(text: string, count: number): string {
  const length = Math.min(maxTextLength, Math.max(leastTextLength, maxTextLength * (8 / count)))
  return text.length <= length ? text : `${text.slice(0, length)}${mark}`
}

/** The longest beginning that fits, and the mark; of a field whose name is too long, the mark. */
function cut({ name, value }: Field, roomBytes: number): Field {
  const beginning = (length: number) => {
    const whole = value.slice(0, length).replace(/[\ud800-\udbff]$/, '')
    return { name, value: `${whole}${mark}` }
  }
  let [fits, tooLong] = [0, Math.min(value.length, roomBytes) + 1]
  while (tooLong - fits > 1) {
    const middle = Math.floor((fits + tooLong) / 2)
    if (encodedBytes(beginning(middle), roomBytes) <= roomBytes) fits = middle
    else tooLong = middle
  }
  const shorter = beginning(fits)
  return encodedBytes(shorter, roomBytes) <= roomBytes ? shorter : { name: mark, value: mark }
}

/**
 * As JSON: a control character is six bytes there. More than `atMost` is told without encoding it.
 */
function encodedBytes({ name, value }: Field, atMost: number): number {
  const least = name.length + value.length
  return least > atMost ? least : Buffer.byteLength(JSON.stringify({ name, value }))
}

const maxOtherBytes = 64 * 1024
/** The headers of a part have no more. */
const maxTextLength = 8 * 1024
const leastTextLength = 1000
const mark = '…'
