// A push parser for multipart/form-data (RFC 7578, RFC 2046 section 5.1.1): bytes in, Sink calls
// out. No I/O, no copy of content; it keeps one header line and at most 1 KiB behind a boundary.
// Called by upload.ts. Strict: what two readers could understand differently is BAD_MULTIPART,
// never a guess. The calls never depend on how the bytes are cut into chunks; nor do the byte
// positions in faults.
//
//   preamble ──┐                        ┌──────────── a part's data ◄───────┐
//              ▼                        ▼                                   │
//   scan for CRLF--boundary ──► behind the boundary ── CRLF ──► headers ── blank line
//              ▲                   │    └── "--" ──► close ──► epilogue (ignored)
//              └── anything else ──┘  the line only began like a delimiter: it is data

import { Fault } from '../fault.ts'
import { beginningAtEnd, findDelimiter, maxPaddingBytes } from './delimiter.ts'
import { type Disposition, isToken, parseDisposition, trimBlanks } from './header.ts'
import { Preamble } from './preamble.ts'

export type PartHeaders = Disposition & {
  /** The part's Content-Type as sent, in latin1; '' when it has none. Never to be trusted. */
  readonly type: string
}

/** What the parser tells. */
export type Sink = {
  partBegin(headers: PartHeaders): void
  /** Never empty. Valid only during the call and not to be changed: write it or copy it. */
  partData(bytes: Buffer): void
  partEnd(): void
}

const maxHeaders = 16
const maxHeaderBytes = 8192

const SCAN = 0
const BEHIND = 1
const PADDING = 2
const DASH = 3
const RETURN = 4
const CLOSE = 5
const HEADERS = 6
const EPILOGUE = 7

const HT = 9
const LF = 10
const CR = 13
const SP = 32
const HYPHEN = 45

export class MultipartParser {
  readonly #sink: Sink
  /** CRLF, two hyphens, the boundary. CR stands at its start only, which makes restarts simple. */
  readonly #delimiter: Buffer
  #state = SCAN
  #isInPart = false
  /** How much of the delimiter the last bytes were. The start of the body counts as CRLF. */
  #matched = 2
  /**
   * How many of the matched bytes were never sent: 2 at the start of the body and of a part's data.
   */
  #assumed = 2
  readonly #preamble: Preamble
  /** Position of the current chunk in the body. */
  #chunkAt = 0
  #delimiterAt = 0
  /** Padding behind a delimiter, kept until it is known not to be data. */
  readonly #padding = Buffer.allocUnsafeSlow(maxPaddingBytes)
  #paddingBytes = 0
  readonly #line = Buffer.allocUnsafeSlow(maxHeaderBytes + 2)
  #lineBytes = 0
  #lineAt = 0
  #headerBytes = 0
  #headerCount = 0
  #disposition: Disposition | undefined
  #type: string | undefined

  /** `boundary` as parseBoundary() gives it: 1 to 70 legal characters. */
  constructor(boundary: string, sink: Sink) {
    this.#sink = sink
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
    this.#preamble = new Preamble(this.#delimiter.subarray(2))
  }

  /** Throws a Fault at the first broken rule, after which the parser must not be used. */
  write(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#state === SCAN) at = this.#scan(chunk, at)
      else if (this.#state === HEADERS) at = this.#readHeaders(chunk, at)
      else if (this.#state === EPILOGUE) break
      else at = this.#readBehind(chunk, at)
    }
    this.#chunkAt += chunk.length
  }

  /** The body is over. Throws BAD_MULTIPART when the close delimiter was not seen. */
  end(): void {
    if (this.#state === EPILOGUE || this.#state === CLOSE) return
    this.#broken(
      this.#isInPart || this.#state === HEADERS
        ? 'the body ends without the closing boundary'
        : 'the boundary does not occur in the body',
      this.#chunkAt,
    )
  }

  /** Passes data on up to the next delimiter, holding back what may be the beginning of one. */
  #scan(chunk: Buffer, from: number): number {
    const delimiter = this.#delimiter
    let at = from
    if (this.#matched > 0) {
      while (at < chunk.length && chunk[at] === delimiter[this.#matched]) {
        at++
        this.#matched++
        if (this.#matched === delimiter.length) return this.#enterBehind(at)
      }
      if (at === chunk.length) return at
      this.#releaseMatched()
    }
    const found = findDelimiter(chunk, delimiter, at)
    if (found !== -1) {
      this.#data(chunk.subarray(at, found))
      return this.#enterBehind(found + delimiter.length)
    }
    const held = beginningAtEnd(chunk, at, delimiter)
    this.#data(at + held === 0 ? chunk : chunk.subarray(at, chunk.length - held))
    this.#matched = held
    return chunk.length
  }

  /** A whole delimiter was matched; what follows decides whether it is one. */
  #enterBehind(at: number): number {
    this.#state = BEHIND
    this.#matched = this.#delimiter.length
    this.#paddingBytes = 0
    this.#delimiterAt = this.#chunkAt + at - this.#delimiter.length + this.#assumed
    return at
  }

  #readBehind(chunk: Buffer, from: number): number {
    const byte = chunk[from]
    switch (this.#state) {
      case BEHIND:
      case PADDING:
        if (byte === HYPHEN && this.#state === BEHIND) this.#state = DASH
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
        // CLOSE. A longer line could be the boundary of another body, so it is not waved through.
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

  /** The line only began like a delimiter: all that was held back of it is data. */
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
      // An empty part to some readers, content to others.
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

  /** Takes one line, or what the chunk has of it. */
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

  /** Other headers are ignored (RFC 7578 section 4.8). */
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
      // Deprecated (RFC 7578 section 4.7); decoded by some readers, stored as it is by others.
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
