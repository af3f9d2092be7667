// The client's name of a file → its name in the directory. Pure text, without any API of Node: the
// page's script uses storedName() too. It changes as little as is safe: letters of every script
// stay, and so do `Smith & Sons (final).pdf` and `l'été.pdf`. The result is one path component of
// at most 255 bytes of UTF-8; it is never hidden, never an option to a shell command and never a
// device of Windows. A stored name is stored as itself.

export const maxNameBytes = 255
/** A longer "extension" is taken for a part of a name that happens to contain a dot. */
const maxExtensionBytes = 64

export function storedName(clientName: string): string {
  const sent = clientName.slice(lastSeparator(clientName) + 1).replace(query, '$1')
  const isPlain = /^[ -~]*$/.test(sent)
  const seen = isPlain ? withoutInklessEnd(sent.replace(/ +/g, ' ')) : withoutUnseen(sent)
  const safe = trimEdges(namedExtension(seen, sent, isPlain).replace(unsafe, '_'))
  const name = shortened(safe, maxNameBytes)
  // What is left of a long name is a name like any other.
  if (name !== safe) return storedName(name)
  if (device.test(name)) return shortened(`_${name}`, maxNameBytes)
  return name === '' ? 'upload' : name
}

/**
 * The folders of a relative path: `a/b/name` → `a` and `b`, each as storedName() makes it. None of
 * a path from the root or with `..`: it leads somewhere else, and only its last name is used.
 */
export function storedFolders(clientPath: string): readonly string[] {
  const parts = clientPath.split('/').slice(0, -1)
  if (clientPath.startsWith('/') || parts.includes('..')) return []
  return parts.filter((part) => part !== '' && part !== '.').map(storedName)
}

/** The text with `_` for every slash, so that storedName() takes it for one name. */
export function withoutSlashes(text: string): string {
  return [...text].map((character) => (slashes.includes(character) ? '_' : character)).join('')
}

/** `name.ext`, 2 → `name-2.ext`, of at most so many bytes. `name`: as storedName() returns it. */
export function numberedName(name: string, number: number, maxBytes = maxNameBytes): string {
  const suffix = `-${number}`
  const extension = extensionOf(name)
  const stem = name.slice(0, name.length - extension.length)
  const room = maxBytes - utf8Length(suffix) - utf8Length(extension)
  return (cut(stem, room) || 'upload') + suffix + extension
}

/**
 * The index of the last slash, of any kind that some file system or reader takes for a slash; or
 * -1.
 */
function lastSeparator(text: string): number {
  for (let i = text.length - 1; i >= 0; i--) {
    if (slashes.includes(text[i] ?? '')) return i
  }
  return -1
}

/**
 * Removes what nobody sees, at the end also letters without ink, and joiners but between letters or
 * emoji, where Persian, Hindi and families need them. The result is composed (NFC), and each run of
 * blanks is one space.
 */
function withoutUnseen(sent: string): string {
  const text = sent.replace(ofShares, '_').replace(unwanted(), '').normalize('NFC')
  return withoutInklessEnd(text.replace(blanks(), ' '))
    .replace(/([\u200c\u200d])[\u200c\u200d]*/g, (run, joiner, at: number, whole: string) => {
      const before = whole.slice(Math.max(0, at - 2), at)
      const after = whole.slice(at + run.length, at + run.length + 2)
      return joined().test(`${before}\n${after}`) ? joiner : ''
    })
    .normalize('NFC')
    .replace(/ +/g, ' ')
}

/**
 * `upload.ext` where nothing but an extension is left of the name, unless the client named it so: a
 * hidden file loses its dot. '' where nothing is left that anybody sees.
 */
function namedExtension(name: string, sent: string, isPlain: boolean): string {
  const lead = (isPlain ? /^[.\- ]*/ : inklessStart()).exec(name)?.[0] ?? ''
  const rest = name.slice(lead.length)
  if (rest === '') return ''
  const isAsNamed = sent.startsWith('.') && /^[.\- ]*$/.test(lead)
  const isExtension = lead.endsWith('.') && /^(tar\.)?[^.\- ]+$/i.test(rest)
  return isExtension && !isAsNamed ? `upload.${rest}` : name
}

/** Removes dots, spaces and what has no ink at the end. */
function withoutInklessEnd(text: string): string {
  let end = text.length
  while (end > 0 && inkless.includes(text[end - 1] ?? '')) end--
  return text.slice(0, end)
}

