// What stands in front of the first part (RFC 2046 section 5.1.1: to be ignored). Called by
// multipart.ts. Text is skipped, but not with the boundary in it: for some readers the first part
// would begin there, and here it would be lost without a word. Keeps no more than a boundary's
// length.

const maxPreambleBytes = 65536

export class Preamble {
  readonly #dashBoundary: Buffer
  #bytes = 0
  /** The last bytes, with which the boundary may begin. */
  #tail = Buffer.alloc(0)

  /** `dashBoundary`: two hyphens and the boundary. */
  constructor(dashBoundary: Buffer) {
    this.#dashBoundary = dashBoundary
  }

  /** The rule that is broken, and at which byte of the body; undefined when none is. */
  skip(bytes: Buffer): { readonly rule: string; readonly at: number } | undefined {
    const text = Buffer.concat([this.#tail, bytes])
    const found = text.indexOf(this.#dashBoundary)
    const at = this.#bytes - this.#tail.length + found
    if (found !== -1 && at + this.#dashBoundary.length <= maxPreambleBytes) {
      return { rule: 'a boundary in front of the first part that is no line of its own', at }
    }
    this.#bytes += bytes.length
    if (this.#bytes > maxPreambleBytes) {
      return { rule: 'no boundary in the first 64 KiB', at: maxPreambleBytes }
    }
    this.#tail = Buffer.from(text.subarray(-this.#dashBoundary.length + 1))
    return undefined
  }
}
