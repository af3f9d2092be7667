// The seam to app: the type of whatever receives the body of a request (form.ts, tus/body.ts), what
// it asks app before a file is received, and the outcome of an upload in pieces that has become a
// file.

import type { Reply } from '../http/reply.ts'
import type { Sender } from '../http/sender.ts'
import { type Field, type MakeReply, type Outcome, pathBelow } from '../outcome.ts'
import type { Appending, Finished } from '../storage/storage.ts'
import { shortened } from './kept-fields.ts'

/** Where a body comes from. */
export type Source = {
  /** How long the body is; Infinity when that is not announced. */
  readonly bodyBytes: number
  readonly admit: Admit
}

/**
 * Asks whether the sender may store what follows, and where: once a request, before its first file
 * is received, or at the end of a form that has none. Throws the Fault of a guard.
 */
export type Admit = (fields: Fields) => Admission

/** The text that came before the first file. */
export type Fields = {
  /** The program's own fields, by name (see ownFieldNames). They are kept and told nowhere. */
  readonly own: ReadonlyMap<string, string>
  /** All others, in their order. The last one of a name is the answer. */
  readonly others: readonly Field[]
  /** A piece of an upload that was admitted when it began: whoever knows its id may send it. */
  readonly isResumed: boolean
}

export type Admission = {
  /** Whose limits count. */
  readonly sender: Sender
  /** Where the files go: the components of a path below the directory. */
  readonly folder: readonly string[]
  /** What counts for the limits; undefined where none is set. */
  readonly charge?: Charge
  /** The reply to a form without a file, when that is all that it is about. */
  readonly reply?: Reply
}

/**
 * One upload as the limits count it. Each of the first three throws SENDER_LIMIT, INVITATION_ENDED
 * or TOTAL_LIMIT, and then nothing more counts than before.
 */
export type Charge = {
  /** A form is about to be received: at most so many bytes, 0 where that is not announced. */
  hold(bytes: number): void
  /** The files of a form are received: what they are counts from now on. */
  settle(amount: { readonly bytes: number; readonly files: number }): void
  /** An upload in pieces begins. It counts with all that it announces, however far it comes. */
  begin(upload: string, bytes: number): void
  /** The files are stored. Never throws. */
  done(): void
  /** Nothing was stored: nothing counts. Never throws. */
  undo(): void
}

/** Fields of a form that the program itself understands, beside those of a piece. */
export const ownFieldNames: ReadonlySet<string> = new Set([
  '_submission',
  '_close',
  '_passphrase',
  '_invite',
])

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

/** Begins an upload in pieces; what does not begin does not count. */
export function charged<Result>(
  charge: Charge | undefined,
  upload: string,
  bytes: number,
  begin: () => Result,
): Result {
  charge?.begin(upload, bytes)
  try {
    return begin()
  } catch (error) {
    charge?.undo()
    throw error
  }
}

/** `id`: the id of the request that brought the last bytes. */
export function finishedOutcome(
  { id: upload, header }: Appending,
  { place, sha256, pieces, seconds }: Finished,
  id: string,
  fields: readonly Field[],
): Required<Outcome> {
  const { size, folder } = header
  const stored = pathBelow(folder, place)
  const field = shortened(header.field, 1)
  const name = shortened(header.name, 1)
  const type = shortened(header.type, 1)
  const files = [{ field, name, stored, size, type, sha256 }]
  return {
    stored: { id, time: new Date().toISOString(), folder, files, fields },
    storedNow: true,
    partial: { upload, offset: size, size, pieces, seconds },
  }
}
