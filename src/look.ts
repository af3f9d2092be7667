// The owner's own look and the visitor's language: what the pages are filled with. Called by app.ts for each
// reply that a person reads. A file of the owner's that cannot be used spoils the look, never the upload: it is
// told to the error log and left out.

import { readFileSync } from 'node:fs'
import { chooseLanguage, type Language, language } from './language.ts'
import { complain } from './log.ts'
import type { Settings } from './settings.ts'

export type Look = {
  readonly language: Language
  /** CSS that comes after ours; '' for none. */
  readonly style: string
  /** As a data: address; '' for none. */
  readonly logo: string
}

/** `id`: of the request, for the error log. */
export function loadLook(settings: Settings, acceptLanguage: string, id: string): Look {
  const told = (setting: string, load: () => string) => {
    try {
      return load()
    } catch (error) {
      complain(id, `${setting}: ${error instanceof Error ? error.message : String(error)}`)
      return ''
    }
  }
  const accent = settings.accentColor === '' ? '' : accentStyle(settings.accentColor)
  const style = told('stylesheet', () => readStylesheet(settings.stylesheet))
  return {
    language: language(chooseLanguage(acceptLanguage, settings.language)),
    style: accent + style,
    logo: told('logo', () => readLogo(settings.logo)),
  }
}

/** CSS as an HTML parser reads it, for the sake of its hash; '' when none is set. Throws a sentence. */
export function readStylesheet(file: string): string {
  if (file === '') return ''
  const text = readFileSync(file, 'utf8').replace(/\r\n?/g, '\n')
  if (/<\/style/i.test(text)) throw new Error('it contains </style')
  return text
}

/** A picture of at most 100 KB as a data: address, told by its first bytes; '' when none is set. */
export function readLogo(file: string): string {
  if (file === '') return ''
  const bytes = readFileSync(file)
  if (bytes.length > maxLogoBytes) throw new Error('it is larger than 100 KB')
  const start = bytes.toString('latin1', 0, 1000)
  const type = pictures.find(([, pattern]) => pattern.test(start))?.[0]
  if (type === undefined) throw new Error('it is no PNG, JPEG, GIF, WebP or SVG')
  return `data:image/${type};base64,${bytes.toString('base64')}`
}

/** The better of white and black on the colour, and its contrast (WCAG 2.2, 1 to 21). */
export function textOn(color: string): { readonly color: string; readonly contrast: number } {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(color.slice(at, at + 2), 16) / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
  const onWhite = 1.05 / (luminance + 0.05)
  const onBlack = (luminance + 0.05) / 0.05
  return onWhite >= 4.5 || onWhite >= onBlack
    ? { color: '#fff', contrast: onWhite }
    : { color: '#000', contrast: onBlack }
}

function accentStyle(color: string): string {
  return `:root{--accent:${color};--on-accent:${textOn(color).color}}\n`
}

const maxLogoBytes = 100_000
const pictures: readonly (readonly [string, RegExp])[] = [
  ['png', /^\x89PNG\r\n/],
  ['jpeg', /^\xff\xd8\xff/],
  ['gif', /^GIF8/],
  ['webp', /^RIFF....WEBP/s],
  [
    'svg+xml',
    /^(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--[\s\S]*?-->\s*)*(<!DOCTYPE[^>]*>\s*)?<svg[\s>]/i,
  ],
]
