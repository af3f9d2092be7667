// The seam to app: the type of whatever receives the body of a request (form.ts, tus/body.ts), what
// it asks app before a file is received, and the outcome of an upload in pieces that has become a
// file.

import type { Reply } from '../http/reply.ts'
import type { Sender } from '../http/sender.ts'
import {
  type Answer,
  type Field,
  type MakeReply,
  pathBelow,
  type Receipt,
  type Stored,
  type StoredFile,
} from '../outcome.ts'
import type { Appending, Beginning, Draft, Known, Origin } from '../storage/storage.ts'
import { shortened } from './kept-fields.ts'

/** Where a body comes from. */
export type Source = {
  /** How long the body is; Infinity when that is not announced. */
  readonly bodyBytes: number
  readonly admit: Admit
  readonly close: Close
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
  /** The id of the upload in pieces; '' for what comes whole. */
  readonly upload: string
  /** A piece of an upload that was admitted when it began: whoever knows its id may send it. */
  readonly isResumed: boolean
  /** False for a form that has ended without a file. */
  readonly hasFile: boolean
}

export type Admission = {
  /** Whose limits count. */
  readonly sender: Sender
  /** The submission that it belongs to, and where its files go. */
  readonly origin: Origin
  /** Where the files of its earlier requests are stored, as PendingFile has a place. */
  placesBefore(): readonly string[]
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
  /**
   * A new upload in pieces is about to be created. It counts with all that it announces, however
   * far it comes.
   */
  begin(upload: string, bytes: number): void
  /** The files are stored, or the upload is created. Never throws. */
  done(): void
  /** Nothing was stored: nothing counts. Never throws. */
  undo(): void
}

/** A visitor has finished. Throws NO_SUCH_SUBMISSION. */
export type Close = (own: Fields['own']) => Receipt

/** Fields of a form that the program itself understands, beside those of a piece. */
export const ownFieldNames: ReadonlySet<string> = new Set([
  '_submission',
  '_close',
  '_passphrase',
  '_invite',
  '_website',
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

/** How an upload in pieces of so many bytes begins; what is not created does not count. */
export function beginningOf(
  { sender, charge }: Admission,
  upload: string,
  bytes: number,
  isWhole: boolean,
): Beginning {
  return {
    sender,
    isWhole,
    charged(create) {
      try {
        charge?.begin(upload, bytes)
        const created = create()
        charge?.done()
        return created
      } catch (error) {
        charge?.undo()
        throw error
      }
    },
  }
}

/** What the request that brings the last bytes of an upload in pieces adds to it. */
export type Ending = {
  /** The id of the request. */
  readonly id: string
  readonly origin: Origin
  readonly fields: readonly Field[]
  readonly answers: readonly Answer[]
}

/** Stores the file of an upload in pieces. `replyOf`: what is replied, if not the usual reply. */
export function finish<Result>(
  append: Appending,
  { id, origin: ending, fields, answers }: Ending,
  accept: MakeReply<Result, Reply>,
  replyOf?: (stored: Stored) => Reply,
): Result {
  const { id: upload, header } = append
  const { size, metadata, folder } = header
  // Where it goes was decided when it began.
  const origin = { ...ending, folder: folder === '' ? [] : folder.split('/') }
  const time = new Date().toISOString()
  const files = ({ sha256 }: Known, stored: string): readonly StoredFile[] => {
    const field = shortened(header.field, 1)
    const name = shortened(header.name, 1)
    return [{ field, name, stored, size, type: shortened(header.type, 1), sha256 }]
  }
  const draft = (known: Known): Draft => {
    return { origin, id, time, answers, files: files(known, ''), metadata }
  }
  return append.finish(draft, (finished) => {
    const { pieces, seconds } = finished
    const { receipt } = origin
    const place = pathBelow(folder, finished.place)
    const stored = { id, receipt, time, folder, files: files(finished, place), fields }
    const partial = { upload, offset: size, size, pieces, seconds }
    return accept({ stored, storedNow: true, partial }, replyOf?.(stored))
  })
}
