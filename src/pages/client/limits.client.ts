// What the page refuses at once: exactly what the server would refuse, by the same rules and by the
// name that the server would store. The server decides in any case. The page alone holds back empty
// files, since somebody mostly chose them by mistake. Uses nothing of a browser, so tests call it
// in Node.

import { storedName } from '../../storage/filename.ts'
import { type ExtensionRules, isTooLarge, refusedExtension } from '../../upload/rules.ts'

export type Limits = ExtensionRules & {
  /** 0: no limit. */
  readonly maxFileBytes: number
  readonly maxFiles: number
}

export type Refusal = 'kind' | 'size' | 'empty' | 'count'

/**
 * Why a file will not be sent, '' if it will. `open`: how many other files are chosen and not done.
 */
export function refusal(
  { name, size }: { readonly name: string; readonly size: number },
  open: number,
  limits: Limits,
): Refusal | '' {
  const stored = storedName(sentName(name))
  const { allowExtensions, blockExtensions } = limits
  if (refusedExtension(stored, allowExtensions, blockExtensions) !== undefined) return 'kind'
  if (isTooLarge(size, limits)) return 'size'
  if (size === 0) return 'empty'
  return open >= limits.maxFiles ? 'count' : ''
}

/** The name as it is sent: half a surrogate pair has no UTF-8. */
export function sentName(name: string): string {
  return name.replace(/\p{Cs}/gu, '\ufffd')
}
