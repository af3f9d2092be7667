// Builds multipart/form-data bodies for tests, byte for byte as a browser writes them (WHATWG HTML,
// "multipart/form-data encoding algorithm"): names in UTF-8 with `"`, CR and LF as %22, %0D, %0A;
// line ends of field names and of text values given as strings become CRLF; every file has a
// Content-Type. Whoever needs a malformed body writes its bytes out instead.

export type BodyPart = {
  name: string
  /** Its presence makes the part a file. */
  filename?: string
  /** A file's is application/octet-stream unless given; a text field has none. */
  type?: string
  /** A Buffer is written as it is, also as a text field. */
  content: string | Buffer
  /** Whole lines without their CRLF, after the usual ones. */
  headers?: readonly string[]
}

export function multipartBody(parts: readonly BodyPart[], boundary = 'XboundaryX'): Buffer {
  const pieces: Buffer[] = []
  for (const part of parts) {
    const lines = [`--${boundary}`, disposition(part), ...typeLine(part), ...(part.headers ?? [])]
    pieces.push(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), contentOf(part), Buffer.from('\r\n'))
  }
  pieces.push(Buffer.from(`--${boundary}--\r\n`))
  return Buffer.concat(pieces)
}

/** The Content-Type of a request with such a body. */
export function contentType(boundary = 'XboundaryX'): string {
  return `multipart/form-data; boundary=${boundary}`
}

function disposition(part: BodyPart): string {
  const name = `Content-Disposition: form-data; name="${escaped(withCrlf(part.name))}"`
  return part.filename === undefined ? name : `${name}; filename="${escaped(part.filename)}"`
}

function typeLine(part: BodyPart): string[] {
  const type = part.type ?? (part.filename === undefined ? undefined : 'application/octet-stream')
  return type === undefined ? [] : [`Content-Type: ${type}`]
}

function contentOf(part: BodyPart): Buffer {
  if (typeof part.content !== 'string') return part.content
  return Buffer.from(part.filename === undefined ? withCrlf(part.content) : part.content)
}

function escaped(name: string): string {
  return name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function withCrlf(text: string): string {
  return text.replace(/\r\n|\r|\n/g, '\r\n')
}
