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
import { CR, HT, HYPHEN, LF, SP } from './bytes.ts'
import { beginningAtEnd, findDelimiter, maxPaddingBytes } from './delimiter.ts'
import { type Disposition, isToken, parseDisposition, trimBlanks } from './header.ts'
import { Preamble } from './preamble.ts'

export type PartHeaders = Disposition & {
  /** The part's Content-Type as sent, in latin1; '' when it has none. Never to be trusted. */
  readonly type: string
}

/** What the parser calls, in the order of the body. */
export type Sink = {
  partBegin(headers: PartHeaders): void
  /** Never empty. Valid only during the call and not to be changed: write or copy the bytes. */
  partData(bytes: Buffer): void
  partEnd(): void
}

const maxHeaders = 16
const maxHeaderBytes = 8192

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
  /** Position of the current chunk in the body. */
  #chunkAt = 0
  #delimiterAt = 0
  /** Blanks after a delimiter, kept until it is known whether they are data. */
  readonly #padding = Buffer.allocUnsafeSlow(maxPaddingBytes)
  #paddingBytes = 0
  readonly #line = Buffer.allocUnsafeSlow(maxHeaderBytes + 2)
  #lineBytes = 0
  #lineAt = 0
  #headerBytes = 0
  #headerCount = 0
  #disposition: Disposition | undefined
  #type: string | undefined

  /** `boundary`: as parseBoundary() returns it, 1 to 70 legal characters. */
  constructor(boundary: string, sink: Sink) {
    this.#sink = sink
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
    this.#preamble = new Preamble(this.#delimiter.subarray(2))
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

  /** The body is over. Throws BAD_MULTIPART unless the close delimiter was seen. */
  end(): void {
    if (this.#state === EPILOGUE || this.#state === CLOSE) return
    this.#broken(
      this.#isInPart || this.#state === HEADERS
        ? 'the body ends without the closing boundary'
        : 'the boundary does not occur in the body',
      this.#chunkAt,
    )
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
          this.#broken('a line that goes on behind the closing boundary', this.#delimiterAt)
        }
        this.#state = EPILOGUE
        return from
    }
  }

  #addPadding(byte: number): void {
    if (this.#paddingBytes === maxPaddingBytes) {
      this.#broken('more than 1 KiB of blanks behind a boundary', this.#delimiterAt)
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
    if (this.#isInPart) return this.#sink.partData(bytes)
    const broken = this.#preamble.skip(bytes)
    if (broken !== undefined) this.#broken(broken.rule, broken.at)
  }

  #endPart(): void {
    if (this.#isInPart && this.#assumed > 0) {
      // Some readers take this for an empty part, others for content.
      this.#broken('a boundary directly behind the headers of a part', this.#delimiterAt)
    }
    this.#matched = 0
    this.#assumed = 0
    if (this.#isInPart) this.#sink.partEnd()
    this.#isInPart = false
  }

  #enterHeaders(at: number): void {
    this.#state = HEADERS
    this.#lineBytes = 0
    this.#lineAt = this.#chunkAt + at
    this.#headerBytes = 0
    this.#headerCount = 0
    this.#disposition = undefined
    this.#type = undefined
  }

  /** Reads one line, or as much of it as the chunk has. */
  #readHeaders(chunk: Buffer, from: number): number {
    const lineFeed = chunk.indexOf(LF, from)
    const end = lineFeed === -1 ? chunk.length : lineFeed + 1
    const lineBytes = this.#lineBytes + end - from
    const total = this.#headerBytes + lineBytes
    // The blank line at the end does not count.
    const mayBeBlank = lineBytes <= 2 && (this.#lineBytes > 0 ? this.#line[0] : chunk[from]) === CR
    if (total > maxHeaderBytes && !mayBeBlank) {
      throw new Fault('HEADERS_TOO_LARGE', 'more than 8 KiB')
    }
    chunk.copy(this.#line, this.#lineBytes, from, end)
    this.#lineBytes = lineBytes
    if (lineFeed !== -1) this.#takeLine(this.#line.toString('latin1', 0, lineBytes), end)
    return end
  }

  #takeLine(line: string, end: number): void {
    if (line.indexOf('\r') !== line.length - 2 || line === '\n') {
      this.#broken('a header line that does not end in CRLF alone', this.#lineAt)
    }
    if (line === '\r\n') return this.#beginPart()
    this.#headerCount++
    if (this.#headerCount > maxHeaders) {
      throw new Fault('HEADERS_TOO_LARGE', `more than ${maxHeaders} headers`)
    }
    if (line.includes('\0')) this.#broken('a NUL in a header', this.#lineAt)
    if (line[0] === ' ' || line[0] === '\t') this.#broken('a folded header', this.#lineAt)
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(colon, 0)).toLowerCase()
    if (!isToken(name)) this.#broken('a header line that is not name: value', this.#lineAt)
    this.#takeHeader(name, trimBlanks(line.slice(colon + 1, -2)))
    this.#headerBytes += this.#lineBytes
    this.#lineBytes = 0
    this.#lineAt = this.#chunkAt + end
  }

  /** Ignores all other headers (RFC 7578 section 4.8). */
  #takeHeader(name: string, value: string): void {
    if (name === 'content-disposition') {
      if (this.#disposition !== undefined) {
        this.#broken('more than one Content-Disposition', this.#lineAt)
      }
      const parsed = parseDisposition(value)
      if ('problem' in parsed) return this.#broken(parsed.problem, this.#lineAt)
      this.#disposition = parsed.value
    } else if (name === 'content-type') {
      if (this.#type !== undefined) this.#broken('more than one Content-Type', this.#lineAt)
      this.#type = value
    } else if (name === 'content-transfer-encoding' && !/^(7bit|8bit|binary)$/i.test(value)) {
      // Deprecated (RFC 7578 section 4.7): some readers decode the content, others store it as it
      // is.
      this.#broken('a Content-Transfer-Encoding that changes the content', this.#lineAt)
    }
  }

  #beginPart(): void {
    const disposition = this.#disposition
    if (disposition === undefined) {
      return this.#broken('a part without Content-Disposition', this.#lineAt)
    }
    this.#state = SCAN
    this.#isInPart = true
    this.#matched = 2
    this.#assumed = 2
    this.#sink.partBegin({ ...disposition, type: this.#type ?? '' })
  }

  #broken(rule: string, at: number): never {
    throw new Fault('BAD_MULTIPART', `${rule} (at byte ${at})`)
  }
}
