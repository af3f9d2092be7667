// The seam to app: the type of whatever receives the body of a request (form.ts, tus/body.ts), and
// the outcome of an upload in pieces that has become a file.

import type { Reply } from '../http/reply.ts'
import type { Sender } from '../http/sender.ts'
import type { Field, MakeReply, Outcome } from '../outcome.ts'
import type { Appending, Finished } from '../storage/storage.ts'
import { shortened } from './kept-fields.ts'

/** Where a body comes from. */
export type Source = {
  readonly sender: Sender
  /** How long the body is; Infinity when that is not announced. */
  readonly bodyBytes: number
}

/** Call write() and then end(); after a Fault, abort(). */
export type Receiver = {
  /** The bytes are valid only during the call. */
  write(chunk: Buffer): void
  /** The body is over: stores what arrived and returns what `accept` returns, or throws. */
  end<Result>(accept: MakeReply<Result, Reply>): Result
  /** Characters that the reply repeats of what was sent: how much memory it may take. */
  readonly echoedText: number
  /** Removes what cannot be resumed. */
  abort(): void
}

/** `id`: the id of the request that brought the last bytes. */
export function finishedOutcome(
  { id: upload, header }: Appending,
  { name: stored, sha256, pieces, seconds }: Finished,
  id: string,
  fields: readonly Field[],
): Required<Outcome> {
  const { size } = header
  const field = shortened(header.field, 1)
  const name = shortened(header.name, 1)
  const type = shortened(header.type, 1)
  const files = [{ field, name, stored, size, type, sha256 }]
  return {
    stored: { id, time: new Date().toISOString(), files, fields },
    storedNow: true,
    partial: { upload, offset: size, size, pieces, seconds },
  }
}
