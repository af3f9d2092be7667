// Which language the visitor reads, and its sentences. Called by app.ts, once a request; the pages are filled
// with them by reply.ts. A language is one file in pages/languages, all with the same keys, sentences with
// holes `{name}`. Counts stand beside their noun ("Stored: 3"), which needs no plural forms.

import { type LanguageCode, languageFiles } from './pages/languages/index.ts'

export type { LanguageCode } from './pages/languages/index.ts'

export type Language = {
  /** BCP 47, for `<html lang>` and for Intl in the browser. */
  readonly code: LanguageCode
  readonly direction: 'ltr' | 'rtl'
  /** The sentence of a key, its holes filled. A key that is in no file is a bug and throws. */
  text(key: string, holes?: Readonly<Record<string, string | number>>): string
  /** Every sentence whose key begins so, by key: for the page's script. */
  group(...prefixes: readonly string[]): Readonly<Record<string, string>>
}

export function language(code: LanguageCode): Language {
  const sentences: Readonly<Record<string, string>> = JSON.parse(languageFiles[code])
  return {
    code,
    direction: rightToLeft.has(code) ? 'rtl' : 'ltr',
    text(key, holes = {}) {
      const sentence = sentences[key]
      if (sentence === undefined) throw new Error(`no sentence ${key} in ${code}`)
      return sentence.replace(/\{(\w+)\}/g, (hole, name: string) => String(holes[name] ?? hole))
    },
    group(...prefixes) {
      const isWanted = ([key]: [string, string]) =>
        prefixes.some((prefix) => key.startsWith(prefix))
      return Object.fromEntries(Object.entries(sentences).filter(isWanted))
    },
  }
}

/**
 * The owner's choice, else the first that the visitor's browser asks for and we have (RFC 9110 section
 * 12.5.4, lookup by RFC 4647 section 3.4), else English. Never throws.
 */
export function chooseLanguage(acceptLanguage: string, setting: string): LanguageCode {
  if (isKnown(setting)) return setting
  const ranges = acceptLanguage
    .slice(0, 1000)
    .split(',', 20)
    .map((range) => {
      const [tag = '', ...parameters] = range.split(';').map((part) => part.trim())
      const q = parameters.find((parameter) => /^q=/i.test(parameter))
      return { tag, weight: q === undefined ? 1 : Number(q.slice(2)) || 0 }
    })
    .filter(({ tag, weight }) => /^[a-z0-9-]{2,35}$/i.test(tag) && weight > 0)
    .sort((one, other) => other.weight - one.weight)
  for (const { tag } of ranges) {
    const found = lookUp(tag.toLowerCase())
    if (found !== undefined) return found
  }
  return 'en'
}

function isKnown(code: string): code is LanguageCode {
  return Object.hasOwn(languageFiles, code)
}

function lookUp(tag: string): LanguageCode | undefined {
  const [primary = ''] = tag.split('-')
  // Chinese is two written languages; regions tell which where the script is not named.
  const isTraditional = /-hant\b/.test(tag) || (/-(tw|hk|mo)\b/.test(tag) && !/-hans\b/.test(tag))
  const code =
    primary === 'zh' ? (isTraditional ? 'zh-Hant' : 'zh-Hans') : (older[primary] ?? primary)
  return isKnown(code) ? code : undefined
}

/** Codes that old programs still send. */
const older: Readonly<Record<string, string>> = { iw: 'he' }

const rightToLeft: ReadonlySet<string> = new Set(['ar', 'he'])
