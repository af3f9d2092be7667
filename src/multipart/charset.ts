// The character set in which a form writes its names and text fields: UTF-8, unless a field
// `_charset_` before all other parts names another one (RFC 7578 section 4.6), as a page in an old
// character set makes browsers do. A name of a character set is a label of the WHATWG Encoding
// Standard. It refuses UTF-16, in which no form can write its headers.

export type Charset = {
  /** As the Encoding Standard calls it, in lower case. */
  readonly encoding: string
  /** What is not of this character set becomes U+FFFD. */
  decode(bytes: Buffer): string
}

export const utf8: Charset = { encoding: 'utf-8', decode: (bytes) => bytes.toString('utf8') }

/** Longer than any label of the Encoding Standard. */
export const maxLabelBytes = 40

/** Undefined for what is no label, or one that this Node cannot decode. */
export function charsetOf(label: string): Charset | undefined {
  if (/^utf-?8$/i.test(label)) return utf8
  try {
    const decoder = new TextDecoder(label, { ignoreBOM: true })
    const { encoding } = decoder
    if (encoding === 'utf-8') return utf8
    if (encoding.startsWith('utf-16')) return undefined
    return { encoding, decode: (bytes) => decoder.decode(bytes) }
  } catch {
    return undefined
  }
}
