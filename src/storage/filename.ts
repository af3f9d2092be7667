// The client's name of a file → its name in the directory. Pure text, without any API of Node: the
// page's script uses storedName() too. It changes as little as is safe: letters of every script
// stay, and so do `Smith & Sons (final).pdf` and `l'été.pdf`. The result is one path component of
// at most 255 bytes of UTF-8; it is never hidden, never an option to a shell command and never a
// device of Windows. A stored name is stored as itself.

export const maxNameBytes = 255
/** A longer "extension" is taken for a part of a name that happens to contain a dot. */
const maxExtensionBytes = 64

export function storedName(clientName: string): string {
  let name = clientName.slice(lastSeparator(clientName) + 1)
  name = name.replace(unwanted(), '').normalize('NFC').replace(blanks(), ' ').replace(unsafe, '_')
  name = trimEdges(name)
  if (device.test(name)) name = `_${name}`
  name = shortened(name, maxNameBytes)
  return name === '' ? 'upload' : name
}

/** `name.ext`, 2 → `name-2.ext`, of at most so many bytes. `name`: as storedName() returns it. */
export function numberedName(name: string, number: number, maxBytes = maxNameBytes): string {
  const suffix = `-${number}`
  const extension = extensionOf(name)
  const stem = name.slice(0, name.length - extension.length)
  const room = maxBytes - utf8Length(suffix) - utf8Length(extension)
  return cut(stem, room) + suffix + extension
}

/**
 * The index of the last slash, of any kind that some file system or reader takes for a slash; or
 * -1.
 */
function lastSeparator(text: string): number {
  for (let i = text.length - 1; i >= 0; i--) {
    if ('/\\\u2044\u2215\u29f8\uff0f\uff3c'.includes(text[i] ?? '')) return i
  }
  return -1
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
  return trimEdges(cut(stem, maxBytes - utf8Length(extension)) + extension)
}

/** The extension with its dot; '' when there is none. */
function extensionOf(name: string): string {
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
  if (!/^\p{M}/u.test(text.slice(whole.length))) return whole
  const withoutLastLetter = whole.replace(/\P{M}\p{M}{0,30}$/u, '')
  return withoutLastLetter === '' ? whole : withoutLastLetter
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

/** Control, format (bidi, zero width), surrogate, private use, line separators, noncharacters. */
const unwanted = () => /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]/gu
const blanks = () => /\p{Zs}+/gu
const unsafe = /[<>:"/\\|?*`$;]/g
/**
 * Windows takes these names for devices, whatever the extension, and also with blanks before the
 * dot.
 */
const device = /^(con|prn|aux|nul|(com|lpt)[0-9\u00b9\u00b2\u00b3]) *(\.|$)/i
