// What became of a request that was not refused. The reply, the pages and the log are made from it.

export type StoredFile = {
  /** The form field it came in. */
  readonly field: string
  /** As the client called it. */
  readonly name: string
  /** As it is called in the owner's folder: a path, if it is in folders there. */
  readonly stored: string
  readonly size: number
  /** What the client said it is; never to be trusted. */
  readonly type: string
  /** In hex; undefined when `checksum` is none. */
  readonly sha256: string | undefined
}

/** Who sent it. What the owner does not want to know, or nobody knows, is left out. */
export type SenderText = {
  readonly invitation?: string
  readonly user?: string
  /** As `log_address` says; a visitor never gets it. */
  readonly address?: string
}

/** What a visitor wrote into a field of the form. `label`: as the form shows the field. */
export type Answer = { readonly name: string; readonly label: string; readonly value: string }

/** A file as a record tells of it. */
export type RecordedFile = Omit<StoredFile, 'field'> & {
  /** Only with `public_url`. */
  readonly url?: string
}

/**
 * What the owner is told of at once. A submission is one batch, and another one for what comes
 * after it was closed. The same shape in every place that tells of it.
 */
export type Batch = {
  /** The number of the submission, for people: `7F3K-92QD-M4`. */
  readonly receipt: string
  /** From 1. */
  readonly batch: number
  /** ISO 8601, UTC. */
  readonly time: string
  readonly sender: SenderText
  readonly answers: readonly Answer[]
  readonly files: readonly RecordedFile[]
}

/**
 * What is stored of a submission so far, in the shape of a batch: `batch` and `time` are those of
 * its last batch, 0 and its beginning before there is one.
 */
export type Receipt = Batch

export type Field = { readonly name: string; readonly value: string }

/** The same on the page, in the JSON, in the text and in the log. */
export type Stored = {
  readonly id: string
  /** The number of its submission, for people. */
  readonly receipt: string
  /** ISO 8601, UTC. */
  readonly time: string
  /** The owner's folder for all of it, which no visitor is told; '' for the directory itself. */
  readonly folder: string
  readonly files: readonly StoredFile[]
  readonly fields: readonly Field[]
}

/** How far an upload in pieces is. */
export type Progress = {
  readonly upload: string
  /** Bytes that are safe. */
  readonly offset: number
  readonly size: number
  /** Requests it took, and seconds between the first and the last: of an upload that ends now. */
  readonly pieces?: number
  readonly seconds?: number
}

/** Of an upload that was cancelled, nothing is stored and nothing is left. */
export type Outcome = {
  readonly stored?: Stored
  /**
   * False when it was stored before and a lost reply is only repeated: then it is logged no more.
   */
  readonly storedNow: boolean
  readonly partial?: Progress
  /** What a visitor who has finished is told. */
  readonly closed?: Receipt
  /** A bot sent it: it is answered as usual, and nothing of it is kept. */
  readonly isDropped?: boolean
}

/**
 * Builds the reply while the upload can still be undone: if it throws, nothing is stored. `reply`
 * overrides the usual reply for this outcome.
 */
export type MakeReply<Result, Reply> = (outcome: Outcome, reply?: Reply) => Result

/** The address of a stored file; undefined without `public_url`. */
export function fileUrl(
  { publicUrl }: { readonly publicUrl: string },
  stored: Pick<Stored, 'folder'>,
  file: Pick<StoredFile, 'stored'>,
): string | undefined {
  if (publicUrl === '') return undefined
  return `${publicUrl.replace(/\/$/, '')}/${encodedPath(wholePath(stored, file))}`
}

/** The path of a file from the upload directory on. */
export function wholePath(
  { folder }: Pick<Stored, 'folder'>,
  { stored }: Pick<StoredFile, 'stored'>,
): string {
  return folder === '' ? stored : `${folder}/${stored}`
}

/** The path below the owner's folder, of one from the upload directory on. */
export function pathBelow(folder: string, place: string): string {
  return folder === '' ? place : place.slice(folder.length + 1)
}

/** Each name of a path, but not the slashes between them. */
export function encodedPath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}
