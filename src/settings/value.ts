// The kinds of settings, each with its reader: what the owner wrote in the settings file or the
// environment → the value, or what is wrong with it and how to fix it. Strict: nothing is guessed.

import { isAbsolute, resolve } from 'node:path'
import { type Network, networkText, parseNetwork } from '../http/network.ts'
import { encodeDuration, encodeSize, parseDuration, parseSize } from '../quantity.ts'
import { momentText, parseMoment } from './moment.ts'
import type { Kind, Parsed } from './row.ts'

export const boolean: Kind<boolean> = {
  parse: (written) =>
    typeof written === 'boolean' ? { value: written } : wrong(written, 'write true or false'),
  fromText: (text) => booleans.get(text.toLowerCase()) ?? text,
  show: JSON.stringify,
  fallback: false,
}

/** A whole number from 1 to `most`. */
export function countUpTo(most: number): Kind<number> {
  return wholeNumber(1, most)
}

/** A whole number of things that may be many. */
export function countFrom(least: number): Kind<number> {
  return wholeNumber(least, 1_000_000_000)
}

export const count = countUpTo(100_000)

/** A size in bytes, which is not below `least`. */
export function sizeFrom(least: number): Kind<number> {
  return {
    parse: (written) => {
      const text = typeof written === 'number' ? String(written) : written
      const bytes = typeof text === 'string' ? parseSize(text) : undefined
      if (bytes === undefined) return wrong(written, sizeRemedy)
      return bytes >= least ? { value: bytes } : wrong(written, `write at least ${least} bytes`)
    },
    fromText: asIs,
    show: (bytes) => `"${encodeSize(bytes)}"`,
    fallback: 0,
  }
}

export const size = sizeFrom(0)

/** In seconds. */
export const duration: Kind<number> = {
  parse: (written) => {
    const seconds = typeof written === 'string' ? parseDuration(written) : undefined
    return seconds !== undefined && seconds >= 60 && seconds <= 31_536_000
      ? { value: seconds }
      : wrong(written, 'write "90s", "30m", "12h", "1d" or "1w"; from a minute to a year')
  },
  fromText: asIs,
  show: (seconds) => `"${encodeDuration(seconds)}"`,
  fallback: 0,
}

/** Permission bits that let the owner read and nobody execute. */
export const mode: Kind<number> = {
  parse: (written) => {
    const isMode = typeof written === 'string' && /^0?[0-6]{3}$/.test(written)
    const bits = isMode ? Number.parseInt(written, 8) : 0
    return (bits & 0o111) === 0 && (bits & 0o400) !== 0
      ? { value: bits }
      : wrong(written, 'write it in quotes as chmod does, without execute bits: "0640"')
  },
  fromText: asIs,
  show: (bits) => `"0${bits.toString(8)}"`,
  fallback: 0,
}

export function oneOf<const Choice extends string>(
  fallback: Choice,
  ...others: readonly Choice[]
): Kind<Choice> {
  const choices = [fallback, ...others]
  const remedy = `write one of ${choices.map((choice) => `"${choice}"`).join(', ')}`
  return {
    parse: (written) => {
      const value = choices.find((choice) => choice === written)
      return value === undefined ? wrong(written, remedy) : { value }
    },
    fromText: asIs,
    show: JSON.stringify,
    fallback,
  }
}

/** In lower case, without leading dots. */
export const extensions: Kind<readonly string[]> = {
  parse: (written) => {
    const list = listOfText(written)?.map((entry) => entry.replace(/^\./, '').toLowerCase())
    if (list === undefined) return wrong(written, extensionsRemedy)
    // Joined by dots they look like one extension of many parts: one test for the whole list.
    const isList = list.length === 0 || /^[^\s/\\.]+(\.[^\s/\\.]+)*$/.test(list.join('.'))
    return isList ? { value: list } : wrong(written, extensionsRemedy)
  },
  fromText: separatedByCommas,
  show: JSON.stringify,
  fallback: [],
}

