// The page's sentences, which the server puts into the page; sizes as the server writes them, too;
// and other numbers and times as the page's language writes them, which the browser knows (Intl).

import { formatSize } from '../../quantity.ts'

const { lang, dir } = document.documentElement
const sentences: Record<string, string> = JSON.parse(
  document.getElementById('text')?.textContent || '{}',
)

/**
 * A sentence with forms for numbers has them in the order of CLDR's categories, between bars; the
 * hole `count` chooses.
 */
export function say(key: string, holes: Record<string, string | number> = {}): string {
  const fill = (hole: string, name: string) => {
    const value = holes[name] ?? hole
    if (typeof value === 'number') return format(value)
    // Isolated (U+2068, U+2069): the parts of a Latin name must not mix with the words around it.
    return dir === 'rtl' ? `\u2068${value}\u2069` : value
  }
  const forms = (sentences[key] ?? key).split('|')
  const category = new Intl.PluralRules(lang).select(Number(holes['count'] ?? 0))
  const form = categories[forms.length]?.indexOf(category) ?? -1
  return (forms.at(form) ?? '').replace(/\{(\w+)\}/g, fill)
}

export function filesAndSize(items: readonly { readonly file: File }[]) {
  const bytes = items.reduce((sum, { file }) => sum + file.size, 0)
  return { files: say('queue.files', { count: items.length }), size: size(bytes) }
}

export function size(bytes: number): string {
  return formatSize(bytes, say('queue.units'))
}

/** Whole seconds below a minute, whole minutes below an hour, then hours with one decimal. */
export function time(seconds: number): string {
  if (seconds < 60) return inUnit(Math.ceil(seconds), 'second', 0)
  if (seconds < 3600) return inUnit(Math.ceil(seconds / 60), 'minute', 0)
  return inUnit(seconds / 3600, 'hour', 1)
}

export function percent(share: number): string {
  return format(Math.floor(share * 100) / 100, { style: 'percent' })
}

function inUnit(value: number, unit: string, digits: number) {
  return format(value, { style: 'unit', unit, maximumFractionDigits: digits })
}

function format(value: number, options?: Intl.NumberFormatOptions): string {
  return new Intl.NumberFormat(lang, options).format(value)
}

/** By how many forms a language has; a category that is not listed has the last form. */
const categories: Readonly<Record<number, readonly string[]>> = {
  2: ['one'],
  3: ['one', 'two'],
  4: ['one', 'few', 'many'],
  6: ['zero', 'one', 'two', 'few', 'many'],
}
