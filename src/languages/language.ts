// Chooses the language of the visitor and gives its sentences. Each language is one JSON file
// beside this one. All have the same keys, and the same holes `{name}` in their sentences. A count
// is written beside its noun ("Stored: 3"), so that no plural forms are needed.
//
// The choice follows RFC 9110 section 12.5.4 (weights; 0 refuses a language) and RFC 4647 section
// 3.4 (lookup: de-AT finds de). Malformed ranges are ignored. English is chosen when nothing fits.

import { type LanguageCode, languageFiles } from './files.ts'

export type Language = {
  /** BCP 47, for `<html lang>` and for Intl in the browser. */
  readonly code: LanguageCode
  readonly direction: 'ltr' | 'rtl'
  /** The sentence of a key, with its holes filled. A key that is in no file is a bug and throws. */
  text(key: string, holes?: Readonly<Record<string, string | number>>): string
  /**
   * All sentences of these sections (`queue.` has `queue.waiting`) by key, as JSON for the script.
   */
  sections(...names: readonly string[]): string
}

/**
 * `setting`: the language that the owner chose; '' to choose by Accept-Language. `acceptLanguage`:
 * the header of the visitor; '' if there is none.
 */
export function chooseLanguage(acceptLanguage: string, setting: string): LanguageCode {
  const set = lookup(setting)
  if (set !== undefined) return set
  const ranges = parseRanges(acceptLanguage)
  const refused = ranges.filter(({ weight }) => weight === 0).map(({ range }) => range)
  const wanted = ranges.filter(({ weight }) => weight > 0).sort((a, b) => b.weight - a.weight)
  // `*` means every language that no other range names. Here it means English, unless a range names
  // English.
  const isEnglishNamed = ranges.some(({ range }) => range !== '*' && lookup(range) === 'en')
  for (const { range } of wanted) {
    const code = range === '*' && !isEnglishNamed ? 'en' : lookup(range)
    if (code !== undefined && !refused.some((tag) => isWithin(code, tag))) return code
  }
  return 'en'
}

export function language(code: LanguageCode): Language {
  const json = languageFiles[code]()
  return {
    code,
    direction: rightToLeft.has(code) ? 'rtl' : 'ltr',
    text(key, holes = {}) {
      const start = json.indexOf(`"${key}":"`)
      if (start === -1) throw new Error(`no sentence ${key} in ${code}`)
      const sentence: string = JSON.parse(json.slice(start + key.length + 3, endAfter(json, start)))
      if (!sentence.includes('{')) return sentence
      return sentence.replace(/\{(\w+)\}/g, (hole, name: string) => String(holes[name] ?? hole))
    },
    sections(...names) {
      const entries = names.map((name) => {
        const key = `"${name}`
        return json.slice(json.indexOf(key), endAfter(json, json.lastIndexOf(key)))
      })
      return `{${entries.join(',')}}`
    },
  }
}

/**
 * The index at which the sentence after `place` ends. The shipped JSON is one object of sentences,
 * without blanks between them, with the keys of a section side by side. No sentence can contain
 * `","`, since its quotes would be `\\"`. So sentences are found without parsing the whole file,
 * which took a fifth of the time of a GET. languages.test.ts holds the files to this.
 */
function endAfter(json: string, place: number): number {
  const end = json.indexOf('","', place)
  return end === -1 ? json.length - 1 : end + 1
}

type WeightedRange = { readonly range: string; readonly weight: number }

/**
 * The ranges in the order of the header, in lower case. Their number is limited, since a client may
 * send anything.
 */
function parseRanges(acceptLanguage: string): WeightedRange[] {
  const members = acceptLanguage.slice(0, maxHeaderChars).split(',')
  // The last range may be cut and then mean something else: `de-AT` as `de`, `;q=0.5` as `;q=0`.
  if (acceptLanguage.length > maxHeaderChars) members.pop()
  return members
    .map((member) => rangeSyntax.exec(member.trim().toLowerCase()))
    .filter((match) => match !== null)
    .slice(0, maxRanges)
    .map(([, range = '', weight = '1']) => ({ range, weight: Number(weight) }))
}

/** The language of the range; if there is none, that of the range without its last subtags. */
function lookup(range: string): LanguageCode | undefined {
  const subtags = range.slice(0, maxHeaderChars).toLowerCase().split('-')
  for (let count = Math.min(subtags.length, maxSubtags); count > 0; count -= 1) {
    const code = codeOfTag.get(subtags.slice(0, count).join('-'))
    if (code !== undefined) return code
  }
  return undefined
}

function isWithin(code: LanguageCode, range: string): boolean {
  const tag = code.toLowerCase()
  return tag === range || tag.startsWith(`${range}-`)
}

const maxHeaderChars = 1000
const maxRanges = 20
/** The number of subtags of our longest language tag. */
const maxSubtags = 2
const rangeSyntax =
  /^([a-z]{1,8}(?:-[a-z0-9]{1,8})*|\*)(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/

const codeOfTag: ReadonlyMap<string, LanguageCode> = new Map([
  ...(Object.keys(languageFiles) as LanguageCode[]).map(
    (code) => [code.toLowerCase(), code] as const,
  ),
  // The old code of Hebrew, which old browsers and Java send.
  ['iw', 'he'],
  // In a Chinese tag without a script, the region tells which script is meant.
  ['zh', 'zh-Hans'],
  ['zh-tw', 'zh-Hant'],
  ['zh-hk', 'zh-Hant'],
  ['zh-mo', 'zh-Hant'],
])

const rightToLeft: ReadonlySet<string> = new Set(['ar', 'he'])
