// Collects the bytes of one text field, and decodes them once it is whole. It refuses a field that
// is longer than `max_field_size`.

import { Fault } from '../fault.ts'
import type { PartHeaders } from '../multipart/header-block.ts'
import { formatSize } from '../quantity.ts'
import type { Settings } from '../settings/settings.ts'

export class TextField {
  readonly #headers: PartHeaders
  readonly #maxBytes: number
  #bytes = Buffer.alloc(0)
  #length = 0

  constructor(headers: PartHeaders, { maxFieldBytes }: Settings) {
    this.#headers = headers
    this.#maxBytes = maxFieldBytes
  }

  get name(): string {
    return this.#headers.name
  }

  get value(): string {
    return this.#headers.charset.decode(this.#bytes.subarray(0, this.#length))
  }

  /** `bytes`: valid only during the call. Throws FIELD_TOO_LARGE. */
  write(bytes: Buffer): void {
    const length = this.#length + bytes.length
    if (this.#maxBytes > 0 && length > this.#maxBytes) {
      throw new Fault('FIELD_TOO_LARGE', `the limit is ${formatSize(this.#maxBytes)}`)
    }
    if (length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(length * 2)
      this.#bytes.copy(larger, 0, 0, this.#length)
      this.#bytes = larger
    }
    bytes.copy(this.#bytes, this.#length)
    this.#length = length
  }
}
