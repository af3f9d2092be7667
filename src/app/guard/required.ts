// Refuses the post of a browser in which a field is empty that the owner requires. The page insists
// on it too, but not every browser obeys. Programs may leave it out.

import { Fault } from '../../fault.ts'
import type { CgiRequest } from '../../http/request.ts'
import type { Field } from '../../outcome.ts'
import type { Settings } from '../../settings/settings.ts'

/** Throws FIELD_REQUIRED. `fields`: all that came before the first file. */
export function requireAnswers(
  fields: readonly Field[],
  { origin, fetchSite }: CgiRequest,
  { extraFields }: Settings,
): void {
  // Browsers send one of them with every post, and nothing else does unasked.
  if (origin === '' && fetchSite === '') return
  for (const { name, label, required } of extraFields) {
    if (!required) continue
    const answer = fields.findLast((field) => field.name === name)?.value ?? ''
    if (answer.trim() === '') throw fieldRequiredFault(label, name)
  }
}

/** `label`: what visitors call the field. `name`: what requests call it. */
export function fieldRequiredFault(label: string, name: string): Fault {
  const detail = `the field ${name}, before the first file`
  return new Fault('FIELD_REQUIRED', detail, undefined, { holes: { label } })
}
