// The headers of one part, line by line (RFC 7578 section 4, RFC 2045 section 2.1). It refuses more
// than 16 of them or 8 KiB, folded ones, line ends other than CRLF, repeated ones, an encoding that
// changes the content, and a multipart inside a text field. It keeps one line; its limits and the
// positions in faults do not depend on how the bytes are cut into chunks.

import { Fault } from '../fault.ts'
import { broken } from './broken.ts'
import { CR, LF } from './bytes.ts'
import { type Charset, utf8 } from './charset.ts'
import { type Disposition, parseDisposition, trimBlanks } from './header.ts'
import { isToken } from './parameters.ts'

export type PartHeaders = Disposition & {
  /** The part's Content-Type as sent, in latin1; '' when it has none. Never to be trusted. */
  readonly type: string
  /** In which the form writes its text fields. */
  readonly charset: Charset
}

const maxHeaders = 16
const maxHeaderBytes = 8192

export class HeaderBlock {
  readonly #dashBoundary: string
  readonly #line = Buffer.allocUnsafeSlow(maxHeaderBytes + 2)
  #lineBytes = 0
  #lineAt = 0
  #headerBytes = 0
  #headerCount = 0
  #disposition: Disposition | undefined
  #type: string | undefined
  #charset = utf8
  #taken: PartHeaders | undefined

  /** `dashBoundary`: two hyphens and the boundary. */
  constructor(dashBoundary: string) {
    this.#dashBoundary = dashBoundary
  }

  /** All headers, once the blank line was read. */
  get taken(): PartHeaders | undefined {
    return this.#taken
  }

  /** `at`: the position of the first header in the body. `charset`: that of the names. */
  begin(at: number, charset: Charset): void {
    this.#lineBytes = 0
    this.#lineAt = at
    this.#headerBytes = 0
    this.#headerCount = 0
    this.#disposition = undefined
    this.#type = undefined
    this.#charset = charset
    this.#taken = undefined
  }

  /**
   * Reads one line, or as much of it as the chunk has, and returns the index behind it. `chunkAt`:
   * the position of the chunk in the body. After the blank line `taken` has the headers.
   */
  readLine(chunk: Buffer, from: number, chunkAt: number): number {
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
    if (lineFeed !== -1) {
      this.#takeLine(this.#line.toString('latin1', 0, lineBytes))
      this.#lineAt = chunkAt + end
    }
    return end
  }

  #takeLine(line: string): void {
    const carriageReturn = line.indexOf('\r')
    if (carriageReturn === -1) broken('line ends that are LF alone', this.#lineAt)
    if (carriageReturn !== line.length - 2) {
      broken('a header line that does not end in CRLF alone', this.#lineAt)
    }
    if (line === '\r\n') return this.#takeEnd()
    this.#headerCount++
    if (this.#headerCount > maxHeaders) {
      throw new Fault('HEADERS_TOO_LARGE', `more than ${maxHeaders} headers`)
    }
    if (line.includes('\0')) broken('a NUL in a header', this.#lineAt)
    if (line[0] === ' ' || line[0] === '\t') broken('a folded header', this.#lineAt)
    if (line.startsWith(this.#dashBoundary)) {
      broken('a boundary among the headers, without a blank line before it', this.#lineAt)
    }
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(colon, 0)).toLowerCase()
    if (!isToken(name)) broken('a header line that is not name: value', this.#lineAt)
    this.#takeHeader(name, trimBlanks(line.slice(colon + 1, -2)))
    this.#headerBytes += this.#lineBytes
    this.#lineBytes = 0
  }

  /** Ignores all other headers (RFC 7578 section 4.8). */
  #takeHeader(name: string, value: string): void {
    if (name === 'content-disposition') {
      if (this.#disposition !== undefined) {
        broken('more than one Content-Disposition', this.#lineAt)
      }
      const parsed = parseDisposition(value, this.#charset)
      if ('problem' in parsed) return broken(parsed.problem, this.#lineAt)
      this.#disposition = parsed.value
    } else if (name === 'content-type') {
      if (this.#type !== undefined) broken('more than one Content-Type', this.#lineAt)
      this.#type = value
    } else if (name === 'content-transfer-encoding' && !/^(7bit|8bit|binary)$/i.test(value)) {
      // Deprecated (RFC 7578 section 4.7): some readers decode the content, others store it as it
      // is.
      broken('a Content-Transfer-Encoding that changes the content', this.#lineAt)
    }
  }

  #takeEnd(): void {
    const disposition = this.#disposition
    if (disposition === undefined) return broken('a part without Content-Disposition', this.#lineAt)
    const type = this.#type ?? ''
    if (type !== '' && disposition.filename === undefined && /^multipart\//i.test(type)) {
      const rule = 'several files in one field: send each as a part of its own'
      broken(rule, this.#lineAt)
    }
    this.#taken = { ...disposition, type, charset: this.#charset }
  }
}
