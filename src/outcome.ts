// What became of a request that was not refused: told to the reply, to the log and to the page.

export type StoredFile = {
  /** The form field it came in. */
  readonly field: string
  /** As the client called it. */
  readonly name: string
  /** As it is called in the directory. */
  readonly stored: string
  readonly size: number
  /** What the client said it is; never to be trusted. */
  readonly type: string
  /** In hex; undefined when `checksum` is none. */
  readonly sha256: string | undefined
}

export type Field = { readonly name: string; readonly value: string }

/** The same on the page, in the JSON, in the text and in the log. */
export type Stored = {
  readonly id: string
  /** ISO 8601, UTC. */
  readonly time: string
  readonly files: readonly StoredFile[]
  readonly fields: readonly Field[]
}

/** How far an upload in pieces is. */
export type Progress = {
  readonly upload: string
  /** How much of it is safely there, in bytes. */
  readonly offset: number
  readonly size: number
  /** Of one that is finished now. */
  readonly pieces?: number
  readonly seconds?: number
}

/** What became of a request that was not refused; nothing at all of an upload that was cancelled. */
export type Outcome = { readonly receipt?: Stored; readonly partial?: Progress }

/**
 * Makes the reply, while all can still be taken back: should it throw, nothing is stored. `reply`: instead of
 * the one that the outcome has by itself.
 */
export type MakeReply<Result> = (outcome: Outcome, reply?: Result) => Result

/** The address of a stored file; undefined without `public_url`. */
export function fileUrl(
  { publicUrl }: { readonly publicUrl: string },
  file: StoredFile,
): string | undefined {
  if (publicUrl === '') return undefined
  return `${publicUrl.replace(/\/$/, '')}/${encodeURIComponent(file.stored)}`
}
