// The theme of a page: the owner's colour, stylesheet and logo, and the visitor's language. A
// stylesheet or logo that cannot be used never fails the request: the page is shown without it, and
// the error log says why.

import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { chooseLanguage, type Language, language } from '../languages/language.ts'
import type { Complain } from '../log.ts'
import type { Settings } from '../settings/settings.ts'

export type Theme = {
  readonly language: Language
  /** Of this language, known before its sentences are read. */
  readonly languageCode: Language['code']
  /** The owner's CSS, which comes after ours; '' for none. */
  readonly style: string
  /** The logo as a data: address; '' for none. */
  readonly logo: string
}

/** Loads every part when it is first used. `complain`: the complain function of the request. */
export function loadTheme(settings: Settings, acceptLanguage: string, complain: Complain): Theme {
  const orComplain = (setting: string, load: () => string) => {
    try {
      return load()
    } catch (error) {
      complain(`${setting}: ${error instanceof Error ? error.message : String(error)}`)
      return ''
    }
  }
  const accent = settings.accentColor === '' ? '' : accentStyle(settings.accentColor)
  // Replies to programs need none of these, or only the language of an error.
  const code = once(() => chooseLanguage(acceptLanguage, settings.language))
  const words = once(() => language(code()))
  const stylesheet = () => orComplain('stylesheet', () => readStylesheet(settings.stylesheet))
  const style = once(() => accent + stylesheet())
  const logo = once(() => orComplain('logo', () => readLogo(settings.logo)))
  return {
    get language() {
      return words()
    },
    get languageCode() {
      return code()
    },
    get style() {
      return style()
    },
    get logo() {
      return logo()
    },
  }
}

/**
 * The owner's CSS as an HTML parser reads it, since the browser hashes that text; '' when none is
 * set. Throws an Error whose message is a sentence.
 */
export function readStylesheet(file: string): string {
  if (file === '') return ''
  const text = readSmall(file, maxStyleBytes).toString('utf8').replace(/\r\n?/g, '\n')
  if (/<\/style/i.test(text)) throw new Error('it contains </style')
  return text
}

/**
 * A picture of at most 100 KB as a data: address. Its first bytes tell its type. '' when none is
 * set. Throws an Error whose message is a sentence.
 */
export function readLogo(file: string): string {
  if (file === '') return ''
  const bytes = readSmall(file, maxLogoBytes)
  const start = bytes.toString('latin1')
  const type = pictures.find(([, pattern]) => pattern.test(start))?.[0]
  if (type === undefined) throw new Error('it is no PNG, JPEG, GIF, WebP or SVG')
  return `data:image/${type};base64,${bytes.toString('base64')}`
}

/**
 * White or black text, whichever is easier to read on the colour, and its contrast (WCAG 2.2, 1 to
 * 21).
 */
export function textOn(color: string): { readonly color: string; readonly contrast: number } {
  const luminance = luminanceOf(color)
  const onWhite = 1.05 / (luminance + 0.05)
  const onBlack = (luminance + 0.05) / 0.05
  return onWhite >= 4.5 || onWhite >= onBlack
    ? { color: '#fff', contrast: onWhite }
    : { color: '#000', contrast: onBlack }
}

/** Refuses what is not a regular file or is too large. O_NONBLOCK: opening a pipe must not wait. */
function readSmall(file: string, maxBytes: number): Buffer {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = fstatSync(fd)
    if (!stats.isFile()) throw new Error('it is no file')
    if (stats.size > maxBytes) throw new Error(`it is larger than ${maxBytes / 1000} KB`)
    return readFileSync(fd)
  } finally {
    closeSync(fd)
  }
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

/**
 * `--away` is mixed into the accent under the pointer. `--accent-text` is the accent colour made
 * readable on the card.
 */
function accentStyle(color: string): string {
  const onAccent = textOn(color).color
  const away = onAccent === '#fff' ? '#000' : '#fff'
  const light = `--accent-text:${readable(color, 0, '#ffffff')}`
  const dark = `--accent-text:${readable(color, 255, '#181b23')}`
  return (
    `:root{--accent:${color};--on-accent:${onAccent};--away:${away};${light}}` +
    `@media(prefers-color-scheme:dark){:root{${dark}}}\n`
  )
}

/** The colour, mixed with black (0) or white (255) until its contrast to the background is 5.2. */
function readable(color: string, toward: number, background: string): string {
  for (let share = 0; ; share += 0.05) {
    const mixed = channels(color).map((value) => Math.round(value + (toward - value) * share))
    const shown = `#${mixed.map((value) => value.toString(16).padStart(2, '0')).join('')}`
    const [one, other] = [luminanceOf(shown), luminanceOf(background)]
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)
    if (contrast >= 5.2 || share >= 0.95) return shown
  }
}

function channels(color: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16))
}

/** Relative luminance (WCAG 2.2), 0 to 1. */
function luminanceOf(color: string): number {
  const [red = 0, green = 0, blue = 0] = channels(color).map((value) => {
    const share = value / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

const maxLogoBytes = 100_000
const maxStyleBytes = 100_000
const pictures: readonly (readonly [string, RegExp])[] = [
  ['png', /^\x89PNG\r\n/],
  ['jpeg', /^\xff\xd8\xff/],
  ['gif', /^GIF8/],
  ['webp', /^RIFF....WEBP/s],
  ['svg+xml', /^(?:\xef\xbb\xbf)?\s*<(?:svg\b|[?!][\s\S]*<svg\b)/i],
]
