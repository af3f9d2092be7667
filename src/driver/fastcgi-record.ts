// The records of FastCGI 1.0 (FastCGI Specification, section 3): bytes in, calls out, and replies
// as bytes. There is no I/O here. The result never depends on how the bytes are cut. It throws a
// ProtocolError for another version and for a management record that is longer than any that means
// something; after that the connection is of no use.

/** What arrives on one connection. Bytes are valid only during the call. */
export type RecordSink = {
  begin(id: number, role: number, keepsConnection: boolean): void
  abort(id: number): void
  /** A part of the stream of parameters. */
  params(id: number, bytes: Buffer): void
  paramsEnd(id: number): void
  /** A part of the body. */
  stdin(id: number, bytes: Buffer): void
  stdinEnd(id: number): void
  /** The server asks for these variables. */
  getValues(names: readonly string[]): void
  /** A management record of a type that we do not know. */
  unknownType(type: number): void
}

export class ProtocolError extends Error {}

/** How a request ended (section 5.5). */
export const requestComplete = 0
export const cannotMultiplex = 1
export const unknownRole = 3

/** The only role that we play (section 6.2). */
export const responder = 1

export class RecordParser {
  readonly #sink: RecordSink
  readonly #header = Buffer.alloc(headerBytes)
  #headerLength = 0
  #type = 0
  #id = 0
  #contentLeft = 0
  #paddingLeft = 0
  /** The content of a record that is looked at only as a whole; of a stream nothing is kept. */
  #content: Buffer = Buffer.alloc(0)
  #contentLength = 0

  constructor(sink: RecordSink) {
    this.#sink = sink
  }

