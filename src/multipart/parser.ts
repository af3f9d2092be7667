// A push parser for multipart/form-data (RFC 7578, RFC 2046 section 5.1.1): bytes in, Sink calls
// out. It does no I/O and copies no content; it keeps one header line, and at most 1 KiB after a
// boundary. It refuses with BAD_MULTIPART whatever two readers could understand differently, and
// never guesses. Neither the calls nor the byte positions in faults depend on how the bytes are cut
// into chunks.
//
//   preamble ──┐                        ┌──────────── a part's data ◄───────┐
//              ▼                        ▼                                   │
//   scan for CRLF--boundary ──► after the boundary ─── CRLF ──► headers ── blank line
//              ▲                   │    └── "--" ──► close ──► epilogue (ignored)
//              └── anything else ──┘  the line only began like a delimiter: it is data

import { Fault } from '../fault.ts'
import { broken } from './broken.ts'
import { CR, HT, HYPHEN, LF, SP } from './bytes.ts'
import { charsetOf, maxLabelBytes, utf8 } from './charset.ts'
import { beginningAtEnd, findDelimiter, maxPaddingBytes } from './delimiter.ts'
import { HeaderBlock, type PartHeaders } from './header-block.ts'
import { Preamble } from './preamble.ts'

/** What the parser calls, in the order of the body. */
export type Sink = {
  partBegin(headers: PartHeaders): void
  /** Never empty. Valid only during the call and not to be changed: write or copy the bytes. */
  partData(bytes: Buffer): void
  partEnd(): void
}

const SCAN = 0
const AFTER = 1
const PADDING = 2
const DASH = 3
const RETURN = 4
const CLOSE = 5
const HEADERS = 6
const EPILOGUE = 7

export class MultipartParser {
  readonly #sink: Sink
  /**
   * CRLF, two hyphens, the boundary. Its only CR is the first byte, so a failed match never has to
   * be searched for another start.
   */
  readonly #delimiter: Buffer
  #state = SCAN
  #isInPart = false
  /** How many bytes of the delimiter the last bytes match. The start of the body counts as CRLF. */
  #matched = 2
  /**
   * How many of the matched bytes the client did not send here: the CRLF (2) at the start of the
   * body and at the start of a part's data.
   */
  #assumed = 2
  readonly #preamble: Preamble
  readonly #headers: HeaderBlock
  /** Position of the current chunk in the body. */
  #chunkAt = 0
  #delimiterAt = 0
  /** Blanks after a delimiter, kept until it is known whether they are data. */
  readonly #padding = Buffer.allocUnsafeSlow(maxPaddingBytes)
  #paddingBytes = 0
  #charset = utf8
  #partCount = 0
  /** The value of the field `_charset_` while it is read. */
  #label: string | undefined

  /** `boundary`: as parseBoundary() returns it. */
  constructor(boundary: string, sink: Sink) {
    this.#sink = sink
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
    this.#preamble = new Preamble(`--${boundary}`)
    this.#headers = new HeaderBlock(`--${boundary}`)
  }

