// The preamble: the text before the first part, which RFC 2046 section 5.1.1 says to ignore. It
// refuses more than 64 KiB of it, and a boundary inside it: some readers would begin the first part
// there, and here that part would be lost without notice. It keeps no more than a boundary's length
// of bytes.

const maxPreambleBytes = 65536

export class Preamble {
  readonly #dashBoundary: Buffer
  #bytes = 0
  /** The last bytes so far: they may be the beginning of the boundary. */
  #tail = Buffer.alloc(0)

  /** `dashBoundary`: two hyphens and the boundary. */
  constructor(dashBoundary: Buffer) {
    this.#dashBoundary = dashBoundary
  }

  /**
   * Skips these bytes. Returns the rule that they break and the byte of the body where they do;
   * undefined when they break none.
   */
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
