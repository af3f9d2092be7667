// The files that will not be sent, in a group of their own. One sentence counts them; screen
// readers hear of those that are new why.

import { type Item, part } from './item.client.ts'
import { say } from './words.client.ts'

/** `problem`: read aloud when it changes. */
export function tellRefused(
  problem: HTMLElement,
  items: readonly Item[],
  added: readonly Item[] = [],
): void {
  const count = items.filter(({ state }) => state === 'refused').length
  problem.textContent = count > 0 ? say('refused.sum', { count }) : ''
  if (added.length === 0) return
  const reasons = added.slice(0, mostReasons).map(({ path, reason }) => `${path}: ${reason}`)
  problem.append(part('span', 'unseen', `. ${reasons.join('. ')}`))
}

/** More than these nobody listens to; the list has all. */
const mostReasons = 5
