// The kind of the setting `folder`, a template of a path below the upload directory. It refuses
// what is not a relative path, holes that it does not know, and more than 8 folders in each other.

import type { Kind } from './row.ts'
import { wrong } from './value.ts'

/** A part of the name of one folder. */
export type FolderPart =
  | { readonly text: string }
  | { readonly hole: Hole }
  | { readonly field: string }

export type Hole = (typeof holes)[number]

export const folder: Kind<string> = {
  parse: (written) => {
    if (typeof written !== 'string') return wrong(written, 'write text in quotes')
    const problem = folderProblem(written)
    return problem === '' ? { value: written } : { problem: `folder: ${problem}`, remedy }
  },
  fromText: (text) => text,
  show: JSON.stringify,
  fallback: '',
}

/** What is wrong with a template; '' when nothing is. */
export function folderProblem(template: string): string {
  if (template === '') return ''
  const names = template.split('/')
  if (names.length > maxDepth) return `there are more than ${maxDepth} folders in each other`
  if (names.some((name) => name === '')) return 'a folder between two slashes has no name'
  const [unknown] = names.flatMap((name) => name.match(/\{[^{}]*\}/g) ?? []).filter(isUnknown)
  if (unknown !== undefined) return `there is no ${unknown.slice(0, 80)}`
  const text = template.replace(/\{[^{}]*\}/g, '')
  if (/[{}]/.test(text)) return 'a brace has no partner'
  if (/[<>:"\\|?*`$;\p{Cc}]/u.test(text)) return 'a name has a character that files cannot have'
  if (names.some((name) => name.startsWith('.'))) return 'a name begins with a dot'
  return ''
}

/** The parts of the name of each folder. `template`: one without problem. */
export function parseFolder(template: string): readonly (readonly FolderPart[])[] {
  if (template === '') return []
  return template.split('/').map((name) => {
    return name.split(/(\{[^{}]*\})/).flatMap((text) => (text === '' ? [] : [partOf(text)]))
  })
}

/** The fields of the form that a template names. */
export function fieldsOfFolder(template: string): readonly string[] {
  return parseFolder(template).flatMap((parts) => {
    return parts.flatMap((part) => ('field' in part ? [part.field] : []))
  })
}

function partOf(text: string): FolderPart {
  const field = fieldName.exec(text)?.[1]
  if (field !== undefined) return { field }
  const hole = holes.find((name) => text === `{${name}}`)
  return hole === undefined ? { text } : { hole }
}

function isUnknown(text: string): boolean {
  return 'text' in partOf(text)
}

const holes = ['date', 'year', 'month', 'receipt', 'sender'] as const
/** A name with an underscore in front is of the program's own. */
const fieldName = /^\{field:([^_{}\s][^{}]{0,63})\}$/
const maxDepth = 8
const remedy =
  'write a path such as "{date}/{sender}"; in braces there may be date, year, month, ' +
  'receipt, sender, and field:NAME for an answer of the visitor'
