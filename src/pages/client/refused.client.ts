// The files that will not be sent, and why, in a group of their own. One sentence counts them;
// screen readers hear of those that are new why.

import { type Chosen, isSystemFile } from './chosen.client.ts'
import { part } from './element.client.ts'
import type { Item } from './item.client.ts'
import { type Limits, type Refusal, refusal } from './limits.client.ts'
import { counted } from './stage.client.ts'
import { say } from './words.client.ts'

/** '' if the file can be sent along with the others; 'system' of what is left out unseen. */
export function refusalOf(
  { file, path, isUnreadable }: Chosen,
  items: readonly Item[],
  limits: Limits,
): Refusal | 'system' | 'unreadable' | 'twice' | '' {
  if (isSystemFile(path)) return 'system'
  if (isUnreadable) return 'unreadable'
  const others = counted(items)
  const isTwice = others.some((item) => {
    const { size, lastModified } = item.file
    return item.path === path && size === file.size && lastModified === file.lastModified
  })
  return isTwice ? 'twice' : refusal(file, others.length, limits)
}

/** `problem`: read aloud when it changes. `list`: of their lines. */
export function tellRefused(
  { problem, list }: { readonly problem: HTMLElement; readonly list: HTMLElement },
  items: readonly Item[],
  added: readonly Item[],
): void {
  const count = items.filter(({ state }) => state === 'refused').length
  const sum = count > 0 ? say('refused.sum', { count }) : ''
  list.ariaLabel = problem.textContent = sum
  if (added.length === 0) return
  const reasons = added.slice(0, mostReasons).map(({ path, reason }) => `${path}: ${reason}`)
  problem.append(part('span', 'unseen', `. ${reasons.join('. ')}`))
}

/** More than these nobody listens to; the list has all. */
const mostReasons = 5
