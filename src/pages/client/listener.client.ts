// What the sender of a file tells while it is at work.

import type { Stored } from './reply.client.ts'

/**
 * Why the next try comes later: the connection broke (`again`), the server still receives what was
 * sent before (`busy`), or cannot take it at the moment.
 */
export type Delay = 'again' | 'busy' | 'later'

export type Listener = {
  /** Bytes that left the browser, and bytes that the server has confirmed as stored. */
  sent(bytes: number, safeBytes: number): void
  /** All bytes have left the browser; the server is storing the file. */
  storing(): void
  /** The next try comes in `seconds`. */
  waiting(seconds: number, why: Delay): void
  stored(file: Stored): void
  /** `concernsAll`: the server would say the same of every other file. */
  failed(reason: string, concernsAll: boolean): void
}