/** Scheme, host and port, in lower case, without a slash at the end. */
export const origins: Kind<readonly string[]> = {
  parse: (written) => {
    const list = listOfText(written)?.map((entry) => entry.toLowerCase().replace(/\/$/, ''))
    return list?.every((entry) => /^https?:\/\/[^\s/"'<>]+$/.test(entry))
      ? { value: list }
      : wrong(written, 'write a list of addresses without path: ["https://www.example.org"]')
  },
  fromText: separatedByCommas,
  show: JSON.stringify,
  fallback: [],
}

/** Addresses of machines and networks. */
export const networks: Kind<readonly Network[]> = {
  parse: (written) => {
    const list = listOfText(written)?.map(parseNetwork)
    return list?.every((network) => network !== undefined)
      ? { value: list }
      : wrong(written, 'write a list of addresses or networks: ["10.0.0.1", "2001:db8::/32"]')
  },
  fromText: separatedByCommas,
  show: (list) => JSON.stringify(list.map(networkText)),
  fallback: [],
}

/** Absolute, or '' where the setting is not required. */
export const path: Kind<string> = {
  parse: (written, row, base) => {
    const remedy = `write it as a whole path: ${row.key} = "/home/me/uploads"`
    if (typeof written !== 'string' || written.includes('\0')) return wrong(written, remedy)
    if (written === '') {
      return row.isRequired ? { problem: `${row.key} is not set`, remedy } : { value: '' }
    }
    if (written.startsWith('~')) return wrong(written, remedy)
    if (!isAbsolute(written) && base === '') return wrong(written, remedy)
    return { value: resolve(base, written) }
  },
  fromText: asIs,
  show: JSON.stringify,
  fallback: '',
}

/**
 * http(s) or a path on this site. Blanks and control characters would end a header. Browsers read a
 * backslash as a slash: `/\host` would name another site.
 */
export const address: Kind<string> = {
  parse: (written) => {
    if (typeof written !== 'string') return wrong(written, 'write text in quotes')
    const isAddress =
      /^(https?:\/\/[^/]|\/)/.test(written) &&
      /^[!-[\]-~]*$/.test(written) &&
      !written.startsWith('//')
    return written === '' || isAddress
      ? { value: written }
      : wrong(written, 'write an address: "https://www.example.org/files/" or "/files/"')
  },
  fromText: asIs,
  show: JSON.stringify,
  fallback: '',
}

/** An address that may hold `{receipt}`, but not in the name of the site. */
export const redirect: Kind<string> = {
  ...address,
  parse: (written, row, base) => {
    const parsed = address.parse(written, row, base)
    if ('problem' in parsed || parsed.value === '') return parsed
    const [site = ''] = /^https?:\/\/[^/?#]*/.exec(parsed.value) ?? []
    const others = parsed.value.replaceAll('{receipt}', '')
    if (/[{}]/.test(site)) return wrong(written, 'write {receipt} after the name of the site')
    if (/[{}]/.test(others)) return wrong(written, 'it may hold {receipt} and no other braces')
    if (site !== '' && !isSite(site)) return wrong(written, 'write the whole address of a page')
    return parsed
  },
}

/** The policy of the pages names it, and there `;` and `,` have a meaning. */
function isSite(text: string): boolean {
  return URL.canParse(text) && !/[;,']/.test(text)
}

/** `#rrggbb` or ''. */
export const color: Kind<string> = {
  parse: (written) =>
    typeof written === 'string' && /^(#[0-9a-fA-F]{6})?$/.test(written)
      ? { value: written }
      : wrong(written, 'write it as "#" and six hexadecimal digits: "#0b6e4f"'),
  fromText: asIs,
  show: JSON.stringify,
  fallback: '',
}

export const text: Kind<string> = {
  parse: (written) =>
    typeof written === 'string' ? { value: written } : wrong(written, 'write text in quotes'),
  fromText: asIs,
  show: JSON.stringify,
  fallback: '',
}

/** Text that no message repeats. */
export const secretText: Kind<string> = {
  parse: (written, { key }) =>
    typeof written === 'string'
      ? { value: written }
      : { problem: `${key} is no text`, remedy: `write it in quotes: ${key} = "…"` },
  fromText: asIs,
  show: JSON.stringify,
  fallback: '',
}

/** In ms since 1970; 0 for never. */
export const moment: Kind<number> = {
  parse: (written) => {
    const value = written === '' ? 0 : parseMoment(written)
    return value === undefined
      ? wrong(written, 'write a day or a time: "2026-12-31" or "2026-12-31 18:00"')
      : { value }
  },
  fromText: asIs,
  show: (value) => JSON.stringify(value === 0 ? '' : momentText(value)),
  fallback: 0,
}

export function wrong(written: unknown, remedy: string): Parsed<never> {
  const shown = JSON.stringify(written) ?? String(written)
  return { problem: `${shown.slice(0, 80)} does not fit`, remedy }
}

export function listOfText(written: unknown): readonly string[] | undefined {
  if (!Array.isArray(written)) return undefined
  return written.every((entry) => typeof entry === 'string') ? written : undefined
}

function wholeNumber(least: number, most: number): Kind<number> {
  return {
    parse: (written) =>
      typeof written === 'number' &&
      Number.isInteger(written) &&
      written >= least &&
      written <= most
        ? { value: written }
        : wrong(written, `write a whole number from ${least} to ${most}`),
    fromText: (text) => (/^[0-9]+$/.test(text) ? Number(text) : text),
    show: JSON.stringify,
    fallback: least,
  }
}

function asIs(text: string): string {
  return text
}

function separatedByCommas(text: string): readonly string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}

const sizeRemedy = 'write a size such as "100MB" (10^6 bytes each) or "100MiB" (2^20 bytes each)'
const extensionsRemedy = 'write a list of extensions without leading dots: ["jpg", "png"]'

/** How an environment variable says it. */
const booleans: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['on', true],
  ['yes', true],
  ['1', true],
  ['false', false],
  ['off', false],
  ['no', false],
  ['0', false],
])
