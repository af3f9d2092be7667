// What the files of the queue come to: the stage that the page is in, and sums.

import type { Item } from './item.client.ts'
import { say } from './words.client.ts'

export type Stage = 'choose' | 'ready' | 'sending' | 'done' | 'partly'

export function stageOf(items: readonly Item[], isRunning: boolean): Stage {
  const has = (state: string) => items.some((item) => item.state === state)
  if (isRunning) return 'sending'
  if (has('waiting')) return 'ready'
  if (has('failed')) return 'partly'
  if (has('stored')) return 'done'
  return has('cancelled') ? 'partly' : 'choose'
}

/** How many have arrived of all that were to be sent. */
export function headingOf(items: readonly Item[]): string {
  const numberOf = (state: string) => items.filter((item) => item.state === state).length
  const [stored, count] = [numberOf('stored'), items.length - numberOf('refused')]
  if (stored > 0) return say('result.partly', { stored, count })
  return say(numberOf('failed') > 0 ? 'result.none' : 'queue.cancelled')
}

/** What is sent or can be sent. */
export function counted(items: readonly Item[]): Item[] {
  return items.filter(({ state }) => state !== 'refused' && state !== 'cancelled')
}

export function isStopped({ state }: Item): boolean {
  return state === 'failed' || state === 'cancelled'
}

/** The first of why they stopped, each once. */
export function reasonsOf(items: readonly Item[]): string {
  const reasons = new Set(items.map(({ reason }) => reason).filter((reason) => reason !== ''))
  return [...reasons].slice(0, 3).join(' · ')
}

export type Sums = {
  readonly sentBytes: number
  readonly totalBytes: number
  readonly share: number
}

export function sumsOf(items: readonly Item[]): Sums {
  let [sentBytes, totalBytes] = [0, 0]
  for (const { file, state, sentBytes: sent } of counted(items)) {
    sentBytes += state === 'stored' ? file.size : sent
    totalBytes += file.size
  }
  return { sentBytes, totalBytes, share: totalBytes > 0 ? sentBytes / totalBytes : 0 }
}
