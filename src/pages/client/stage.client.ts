// What the files of the queue come to: the stage that the page is in, and sums.

import type { Item } from './item.client.ts'

export type Stage = 'choose' | 'ready' | 'sending' | 'done' | 'partly'

export function stageOf(items: readonly Item[], isRunning: boolean): Stage {
  const has = (state: string) => items.some((item) => item.state === state)
  if (isRunning) return 'sending'
  if (has('waiting')) return 'ready'
  if (has('failed')) return 'partly'
  if (has('stored')) return 'done'
  return has('cancelled') ? 'partly' : 'choose'
}

/** What is sent or can be sent. */
export function counted(items: readonly Item[]): Item[] {
  return items.filter(({ state }) => state !== 'refused' && state !== 'cancelled')
}

export function isStopped({ state }: Item): boolean {
  return state === 'failed' || state === 'cancelled'
}

export function bytesOf(items: readonly Item[]): { sentBytes: number; totalBytes: number } {
  let [sentBytes, totalBytes] = [0, 0]
  for (const { file, state, sentBytes: sent } of counted(items)) {
    sentBytes += state === 'stored' ? file.size : sent
    totalBytes += file.size
  }
  return { sentBytes, totalBytes }
}
