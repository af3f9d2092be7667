// What the page says at once of files that the server would refuse. Called by queue.client.ts. The server decides
// in any case; only empty files are held back here alone, since they are mostly a mistake of the hand.

import { say, size } from './words.client.ts'

export type Limits = {
  readonly fileBytes: number
  readonly files: number
  readonly parallel: number
  readonly pieceBytes: number
  /** With their dots; none: all kinds. */
  readonly kinds: readonly string[]
  readonly blocked: readonly string[]
}

/** Why it will not be sent, '' when it will be. `open`: how many files are chosen already and not done. */
export function refusal(
  file: File,
  open: number,
  { fileBytes, files, kinds, blocked }: Limits,
): string {
  const name = file.name.toLowerCase()
  if (kinds.length > 0 && !kinds.some((kind) => name.endsWith(kind))) return say('refused.kind')
  const parts = name.split('.').slice(1)
  if (blocked.some((kind) => parts.includes(kind))) return say('refused.kind')
  if (file.size > fileBytes) return say('refused.size', { size: size(fileBytes) })
  if (file.size === 0) return say('refused.empty')
  return open >= files ? say('refused.count', { count: files }) : ''
}
