// The kind of the setting `extra_fields`: a list of tables, `[[extra_fields]]` in TOML and a JSON
// list in the environment. Refuses more than 20 fields, an entry that it does not know, and a name
// that is given twice.

import type { ExtraField, FieldType, Kind, Parsed } from './row.ts'
import { listOfText, wrong } from './value.ts'

export const extraFields: Kind<readonly ExtraField[]> = {
  parse: parseFields,
  fromText: (text) => text,
  show: JSON.stringify,
  fallback: [],
  isTables: true,
}

function parseFields(written: unknown): Parsed<readonly ExtraField[]> {
  const list = typeof written === 'string' ? parsedJson(written) : written
  if (!Array.isArray(list) || list.length > 20) return wrong(written, remedy)
  const fields: ExtraField[] = []
  for (const entry of list) {
    const problem = fieldProblem(Object(entry), fields)
    if (problem !== '') return { problem: `extra_fields: ${problem}`, remedy }
    const { name, label, type = 'text', required = false, options = [] } = entry as ExtraField
    fields.push({ name, label, type, required, options })
  }
  return { value: fields }
}

/** '' when the entry is a field that may follow those in `before`. */
function fieldProblem(entry: Record<string, unknown>, before: readonly ExtraField[]): string {
  const { name, label, type = 'text', required = false, options, ...rest } = entry
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) return `there is no ${unknown} in a field`
  if (typeof name !== 'string' || !/^[a-z][\w-]{0,63}$/i.test(name) || name === 'file') {
    return 'a name is letters, digits, - and _, begins with a letter, and is not "file"'
  }
  if (before.some((field) => field.name === name)) return `two fields are called ${name}`
  if (typeof label !== 'string' || label.trim() === '') return `${name} has no label`
  if (!types.some((known) => known === type)) {
    return `${name} has no such type: it is one of ${types.join(', ')}`
  }
  if (typeof required !== 'boolean') return `${name}: required is true or false`
  const offered = listOfText(options) ?? []
  if (offered.length > 0 !== (type === 'select')) {
    return `${name}: options belong to a select, and it needs some`
  }
  if (offered.some((option) => option.trim() === '')) return `${name} has an empty option`
  const twice = offered.find((option, i) => offered.indexOf(option) !== i)
  return twice === undefined ? '' : `${name} has the option "${twice}" twice`
}

function parsedJson(text: string): unknown {
  try {
    return text === '' ? [] : JSON.parse(text)
  } catch {
    return undefined
  }
}

const types: readonly FieldType[] = [
  'text',
  'email',
  'textarea',
  'number',
  'date',
  'select',
  'checkbox',
]
const remedy =
  'write [[extra_fields]] and below it name = "email", label = "Your e-mail", type = "text", ' +
  '"email", "textarea", "number", "date", "select" or "checkbox", required = true, ' +
  'options = ["a", "b"] for a select'