  /** Throws a Fault at the first broken rule. After that the parser must not be used. */
  write(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#state === SCAN) at = this.#scan(chunk, at)
      else if (this.#state === HEADERS) at = this.#readHeaders(chunk, at)
      else if (this.#state === EPILOGUE) break
      else at = this.#readAfterDelimiter(chunk, at)
    }
    this.#chunkAt += chunk.length
  }

  /**
   * The body is over. Unless the close delimiter was seen, it throws INCOMPLETE_BODY where more
   * bytes could make the body whole, and BAD_MULTIPART where it has another boundary.
   */
  end(): void {
    if (this.#state === EPILOGUE || this.#state === CLOSE) return
    const mayBeFirstBoundary = this.#preamble.isEmpty || this.#matched > 2
    if (!this.#isInPart && this.#state !== HEADERS && !mayBeFirstBoundary) {
      broken('the boundary does not occur in the body', this.#chunkAt)
    }
    const rule = 'the body ends without the closing boundary'
    throw new Fault('INCOMPLETE_BODY', `${rule} (at byte ${this.#chunkAt})`)
  }

  /**
   * Passes data to the sink up to the next delimiter. Keeps back what may be the beginning of one.
   */
  #scan(chunk: Buffer, from: number): number {
    const delimiter = this.#delimiter
    let at = from
    if (this.#matched > 0) {
      while (at < chunk.length && chunk[at] === delimiter[this.#matched]) {
        at++
        this.#matched++
        if (this.#matched === delimiter.length) return this.#enterAfterDelimiter(at)
      }
      if (at === chunk.length) return at
      this.#releaseMatched()
    }
    const found = findDelimiter(chunk, delimiter, at)
    if (found !== -1) {
      this.#data(chunk.subarray(at, found))
      return this.#enterAfterDelimiter(found + delimiter.length)
    }
    const held = beginningAtEnd(chunk, at, delimiter)
    this.#data(at + held === 0 ? chunk : chunk.subarray(at, chunk.length - held))
    this.#matched = held
    return chunk.length
  }

  /** A whole delimiter was matched. What follows decides whether it is one or data. */
  #enterAfterDelimiter(at: number): number {
    this.#state = AFTER
    this.#matched = this.#delimiter.length
    this.#paddingBytes = 0
    this.#delimiterAt = this.#chunkAt + at - this.#delimiter.length + this.#assumed
    return at
  }

  #readAfterDelimiter(chunk: Buffer, from: number): number {
    const byte = chunk[from]
    switch (this.#state) {
      case AFTER:
      case PADDING:
        if (byte === HYPHEN && this.#state === AFTER) this.#state = DASH
        else if (byte === CR) this.#state = RETURN
        else if (byte === SP || byte === HT) this.#addPadding(byte)
        // Some readers take this for a delimiter, others for content.
        else if (byte === LF) broken('line ends that are LF alone', this.#delimiterAt)
        else return this.#notADelimiter(from)
        return from + 1
      case RETURN:
        if (byte !== LF) return this.#notADelimiter(from, '\r')
        this.#endPart()
        this.#enterHeaders(from + 1)
        return from + 1
      case DASH:
        if (byte !== HYPHEN) return this.#notADelimiter(from, '-')
        this.#endPart()
        this.#state = CLOSE
        return from + 1
      default:
        // CLOSE. The line must end here: a longer one could be the boundary of another body.
        if (byte !== CR && byte !== LF && byte !== SP && byte !== HT) {
          broken('a line that goes on behind the closing boundary', this.#delimiterAt)
        }
        this.#state = EPILOGUE
        return from
    }
  }

  #addPadding(byte: number): void {
    if (this.#paddingBytes === maxPaddingBytes) {
      broken('more than 1 KiB of blanks behind a boundary', this.#delimiterAt)
    }
    this.#padding[this.#paddingBytes++] = byte
    this.#state = PADDING
  }

  /** The line only began like a delimiter: everything that was kept back of it is data. */
  #notADelimiter(at: number, last: '' | '\r' | '-' = ''): number {
    this.#releaseMatched()
    this.#data(this.#padding.subarray(0, this.#paddingBytes))
    if (last !== '') this.#data(Buffer.from(last))
    this.#state = SCAN
    return at
  }

  #releaseMatched(): void {
    this.#data(this.#delimiter.subarray(this.#assumed, this.#matched))
    this.#matched = 0
    this.#assumed = 0
  }

  #data(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#assumed = 0
    if (this.#isInPart) {
      if (this.#label !== undefined) this.#addToLabel(bytes)
      return this.#sink.partData(bytes)
    }
    const problem = this.#preamble.skip(bytes)
    if (problem !== undefined) broken(problem.rule, problem.at)
  }

  #endPart(): void {
    this.#matched = 0
    this.#assumed = 0
    if (!this.#isInPart) {
      const problem = this.#preamble.end()
      if (problem !== undefined) broken(problem.rule, problem.at)
      return
    }
    if (this.#label !== undefined) this.#takeCharset(this.#label)
    this.#isInPart = false
    this.#partCount++
    this.#sink.partEnd()
  }

  #addToLabel(bytes: Buffer): void {
    const room = maxLabelBytes + 1 - (this.#label?.length ?? 0)
    this.#label += bytes.toString('latin1', 0, room)
  }

  /** From here on the form is read in this character set; what came before cannot change. */
  #takeCharset(label: string): void {
    this.#label = undefined
    const charset = label.length > maxLabelBytes ? undefined : charsetOf(label)
    if (charset === undefined) {
      return broken('a _charset_ that names no known character set', this.#delimiterAt)
    }
    if (this.#partCount > 0 && charset.encoding !== this.#charset.encoding) {
      broken('a _charset_ behind the parts that it is about', this.#delimiterAt)
    }
    this.#charset = charset
  }

  #enterHeaders(at: number): void {
    this.#state = HEADERS
    this.#headers.begin(this.#chunkAt + at, this.#charset)
  }

  /** Reads one line, or as much of it as the chunk has. */
  #readHeaders(chunk: Buffer, from: number): number {
    const end = this.#headers.readLine(chunk, from, this.#chunkAt)
    const headers = this.#headers.taken
    if (headers !== undefined) this.#beginPart(headers)
    return end
  }

  #beginPart(headers: PartHeaders): void {
    const isCharset = headers.filename === undefined && headers.name === '_charset_'
    this.#label = isCharset ? '' : undefined
    this.#state = SCAN
    this.#isInPart = true
    this.#matched = 2
    this.#assumed = 2
    this.#sink.partBegin(headers)
  }
}
