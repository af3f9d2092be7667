// Where the owner wants the files of one visitor: fills the template of the setting `folder`. Each
// value becomes a part of one name, whatever it holds, and an empty one is left out. A field that
// the template names must be there: FIELD_REQUIRED.

import type { Field } from '../outcome.ts'
import { type FolderPart, parseFolder } from '../settings/folder.ts'
import type { Settings } from '../settings/settings.ts'
import { storedName, withoutSlashes } from '../storage/filename.ts'
import { fieldRequiredFault } from './guard/required.ts'

/** What fills the holes. */
export type Arrival = {
  readonly time: Date
  /** The name of the invitation or of the user; '' where there is neither. */
  readonly sender: string
  /** The number of the submission. */
  readonly receipt: string
  /** The last one of a name counts. */
  readonly fields: readonly Field[]
}

/** The names of the folders, from the upload directory on. */
export function destinationOf(
  template: string,
  { extraFields }: Pick<Settings, 'extraFields'>,
  arrival: Arrival,
): readonly string[] {
  const labelOf = (name: string) => extraFields.find((field) => field.name === name)?.label ?? name
  const folders = parseFolder(template).map((parts) => {
    const values = parts.map((part) => {
      const value = filling(part, arrival, labelOf)
      return 'text' in part || folderName(value) !== '' ? value : ''
    })
    // A name of which all that is variable is empty says nothing.
    const isSaid = parts.some((part, i) => values[i] !== '' && !('text' in part))
    const isFixed = parts.every((part) => 'text' in part)
    return isSaid || isFixed ? folderName(values.join('')) : ''
  })
  return folders.filter((name) => name !== '')
}

function filling(part: FolderPart, arrival: Arrival, labelOf: (name: string) => string): string {
  if ('text' in part) return part.text
  if ('field' in part) {
    const field = arrival.fields.findLast(({ name }) => name === part.field)
    if (field === undefined) throw fieldRequiredFault(labelOf(part.field), part.field)
    return withoutSlashes(field.value)
  }
  const { time } = arrival
  const month = String(time.getMonth() + 1).padStart(2, '0')
  switch (part.hole) {
    case 'date':
      return `${time.getFullYear()}-${month}-${String(time.getDate()).padStart(2, '0')}`
    case 'year':
      return String(time.getFullYear())
    case 'month':
      return month
    case 'receipt':
      return arrival.receipt
    case 'sender':
      return withoutSlashes(arrival.sender)
  }
}

/** '' where nothing is left of it that a name may have. */
function folderName(text: string): string {
  const name = storedName(text)
  return name === 'upload' && text.toLowerCase() !== 'upload' ? '' : name
}
