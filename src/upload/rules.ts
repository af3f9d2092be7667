// The owner's rules for one file: how large it may be, and which extensions its name may have. The
// server and the page's script judge by these same functions, so this file imports nothing and uses
// nothing of Node. refusal.ts turns their answers into Faults.

export type SizeRule = {
  /** In bytes; 0 for no limit. */
  readonly maxFileBytes: number
}

/**
 * Extensions in lower case, without the leading dot. An entry may contain dots, as `tar.gz` does.
 */
export type ExtensionRules = {
  /** If empty, every extension is allowed that is not blocked. */
  readonly allowExtensions: readonly string[]
  readonly blockExtensions: readonly string[]
}

export function isTooLarge(bytes: number, { maxFileBytes }: SizeRule): boolean {
  return maxFileBytes > 0 && bytes > maxFileBytes
}

/**
 * The part of a stored name that the lists refuse, or undefined. `block` is compared with every
 * part between dots, since servers obey inner extensions too (`shell.php.jpg`); an entry with a dot
 * (`web.config`) is compared with neighbouring parts. If `allow` is not empty, the name must end in
 * one of its entries; for a name without extension the refused part is ''.
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
