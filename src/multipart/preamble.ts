// The preamble: the text before the first part, which RFC 2046 section 5.1.1 says to ignore. It
// refuses more than 64 KiB of it, a boundary inside it, and a line that begins as the header of a
// part does: some readers would begin the first part there, and here that part would be lost
// without notice. It keeps no more than a boundary's length of bytes.

const maxPreambleBytes = 65536
/** In front of it the start of the body, or a line end of any kind. */
const header = /(?<=^|[\r\n])content-disposition:/i
const headerBytes = 'content-disposition:'.length

type BrokenRule = { readonly rule: string; readonly at: number }

export class Preamble {
  readonly #dashBoundary: string
  #bytes = 0
  /** The last bytes so far, in latin1: they may be the beginning of what is refused. */
  #tail = ''
  #headerAt: number | undefined

  /** `dashBoundary`: two hyphens and the boundary. */
  constructor(dashBoundary: string) {
    this.#dashBoundary = dashBoundary
  }

  get isEmpty(): boolean {
    return this.#bytes === 0
  }

  /**
   * Skips these bytes. Returns the rule that they break and the byte of the body where they do;
   * undefined when they break none.
   */
  skip(bytes: Buffer): BrokenRule | undefined {
    // Two bytes more than the longest of both, for the line end before it.
    const kept = Math.max(this.#dashBoundary.length, headerBytes) + 2
    const text = this.#tail + bytes.toString('latin1')
    const from = this.#bytes - this.#tail.length
    this.#bytes += bytes.length
    this.#tail = text.slice(-kept)
    const found = text.indexOf(this.#dashBoundary)
    if (found !== -1 && from + found + this.#dashBoundary.length <= maxPreambleBytes) {
      const isBehindLineFeed = text[found - 1] === '\n' && text[found - 2] !== '\r'
      return { rule: isBehindLineFeed ? 'line ends that are LF alone' : inLine, at: from + found }
    }
    this.#headerAt ??= headerIn(text, from)
    if (this.#bytes <= maxPreambleBytes) return undefined
    return { rule: 'no boundary in the first 64 KiB', at: maxPreambleBytes }
  }

  /**
   * The first boundary was found. The rule about headers is asked only now: where no boundary comes
   * at all, that is the sender's mistake.
   */
  end(): BrokenRule | undefined {
    if (this.#headerAt === undefined) return undefined
    return { rule: 'a Content-Disposition in front of the first boundary', at: this.#headerAt }
  }
}

const inLine = 'a boundary in front of the first part that is no line of its own'

/** `from`: the position of the text in the body. `^` is the start of the body only if it is 0. */
function headerIn(text: string, from: number): number | undefined {
  const found = from === 0 ? text.search(header) : `x${text}`.search(header) - 1
  return found < 0 ? undefined : from + found
}
