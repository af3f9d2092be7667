// Refuses a file that the owner's rules (rules.ts) do not allow, with a Fault for its sender.

import { Fault } from '../fault.ts'
import { formatSize } from '../quantity.ts'
import { type ExtensionRules, isTooLarge, refusedExtension, type SizeRule } from './rules.ts'

/** Throws FILE_TOO_LARGE. `name`: told to the sender where the request may have other files. */
export function requireFileSize(bytes: number, rule: SizeRule, name = ''): void {
  if (!isTooLarge(bytes, rule)) return
  const limit = `the limit is ${formatSize(rule.maxFileBytes)}`
  throw new Fault('FILE_TOO_LARGE', name === '' ? limit : `${name}: ${limit}`)
}

/** Throws EXTENSION_REFUSED. `name`: as storedName() returns it. */
export function requireAllowedExtension(name: string, rules: ExtensionRules): void {
  const { allowExtensions, blockExtensions } = rules
  const refused = refusedExtension(name, allowExtensions, blockExtensions)
  if (refused === undefined) return
  throw new Fault('EXTENSION_REFUSED', `${name}: ${refused || 'no extension'}`)
}
