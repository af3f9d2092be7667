// One value of a settings file or of the environment → the value of Settings, or what is wrong with it and
// how to mend it. Called by settings-load.ts for each row of the table. Strict: nothing is guessed.

import { isAbsolute, resolve } from 'node:path'
import { parseDuration, parseSize } from '../quantity.ts'
import type { ExtraField, SettingsRow } from './row.ts'

export type ParsedValue =
  | { readonly value: unknown }
  | { readonly problem: string; readonly remedy: string; readonly fallback?: unknown }

/** One value of the file or the environment → the value of Settings. `base` is the file's directory. */
export function parseValue(row: SettingsRow, value: unknown, base: string): ParsedValue {
  switch (row.kind) {
    case 'boolean':
      return typeof value === 'boolean' ? { value } : wrong(value, 'write true or false', false)
    case 'count': {
      const most = row.most ?? 100_000
      return Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= most
        ? { value }
        : wrong(value, `write a whole number from 1 to ${most}`, 1)
    }
    case 'color':
      return typeof value === 'string' && /^(#[0-9a-fA-F]{6})?$/.test(value)
        ? { value }
        : wrong(value, 'write it as "#" and six hexadecimal digits: "#0b6e4f"')
    case 'fields':
      return parseFields(value)
    case 'size': {
      const bytes = typeof value === 'number' ? String(value) : value
      const size = typeof bytes === 'string' ? parseSize(bytes) : undefined
      const remedy = 'write a size such as "100MB" (10^6 bytes each) or "100MiB" (2^20 bytes each)'
      if (size === undefined) return wrong(value, remedy, 0)
      const least = row.least ?? 0
      return size >= least ? { value: size } : wrong(value, `write at least ${least} bytes`, 0)
    }
    case 'duration': {
      const seconds = typeof value === 'string' ? parseDuration(value) : undefined
      const isInRange = seconds !== undefined && seconds >= 60 && seconds <= 31_536_000
      if (isInRange) return { value: seconds }
      return wrong(value, 'write "90s", "30m", "12h", "1d" or "1w"; from a minute to a year', 0)
    }
    case 'mode': {
      const isMode = typeof value === 'string' && /^0?[0-6]{3}$/.test(value)
      const bits = isMode ? Number.parseInt(value, 8) : 0
      if (isMode && (bits & 0o111) === 0 && (bits & 0o400) !== 0) return { value: bits }
      return wrong(value, 'write it in quotes as chmod does, without execute bits: "0640"', 0)
    }
    case 'choice': {
      const choices = row.choices ?? []
      if (typeof value === 'string' && choices.includes(value)) return { value }
      return wrong(value, `write one of ${choices.map((choice) => `"${choice}"`).join(', ')}`)
    }
    case 'extensions': {
      const remedy = 'write a list of extensions without dots in front: ["jpg", "png"]'
      const list = listOfText(value)?.map((entry) =>
        (entry.startsWith('.') ? entry.slice(1) : entry).toLowerCase(),
      )
      // Joined by dots they are an extension of many parts if each of them is one: a list is looked at once.
      const isList = list?.length === 0 || /^[^\s/\\.]+(\.[^\s/\\.]+)*$/.test(list?.join('.') ?? '')
      if (isList) return { value: list }
      return wrong(value, remedy, [])
    }
    case 'origins': {
      const list = listOfText(value)?.map((entry) => entry.toLowerCase().replace(/\/$/, ''))
      if (list?.every((entry) => /^https?:\/\/[^\s/"'<>]+$/.test(entry))) return { value: list }
      return wrong(value, 'write a list of addresses without path: ["https://www.example.org"]', [])
    }
    case 'path':
      return parsePath(row, value, base)
    default: {
      if (typeof value !== 'string') return wrong(value, 'write text in quotes')
      if (row.kind === 'text' || value === '' || isAddress(value)) return { value }
      return wrong(value, 'write an address: "https://www.example.org/files/" or "/files/"')
    }
  }
}

/** A list of tables: `[[extra_fields]]` in TOML, a JSON list in the environment. */
function parseFields(value: unknown): ParsedValue {
  const list = typeof value === 'string' ? parsedJson(value) : value
  const remedy =
    'write [[extra_fields]] and below it name = "email", label = "Your e-mail", ' +
    'type = "text", "email", "select" or "checkbox", required = true, options = ["a", "b"] for a select'
  if (!Array.isArray(list) || list.length > 20) return wrong(value, remedy, [])
  const fields: ExtraField[] = []
  for (const entry of list) {
    const problem = fieldProblem(Object(entry), fields)
    if (problem !== '') return { problem: `extra_fields: ${problem}`, remedy, fallback: [] }
    const { name, label, type = 'text', required = false, options = [] } = entry as ExtraField
    fields.push({ name, label, type, required, options })
  }
  return { value: fields }
}

/** '' when there is none. */
function fieldProblem(entry: Record<string, unknown>, before: readonly ExtraField[]): string {
  const { name, label, type = 'text', required = false, options, ...rest } = entry
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) return `there is no ${unknown} in a field`
  if (typeof name !== 'string' || !/^[a-z][\w-]{0,63}$/i.test(name) || name === 'file') {
    return 'a name is letters, digits, - and _, begins with a letter, and is not "file"'
  }
  if (before.some((field) => field.name === name)) return `two fields are called ${name}`
  if (typeof label !== 'string' || label.trim() === '') return `${name} has no label`
  if (!['text', 'email', 'select', 'checkbox'].some((known) => known === type))
    return `${name} has no such type`
  if (typeof required !== 'boolean') return `${name}: required is true or false`
  const hasOptions = (listOfText(options)?.length ?? 0) > 0
  if (hasOptions !== (type === 'select'))
    return `${name}: options belong to a select, and it needs some`
  return ''
}

function parsedJson(text: string): unknown {
  try {
    return text === '' ? [] : JSON.parse(text)
  } catch {
    return undefined
  }
}

function parsePath(row: SettingsRow, value: unknown, base: string): ParsedValue {
  const remedy = `write it as a whole path: ${row.key} = "/home/me/uploads"`
  if (typeof value !== 'string' || value.includes('\0')) return wrong(value, remedy)
  if (value === '') {
    return row.isRequired ? { problem: `${row.key} is not set`, remedy } : { value }
  }
  if (value.startsWith('~')) return wrong(value, remedy)
  if (!isAbsolute(value) && base === '') return wrong(value, remedy)
  return { value: resolve(base, value) }
}

function wrong(value: unknown, remedy: string, fallback: unknown = ''): ParsedValue {
  const shown = JSON.stringify(value) ?? String(value)
  return { problem: `${shown.slice(0, 80)} does not fit`, remedy, fallback }
}

function listOfText(value: unknown): string[] | undefined {
  if (!Array.isArray(value)) return undefined
  return value.every((entry) => typeof entry === 'string') ? value : undefined
}

/** http(s) or a path on this site; no blanks or control characters, which would end a header. */
function isAddress(text: string): boolean {
  return /^(https?:\/\/[^/]|\/)[!-~]*$/.test(text) && !text.startsWith('//')
}

/** An environment variable has text only; what is no number or claim stays text and fails as such. */
export function fromText(row: SettingsRow, text: string): unknown {
  if (row.kind === 'count') return /^[0-9]+$/.test(text) ? Number(text) : text
  if (row.kind === 'boolean') return booleans.get(text.toLowerCase()) ?? text
  if (row.kind === 'extensions' || row.kind === 'origins') {
    return text
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '')
  }
  return text
}

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