  /** `chunk`: bytes of the connection, valid only during the call, in which they are moved. */
  write(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#contentLeft > 0) {
        at = this.#type === stdinType ? this.#takeBody(chunk, at) : this.#takeContent(chunk, at)
      } else if (this.#paddingLeft > 0) {
        const skipped = Math.min(chunk.length - at, this.#paddingLeft)
        this.#paddingLeft -= skipped
        at += skipped
      } else if (this.#headerLength === 0 && at + headerBytes <= chunk.length) {
        this.#beginRecord(chunk, at)
        at += headerBytes
      } else {
        const end = Math.min(chunk.length, at + headerBytes - this.#headerLength)
        chunk.copy(this.#header, this.#headerLength, at, end)
        this.#headerLength += end - at
        at = end
        if (this.#headerLength < headerBytes) continue
        this.#headerLength = 0
        this.#beginRecord(this.#header, 0)
      }
    }
  }

  /**
   * Gives what the chunk has of a body from here on in one piece, without the headers between its
   * records: nginx makes them of 8 KB, and a call for each took more time than all else. Variables
   * of its own, because without a compiler a private field takes ten times as long.
   */
  #takeBody(chunk: Buffer, from: number): number {
    const id = this.#id
    let at = Math.min(chunk.length, from + this.#contentLeft)
    let contentLeft = this.#contentLeft - (at - from)
    let paddingLeft = this.#paddingLeft
    let end = at
    while (contentLeft === 0 && at + paddingLeft + headerBytes <= chunk.length) {
      const next = at + paddingLeft
      const length = wordAt(chunk, next + 4)
      const isBody = chunk[next] === version && chunk[next + 1] === stdinType && length > 0
      if (!isBody || wordAt(chunk, next + 2) !== id) break
      // Before the content moves over the header.
      paddingLeft = chunk[next + 6] ?? 0
      const start = next + headerBytes
      at = Math.min(chunk.length, start + length)
      chunk.copyWithin(end, start, at)
      end += at - start
      contentLeft = length - (at - start)
    }
    this.#contentLeft = contentLeft
    this.#paddingLeft = paddingLeft
    this.#sink.stdin(id, chunk.subarray(from, end))
    return at
  }

  /** `bytes`: with the whole header of a record at `at`. */
  #beginRecord(bytes: Buffer, at: number): void {
    if (bytes[at] !== version) throw new ProtocolError(`FastCGI version ${bytes[at]}`)
    this.#type = bytes[at + 1] ?? 0
    this.#id = wordAt(bytes, at + 2)
    this.#contentLeft = wordAt(bytes, at + 4)
    this.#paddingLeft = bytes[at + 6] ?? 0
    this.#contentLength = 0
    if (isStream(this.#type)) {
      if (this.#contentLeft === 0) this.#endStream()
      return
    }
    if (this.#contentLeft > maxWholeBytes) {
      throw new ProtocolError(`a record of type ${this.#type} with ${this.#contentLeft} bytes`)
    }
    this.#content = Buffer.alloc(this.#contentLeft)
    if (this.#contentLeft === 0) this.#endRecord()
  }

  #takeContent(chunk: Buffer, from: number): number {
    const end = Math.min(chunk.length, from + this.#contentLeft)
    this.#contentLeft -= end - from
    const bytes = chunk.subarray(from, end)
    if (this.#type === paramsType) this.#sink.params(this.#id, bytes)
    // FCGI_DATA is of the role Filter, which we refuse.
    else if (this.#type !== dataType) {
      bytes.copy(this.#content, this.#contentLength)
      this.#contentLength += bytes.length
      if (this.#contentLeft === 0) this.#endRecord()
    }
    return end
  }

  #endStream(): void {
    if (this.#type === paramsType) this.#sink.paramsEnd(this.#id)
    if (this.#type === stdinType) this.#sink.stdinEnd(this.#id)
  }

  #endRecord(): void {
    const content = this.#content
    if (this.#type === beginType) {
      if (content.length !== 8) throw new ProtocolError('a BEGIN_REQUEST without its 8 bytes')
      const keepsConnection = ((content[2] ?? 0) & keepConnectionFlag) !== 0
      this.#sink.begin(this.#id, content.readUInt16BE(0), keepsConnection)
    } else if (this.#type === abortType) this.#sink.abort(this.#id)
    else if (this.#type === getValuesType) this.#sink.getValues([...parseParams(content).keys()])
    else this.#sink.unknownType(this.#type)
  }
}

/**
 * The pairs of name and value in a stream of parameters (section 3.4). Of a name that comes twice,
 * the last value counts. Throws a ProtocolError when a length goes beyond the end.
 */
export function parseParams(bytes: Buffer): ReadonlyMap<string, string> {
  const params = new Map<string, string>()
  let at = 0
  const length = (): number => {
    const first = bytes[at] ?? 0
    const isLong = first >= 0x80
    if (at + (isLong ? 4 : 1) > bytes.length) throw new ProtocolError('a parameter that is cut')
    at += isLong ? 4 : 1
    return isLong ? bytes.readUInt32BE(at - 4) - 0x8000_0000 : first
  }
  while (at < bytes.length) {
    const nameBytes = length()
    const valueBytes = length()
    const nameEnd = at + nameBytes
    if (nameEnd + valueBytes > bytes.length) throw new ProtocolError('a parameter that is cut')
    params.set(
      bytes.toString('utf8', at, nameEnd),
      bytes.toString('utf8', nameEnd, nameEnd + valueBytes),
    )
    at = nameEnd + valueBytes
  }
  return params
}

/**
 * The whole reply of a request, in pieces: STDOUT with its end, and END_REQUEST. A large piece of
 * the reply is not copied; small ones share a buffer with the records around them.
 */
export function encodeReply(id: number, reply: readonly Uint8Array[]): Buffer[] {
  const pieces: Buffer[] = []
  let small: Uint8Array[] = []
  for (const part of reply) {
    for (let from = 0; from < part.length; from += maxContentBytes) {
      const content = part.subarray(from, from + maxContentBytes)
      small.push(recordHeader(stdoutType, id, content.length))
      if (content.length < largeBytes) small.push(content)
      else {
        pieces.push(Buffer.concat(small), asBuffer(content))
        small = []
      }
    }
  }
  small.push(recordHeader(stdoutType, id, 0), encodeEnd(id, requestComplete))
  pieces.push(Buffer.concat(small))
  return pieces
}

/** `status`: requestComplete, cannotMultiplex or unknownRole. */
export function encodeEnd(id: number, status: number): Buffer {
  const content = Buffer.alloc(endBytes)
  content[4] = status
  return encodeRecord(endType, id, content)
}

/** A complaint, for the server's error log. Longer ones are cut at 65,535 bytes. */
export function encodeStderr(id: number, line: Uint8Array): Buffer {
  return encodeRecord(stderrType, id, line.subarray(0, maxContentBytes))
}

/** The answer to a management record of an unknown type. */
export function encodeUnknownType(type: number): Buffer {
  const content = Buffer.alloc(8)
  content[0] = type
  return encodeRecord(unknownTypeType, 0, content)
}

/** `values`: names and values of fewer than 128 bytes each. */
export function encodeValues(values: ReadonlyMap<string, string>): Buffer {
  const pairs = [...values].map(([name, value]) =>
    Buffer.concat([Buffer.from([name.length, value.length]), Buffer.from(name + value)]),
  )
  return encodeRecord(getValuesResultType, 0, Buffer.concat(pairs))
}

function encodeRecord(type: number, id: number, content: Uint8Array): Buffer {
  return Buffer.concat([recordHeader(type, id, content.length), content])
}

function recordHeader(type: number, id: number, length: number): Uint8Array {
  return Uint8Array.of(version, type, id >> 8, id & 0xff, length >> 8, length & 0xff, 0, 0)
}

/** Checks nothing, unlike readUInt16BE(), which takes five times as long. */
function wordAt(bytes: Buffer, at: number): number {
  return (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0)
}

function asBuffer({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length)
}

function isStream(type: number): boolean {
  return type === paramsType || type === stdinType || type === dataType
}

const version = 1
const headerBytes = 8
const endBytes = 8
const maxContentBytes = 65_535
/** From here on a copy costs more than a buffer of its own. */
const largeBytes = 4096
/** No record but those of streams needs more. */
const maxWholeBytes = 1024
const keepConnectionFlag = 1

const beginType = 1
const abortType = 2
const endType = 3
const paramsType = 4
const stdinType = 5
const stdoutType = 6
const stderrType = 7
const dataType = 8
const getValuesType = 9
const getValuesResultType = 10
const unknownTypeType = 11
