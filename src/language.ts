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

const rightToLeft: ReadonlySet<string> = new Set(['ar', 'he'])
