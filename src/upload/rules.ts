// The owner's rules for one file: how large it may be, and which extensions its name may have. The
// page's script imports this file, so what it uses here needs no API of Node.

import { Fault } from '../fault.ts'
import { formatSize } from '../quantity.ts'

export type SizeRule = {
  /** 0: no limit. */
  readonly maxFileBytes: number
}

/** Lower case, without the leading dot; with dots inside, as in `tar.gz`, if an entry has them. */
export type ExtensionRules = {
  /** Empty: every extension that is not blocked. */
  readonly allowExtensions: readonly string[]
  readonly blockExtensions: readonly string[]
}

/** Throws FILE_TOO_LARGE. `name`: for the detail, where it is not clear which file is meant. */
export function requireFileSize(bytes: number, rule: SizeRule, name = ''): void {
  if (!isTooLarge(bytes, rule)) return
  const limit = `the limit is ${formatSize(rule.maxFileBytes)}`
  throw new Fault('FILE_TOO_LARGE', name === '' ? limit : `${name}: ${limit}`)
}

/** Throws EXTENSION_REFUSED. `name` is one that storedName() made. */
export function requireAllowedExtension(name: string, rules: ExtensionRules): void {
  const { allowExtensions, blockExtensions } = rules
  const refused = refusedExtension(name, allowExtensions, blockExtensions)
  if (refused === undefined) return
  throw new Fault('EXTENSION_REFUSED', `${name}: ${refused || 'no extension'}`)
}

export function isTooLarge(bytes: number, { maxFileBytes }: SizeRule): boolean {
  return maxFileBytes > 0 && bytes > maxFileBytes
}

/**
 * The part of a stored name because of which the lists refuse it, or undefined. `block` is compared
 * with every part between dots, since servers obey inner extensions too (`shell.php.jpg`), and an
 * entry with a dot (`web.config`) with parts side by side. If `allow` is not empty, the name must
 * end in one of its entries; '' is the refused part of a name without extension.
 */
export function refusedExtension(
  name: string,
  allow: readonly string[],
  block: readonly string[],
): string | undefined {
  const parts = name
    .toLowerCase()
    .split('.')
    .map((part) => part.trim())
  const dotted = `.${parts.join('.')}.`
  const blocked = block.find((entry) => dotted.includes(`.${entry}.`))
  if (blocked !== undefined) return blocked
  if (allow.length === 0) return undefined
  const isAllowed = allow.some((entry) => parts.length > 1 && dotted.endsWith(`.${entry}.`))
  return isAllowed ? undefined : parts.length > 1 ? (parts.at(-1) ?? '') : ''
}
