// Names that are sent in ASCII: `filename*` and `name*` (RFC 8187), and values that consist of
// encoded-words (RFC 2047), as .NET, Spring, Unity and mail libraries write them. Each can be read
// in one way alone or is refused: other character sets, malformed escapes and bytes that are not of
// the character set.

/** Decodes `UTF-8'language'percent-encoded`; undefined where it is malformed. */
export function decodeExtended(value: string): string | undefined {
  const sent = /^utf-8'[A-Za-z0-9-]*'((?:[!#$&+\-.^_`|~0-9A-Za-z]|%[0-9A-Fa-f]{2})*)$/i.exec(value)
  if (sent === null) return undefined
  try {
    return decodeURIComponent(sent[1] ?? '')
  } catch {
    return undefined
  }
}

/** True for a value that begins and ends as an encoded-word does. */
export function isEncodedWords(value: string): boolean {
  return value.length > 3 && value.startsWith('=?') && value.endsWith('?=')
}

/** Decodes encoded-words with blanks between them, which do not count; undefined if malformed. */
export function decodeWords(value: string): string | undefined {
  let text = ''
  for (const word of value.split(/[ \t]+/)) {
    const sent = /^=\?(utf-8|iso-8859-1)\?([bq])\?([!->@-~]+)\?=$/i.exec(word)
    const [, charset = '', encoding = '', encoded = ''] = sent ?? []
    const bytes = encoding.toLowerCase() === 'b' ? decodeBase64(encoded) : decodeQuoted(encoded)
    const decoded = bytes && decodeBytes(bytes, charset.toLowerCase())
    if (decoded === undefined) return undefined
    text += decoded
  }
  return text
}

function decodeBase64(text: string): Buffer | undefined {
  const isWhole = text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text)
  return isWhole ? Buffer.from(text, 'base64') : undefined
}

/** The encoding Q: `_` is a blank, `=E9` a byte. */
function decodeQuoted(text: string): Buffer | undefined {
  if (text === '' || !/^(?:[^=]|=[0-9A-Fa-f]{2})*$/.test(text)) return undefined
  const latin1 = text
    .replaceAll('_', ' ')
    .replace(/=(..)/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  return Buffer.from(latin1, 'latin1')
}

/** In ISO-8859-1 the bytes 80 to 9F are controls to some readers, and letters to others. */
function decodeBytes(bytes: Buffer, charset: string): string | undefined {
  const text = bytes.toString(charset === 'utf-8' ? 'utf8' : 'latin1')
  const isValid =
    charset === 'utf-8' ? Buffer.from(text).equals(bytes) : !/[\u0080-\u009f]/.test(text)
  return isValid ? text : undefined
}