/** Removes dots, dashes and spaces at the beginning, and dots and spaces at the end. */
function trimEdges(name: string): string {
  let from = 0
  let end = name.length
  while (from < end && '.- '.includes(name[from] ?? '')) from++
  while (end > from && '. '.includes(name[end - 1] ?? '')) end--
  return name.slice(from, end)
}

/** The name in at most so many bytes, with its extension. `name`: as storedName() makes it. */
export function shortened(name: string, maxBytes: number): string {
  if (endWithin(name, maxBytes) === name.length) return name
  const extension = extensionOf(name)
  const stem = name.slice(0, name.length - extension.length)
  return trimEdges((cut(stem, maxBytes - utf8Length(extension)) || 'upload') + extension)
}

/** The extension with its dot, both of a packed archive; '' when there is none. */
function extensionOf(name: string): string {
  const packed = /.(\.[a-z][a-z0-9]{0,3}\.(?:bz2?|gz|lz|lzma|lzo|xz|z|zst))$/i.exec(name)
  if (packed !== null) return packed[1] ?? ''
  const dot = name.lastIndexOf('.')
  const extension = dot > 0 ? name.slice(dot) : ''
  return endWithin(extension, maxExtensionBytes) === extension.length ? extension : ''
}

/**
 * The beginning of the text, at most `maxBytes` of UTF-8, cut between characters and never between
 * a letter and its marks.
 */
function cut(text: string, maxBytes: number): string {
  const end = endWithin(text, maxBytes)
  if (end === text.length) return text
  const whole = text.slice(0, end)
  const isInsideLetter = /^\p{M}/u.test(text.slice(whole.length))
  const withoutLastLetter = isInsideLetter ? whole.replace(/\P{M}\p{M}{0,30}$/u, '') : whole
  const kept = withoutInklessEnd(withoutLastLetter === '' ? whole : withoutLastLetter)
  return inklessStart().exec(kept)?.[0] === kept ? '' : kept
}

/** The index in the text at which its first `maxBytes` bytes of UTF-8 end, between characters. */
function endWithin(text: string, maxBytes: number): number {
  // A UTF-16 unit takes at most three bytes, so for most names the length alone decides.
  if (text.length * 3 <= maxBytes) return text.length
  let end = 0
  for (let bytes = 0; end < text.length; ) {
    const character = text.codePointAt(end) ?? 0
    bytes += utf8Bytes(character)
    if (bytes > maxBytes) break
    end += character > 0xffff ? 2 : 1
  }
  return end
}

function utf8Length(text: string): number {
  let bytes = 0
  for (const character of text) bytes += utf8Bytes(character.codePointAt(0) ?? 0)
  return bytes
}

function utf8Bytes(character: number): number {
  if (character < 0x80) return 1
  if (character < 0x800) return 2
  return character < 0x10000 ? 3 : 4
}

const slashes = '/\\\u2044\u2215\u29f8\uff0f\uff3c'
/** What the camera of a phone's framework puts behind a name: the time, as a query. */
const query = /(\.[a-z0-9]{1,10})\?[0-9]+$/i
/** Private characters by which macOS writes on shares what Windows forbids. Others are letters. */
const ofShares = /[\uf001-\uf029]/g
/** Control, format (bidi, zero width) but joiners, surrogate, line separators, noncharacters. */
const unwanted = () =>
  /[^\P{Cf}\u200c\u200d]|[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]/gu
/** Fillers, the empty Braille cell, vowels of no shape: letters and marks without ink. */
const inkless = '. \u034f\u115f\u17b4\u17b5\u200c\u200d\u2800\u3164\uffa0'
const inklessStart = () => /^[.\- \u2800\u{16fe4}\u{1d159}\p{Default_Ignorable_Code_Point}]*/u
/** Letters, marks or emoji beyond ASCII on both sides of a line feed, which stands for a joiner. */
function joined(): RegExp {
  const side = '(?:[^\\P{L}A-Za-z]|[\\p{M}\\p{Extended_Pictographic}\\p{Emoji_Modifier}])'
  return new RegExp(`${side}\\n${side}`, 'u')
}
const blanks = () => /\p{Zs}+/gu
const unsafe = /[<>:"/\\|?*`$;]/g
/**
 * Windows takes these names for devices, whatever the extension, and also with blanks before the
 * dot.
 */
const device = /^(con|prn|aux|nul|(com|lpt)[0-9\u00b9\u00b2\u00b3]) *(\.|$)/i
