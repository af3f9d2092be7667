// Firewalls that read bodies (ModSecurity's default rules) take a line of a file that begins with
// two hyphens for the beginning of another part, and refuse the request. A hyphen at the end of one
// piece and the next hyphen at the beginning of another pass, so a refused piece is cut there. The
// bytes stay as they are: what the firewall looks for in them it still finds.

/** Many cuts are many requests: one for each. */
const mostCuts = 500

/** Where one file is cut. */
export class Cuts {
  /** The piece of which all cuts are known, as offsets in the file. */
  #from = 0
  #to = 0
  #offsets: readonly number[] = []
  #count = 0
  #isNeeded = false

  /** Finds the cuts in a piece that was refused, and tells whether parts of it may pass. */
  cut(from: number, piece: ArrayBuffer): 'cut' | 'nowhere' | 'too often' {
    const offsets = cutsIn(new Uint8Array(piece)).map((offset) => from + offset)
    if (offsets.length === 0) return 'nowhere'
    this.#count += offsets.length
    if (this.#count > mostCuts) return 'too often'
    this.#from = from
    this.#to = from + piece.byteLength
    this.#offsets = offsets
    return 'cut'
  }

  /** A part has passed: from now on pieces are cut before they are sent. */
  helped(): void {
    this.#isNeeded = this.#count > 0
  }

  /** Where the piece that begins at `from` ends: at `end`, or before that where a cut is known. */
  endOf(from: number, end: number): number {
    if (!this.#isKnown(from)) return end
    return Math.min(this.#offsets.find((offset) => offset > from) ?? this.#to, end)
  }

  /** What to send of a piece that was read: its first part, once cuts have helped in this file. */
  partOf(from: number, piece: ArrayBuffer): ArrayBuffer {
    if (!this.#isNeeded || this.#isKnown(from) || this.cut(from, piece) !== 'cut') return piece
    return piece.slice(0, this.endOf(from, this.#to) - from)
  }

  #isKnown(from: number): boolean {
    return from >= this.#from && from < this.#to
  }
}

/** Between every two of the hyphens with which a line begins. A line `--` alone is harmless. */
function cutsIn(bytes: Uint8Array): number[] {
  const cuts: number[] = []
  for (let line = 0; ; ) {
    let end = line
    while (bytes[end] === hyphen) end++
    if (end - line !== 2 || bytes[end] !== lineFeed) {
      for (let cut = line + 1; cut < end; cut++) cuts.push(cut)
    }
    // More of them are too many, whatever the rest has.
    if (cuts.length > mostCuts) return cuts
    line = bytes.indexOf(lineFeed, end) + 1
    if (line === 0) return cuts
  }
}

const [lineFeed, hyphen] = [10, 45]
