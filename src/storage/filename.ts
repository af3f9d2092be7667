// What the client called a file → what it is called here. Pure text; called by upload.ts, and by store.ts
// for the numbers of taken names. The least change that is safe: letters of every script stay, and so do
// `Smith & Sons (final).pdf` and `l'été.pdf`. The result is one path component, never hidden, never an
// option to a shell command, never a device of Windows, at most 255 bytes of UTF-8. Idempotent.

const maxNameBytes = 255
/** A longer "extension" is a name that happens to have a dot. */
const maxExtensionBytes = 64

export function storedName(clientName: string): string {
  let name = clientName.slice(lastSeparator(clientName) + 1)
  name = name.replace(unwanted(), '').normalize('NFC').replace(blanks(), ' ').replace(unsafe, '_')
  name = trimEdges(name)
  if (device.test(name)) name = `_${name}`
  name = shorten(name, maxNameBytes)
  return name === '' ? 'upload' : name
}

/** `name.ext`, 2 → `name-2.ext`, at most 255 bytes. The name is one that storedName() made. */
export function numberedName(name: string, number: number): string {
  const suffix = `-${number}`
  const extension = extensionOf(name)
  const stem = name.slice(0, name.length - extension.length)
  const room = maxNameBytes - Buffer.byteLength(suffix) - Buffer.byteLength(extension)
  return cut(stem, room) + suffix + extension
}

/**
 * The part of a stored name for which the lists refuse it, or undefined. `block` is looked for among
 * all dot-separated parts, since servers obey inner extensions too (`shell.php.jpg`); an entry with
 * a dot (`web.config`) among neighbours. `allow`, if not empty, must have the end of the name.
 */
export function refusedExtension(
  name: string,
  allow: readonly string[],
  block: readonly string[],
): string | undefined {
  const parts = name
    .toLowerCase()
    .split('.')
    .map((part) => part.trim())
  const dotted = `.${parts.join('.')}.`
  const blocked = block.find((entry) => dotted.includes(`.${entry}.`))
  if (blocked !== undefined) return blocked
  if (allow.length === 0) return undefined
  const isAllowed = allow.some((entry) => parts.length > 1 && dotted.endsWith(`.${entry}.`))
  return isAllowed ? undefined : parts.length > 1 ? (parts.at(-1) ?? '') : ''
}

/** Slashes of every kind that some file system or reader takes for one. */
function lastSeparator(text: string): number {
  for (let i = text.length - 1; i >= 0; i--) {
    if ('/\\\u2044\u2215\u29f8\uff0f\uff3c'.includes(text[i] ?? '')) return i
  }
  return -1
}

/** No dot, dash or space in front; no dot or space behind. */
function trimEdges(name: string): string {
  let from = 0
  let end = name.length
  while (from < end && '.- '.includes(name[from] ?? '')) from++
  while (end > from && '. '.includes(name[end - 1] ?? '')) end--
  return name.slice(from, end)
}

function shorten(name: string, maxBytes: number): string {
  if (Buffer.byteLength(name) <= maxBytes) return name
  const extension = extensionOf(name)
  const stem = name.slice(0, name.length - extension.length)
  return trimEdges(cut(stem, maxBytes - Buffer.byteLength(extension)) + extension)
}

/** With its dot; '' when there is none. */
function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.')
  const extension = dot > 0 ? name.slice(dot) : ''
  return Buffer.byteLength(extension) <= maxExtensionBytes ? extension : ''
}

/** At most `maxBytes` of UTF-8, cut between characters, never between a letter and its marks. */
function cut(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= maxBytes) return text
  let end = maxBytes
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  const whole = bytes.toString('utf8', 0, end)
  if (!/^\p{M}/u.test(text.slice(whole.length))) return whole
  const withoutLastLetter = whole.replace(/\P{M}\p{M}{0,30}$/u, '')
  return withoutLastLetter === '' ? whole : withoutLastLetter
}

/** Control, format (bidi, zero width), surrogate, private use, line separators, noncharacters. */
const unwanted = () => /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]/gu
const blanks = () => /\p{Zs}+/gu
const unsafe = /[<>:"/\\|?*`$;]/g
/** Windows takes these for devices whatever the extension, also with blanks before the dot. */
const device = /^(con|prn|aux|nul|(com|lpt)[0-9\u00b9\u00b2\u00b3]) *(\.|$)/i
