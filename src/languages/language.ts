// Which language the visitor reads, and its sentences. Called by app.ts, once a request; the pages are filled
// with them by reply.ts. A language is one file in pages/languages, all with the same keys, sentences with
// holes `{name}`. Counts stand beside their noun ("Stored: 3"), which needs no plural forms.
// The choice follows RFC 9110 section 12.5.4 (weights, 0 refuses) and RFC 4647 section 3.4 (lookup:
// de-AT finds de). What is malformed is passed over; English is what is left when nothing fits.

import { type LanguageCode, languageFiles } from './files.ts'

export type Language = {
  /** BCP 47, for `<html lang>` and for Intl in the browser. */
  readonly code: LanguageCode
  readonly direction: 'ltr' | 'rtl'
  /** The sentence of a key, its holes filled. A key that is in no file is a bug and throws. */
  text(key: string, holes?: Readonly<Record<string, string | number>>): string
  /** Every sentence of these sections (`queue.` for `queue.waiting`), by key, as JSON: for the page's script. */
  sections(...names: readonly string[]): string
}

/** `setting` is the owner's choice, '' to go by the visitor's Accept-Language ('' when there is none). */
export function chooseLanguage(acceptLanguage: string, setting: string): LanguageCode {
  const set = lookup(setting)
  if (set !== undefined) return set
  const ranges = parseRanges(acceptLanguage)
  const refused = ranges.filter(({ weight }) => weight === 0).map(({ range }) => range)
  const wanted = ranges.filter(({ weight }) => weight > 0).sort((a, b) => b.weight - a.weight)
  // `*` is every language that no other range speaks of: ours is English, unless English has its own weight.
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
 * Where the sentence after that place ends. A file is one object of sentences without blanks, the keys of a section
 * stand together, and no sentence can have `","` in it, where a quote would be `\\"`: so what a page needs is
 * found without taking all of it apart, which took a fifth of the time of a GET. languages.test.ts holds the files to it.
 */
function endAfter(json: string, place: number): number {
  const end = json.indexOf('","', place)
  return end === -1 ? json.length - 1 : end + 1
}

type WeightedRange = { readonly range: string; readonly weight: number }

/** In the order of the header, in lower case. Bounded, since a visitor may send anything. */
function parseRanges(acceptLanguage: string): WeightedRange[] {
  const members = acceptLanguage.slice(0, maxHeaderChars).split(',')
  // Cut in the middle, it could say something else: `de-AT` would be `de`, and `;q=0.5` `;q=0`.
  if (acceptLanguage.length > maxHeaderChars) members.pop()
  return members
    .map((member) => rangeSyntax.exec(member.trim().toLowerCase()))
    .filter((match) => match !== null)
    .slice(0, maxRanges)
    .map(([, range = '', weight = '1']) => ({ range, weight: Number(weight) }))
}

/** The range itself, or what is left of it as its subtags are taken off from the end. */
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
/** No tag of ours is longer. */
const maxSubtags = 2
const rangeSyntax =
  /^([a-z]{1,8}(?:-[a-z0-9]{1,8})*|\*)(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/

const codeOfTag: ReadonlyMap<string, LanguageCode> = new Map([
  ...(Object.keys(languageFiles) as LanguageCode[]).map(
    (code) => [code.toLowerCase(), code] as const,
  ),
  // Old browsers and Java say it so.
  ['iw', 'he'],
  // Where a Chinese tag names no script, the place tells it.
  ['zh', 'zh-Hans'],
  ['zh-tw', 'zh-Hant'],
  ['zh-hk', 'zh-Hant'],
  ['zh-mo', 'zh-Hant'],
])

const rightToLeft: ReadonlySet<string> = new Set(['ar', 'he'])
