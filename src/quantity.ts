// Sizes and durations as people write them: "100MB", "1.5 GiB", "90s", "1d". 1 MB is 10^6 bytes and
// 1 MiB is 2^20 bytes. "8M" is refused, because it means the one to some people and the other to
// others.

/** In bytes; undefined when the text is no size. A number without a unit means bytes. */
export function parseSize(text: string): number | undefined {
  const match = /^([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([a-z]{0,3})$/.exec(text.trim().toLowerCase())
  const factor = sizeUnits.get(match?.[2] ?? '?')
  if (match === null || factor === undefined) return undefined
  const bytes = Math.round(Number(match[1]) * factor)
  // 0 means no limit, so a part of a byte is never rounded down to it.
  if (bytes === 0 && Number(match[1]) > 0) return undefined
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** As the settings file has it, exactly: "100MB", "1MiB", "1500". */
export function encodeSize(bytes: number): string {
  const units = [...sizeUnits].filter(([, factor]) => factor > 1)
  const fitting = units.filter(([, factor]) => bytes > 0 && bytes % factor === 0)
  const [unit, factor] = fitting.sort((one, other) => other[1] - one[1])[0] ?? ['', 1]
  const shown = unit.slice(0, 1).toUpperCase() + unit.slice(1).replace('b', 'B')
  return `${bytes / factor}${shown}`
}

/**
 * For people: "512 bytes", "1.5 MB", "100 MB". Decimal units, at most one decimal place. `words`:
 * the decimal mark, the words for one byte and for several, and the units, between blanks: those of
 * the visitor's language, or as the settings file has them.
 */
export function formatSize(bytes: number, words = '. byte bytes KB MB GB TB PB'): string {
  const [mark = '.', one, several, ...units] = words.split(' ')
  if (bytes < 1000) return `${bytes} ${bytes === 1 ? one : several}`
  let value = bytes
  let unit = -1
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${String(Number(value.toFixed(1))).replace('.', mark)} ${units[unit]}`
}

/** In seconds; undefined when the text is no duration. The unit is required. */
export function parseDuration(text: string): number | undefined {
  const match = /^([0-9]{1,9}) ?([smhdw])$/.exec(text.trim())
  if (match === null) return undefined
  return Number(match[1]) * (durationUnits.find(([unit]) => unit === match[2])?.[1] ?? 0)
}

/** As the settings file has it: "1d", "90m". */
export function encodeDuration(seconds: number): string {
  const [unit, factor] = durationUnits.find(([, length]) => seconds % length === 0) ?? ['s', 1]
  return `${seconds / factor}${unit}`
}

/**
 * Bytes as a protocol writes them: digits alone, no leading zero, nothing that a double cannot
 * hold.
 */
export function parseByteCount(text: string): number | undefined {
  const bytes = Number(text)
  return /^(0|[1-9][0-9]{0,15})$/.test(text) && Number.isSafeInteger(bytes) ? bytes : undefined
}

/** In seconds, the longest first. */
const durationUnits: readonly (readonly [string, number])[] = [
  ['w', 604800],
  ['d', 86400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
]

// The mark lets the page's script, which only shows sizes, leave it out. It would have no effect
// with `2 ** 10`, of which esbuild does not know that it changes nothing.
const sizeUnits: ReadonlyMap<string, number> = /* @__PURE__ */ new Map([
  ['', 1],
  ['b', 1],
  ['kb', 1e3],
  ['mb', 1e6],
  ['gb', 1e9],
  ['tb', 1e12],
  ['kib', 1024],
  ['mib', 1_048_576],
  ['gib', 1_073_741_824],
  ['tib', 1_099_511_627_776],
])
