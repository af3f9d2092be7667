// The seam of this room, types alone: all that the rooms above know of files. An implementation has
// one directory, on a local disk or on a distributed file system, which any number of processes
// share. No path crosses the seam: callers hold the files that create() and `unfinished` return.

import type { Finding } from '../finding.ts'
import type { Answer, SenderText, Stored, StoredFile } from '../outcome.ts'

export type Storage = {
  /** Throws DISK_FULL unless `min_free_space` is still free after `bytes` more. */
  requireSpace(bytes: number): void
  /**
   * Throws NAME_TAKEN before a file is received in vain: when something is in the way of its
   * folders, and with `on_conflict = "reject"`.
   */
  requireFreeName(place: string): void
  /** Whether the place is that of a folder, which no file needs to make. */
  hasFolder(place: string): boolean
  /** Creates a file to receive bytes. */
  create(place: string): PendingFile
  /**
   * Makes ended files visible and durable: all of them or none, and notes what `draft` says of
   * them. `accept` gets the places at which they are stored, in the order of `files`; commit()
   * returns its result. If it throws, everything is taken back. Once it has returned, the record
   * has what was stored. Without files, the answers alone are stored; without a draft, nothing is
   * noted.
   */
  commit<Result>(
    files: readonly PendingFile[],
    draft: Draft | undefined,
    accept: (stored: readonly string[]) => Result,
  ): Result
  /** Whether a plain file with exactly these bytes is there, with no symlink in the way. */
  holds(place: string, bytes: Uint8Array): boolean
  /** Whether the file is still what was stored, by size and time, with no symlink in the way. */
  isUnchanged(file: StoredAt): boolean
  /** Removes the file if it is unchanged. False when it is not. */
  remove(file: StoredAt): boolean
  /** Removes what killed processes and abandoned uploads left. At most once a request. */
  sweep(): void
  /** Counts what is there, which takes time with many files. */
  total(): Total
  /**
   * A name in [0-9a-z] of this machine until it restarts, where others may share the directory: of
   * two machines the clocks differ. Otherwise ''.
   */
  machine(): string
  readonly unfinished: Unfinished
  readonly notes: Notes
  readonly entries: Entries
}

/** `uploads`: the unfinished ones that are in it, as Notes.nameOf() names their ids. */
export type Total = Readonly<{ bytes: number; files: number; uploads: ReadonlySet<string> }>

/**
 * Small things that must survive. A key is one or more segments of [0-9a-z-], joined by `/`. A note
 * is created whole or not at all, and never rewritten. All but create() may be told of a key that
 * is not there.
 */
export type Notes = {
  /** 32 hex digits that stand for an id in keys, and that nobody can compute who knows the id. */
  nameOf(id: string): string
  /** As nameOf(), where something has such a name: undefined while nothing was ever received. */
  findName(id: string): string | undefined
  /** Whether this process has made a folder for keys: usually it is the first one of a day. */
  hasNewFolder(): boolean
  /** The one exclusive operation: false when it is there. Without `content`, it is never read. */
  create(key: string, content?: Uint8Array): boolean
  /** Whoever acts on a note syncs it first, whoever made it. */
  sync(...keys: readonly string[]): void
  /** Undefined unless it is there and whole. */
  read(key: string): Uint8Array | undefined
  isThere(key: string): boolean
  /** The last segments of the keys under `prefix`, at most so many. */
  list(prefix: string, atMost: number): readonly string[]
  /** Of a folder: only one that is empty. */
  remove(key: string): void
}

/** What requests have stored, as it is noted of each of them. */
export type Entries = {
  /** What is open or untold, in no order. */
  list(): readonly EntryName[]
  /** Undefined unless it is there and whole. */
  read(name: string): Entry | undefined
  /** What was stored in the end, or that nothing was; undefined as long as it is open. Synced. */
  verdict(entry: Entry): Entry | 'undone' | undefined
  /** As verdict(), of each; their folders are synced once. */
  verdicts(entries: readonly Entry[]): readonly (Entry | 'undone' | undefined)[]
  /**
   * Decides for a request that is dead: stored, if all of its files are visible. Otherwise it takes
   * back those that are. False for one that is not surely dead.
   */
  resolve(name: EntryName): boolean
  /** Nothing more is to be done for it. */
  remove(name: string): void
}

export type EntryName = {
  readonly name: string
  /** The minute in which its request stored it, in ms since 1970. */
  readonly startedAt: number
  /** '' for a submission of its own. */
  readonly submission: string
  /** What the key of its verdict has in common with no other. */
  readonly base: string
}

export type Entry = Omit<Origin, 'isToldAtOnce'> & {
  /** The key of its verdict. */
  readonly verdict: string
  /** The id of the request. */
  readonly id: string
  /** ISO 8601, UTC. */
  readonly time: string
  readonly answers: readonly Answer[]
  readonly files: readonly EntryFile[]
  readonly metadata: string
}

/** `mark`: the inode, which finds the file again whatever its name. */
export type EntryFile = StoredFile & { readonly mark: string; readonly modifiedAt: number }

/** A file that was stored. `modifiedAt`: in ms since 1970, as it was then. */
export type StoredAt = {
  /** From the directory on, as PendingFile has a place. */
  readonly stored: string
  readonly size: number
  readonly modifiedAt: number
}

/** What is known of a request before its files have their names. */
export type Draft = {
  readonly origin: Origin
  /** The id of the request. */
  readonly id: string
  /** ISO 8601, UTC. */
  readonly time: string
  readonly answers: readonly Answer[]
  /** In the order of the files of commit(); where they are stored is not known. */
  readonly files: readonly StoredFile[]
  /** tus: Upload-Metadata as sent. */
  readonly metadata?: string
}

/** The submission that a request belongs to. */
export type Origin = {
  /** Its key in the notes. */
  readonly submission: string
  /** When it began, as in `2026-11-28`: its batches are noted under that day. */
  readonly day: string
  /** What the request stores is all of it: its entry is its only batch. */
  readonly isWhole: boolean
  /** There is nobody to tell of it. */
  readonly isToldAtOnce: boolean
  /** Its number, for people. */
  readonly receipt: string
  readonly sender: SenderText
  /** The owner's folder for its files: the names of a path from the directory on. */
  readonly folder: readonly string[]
}

/** The storage as `check` opens it: it also reports its findings. */
export type InspectedStorage = Storage & { findings(): readonly Finding[] }

/** A file of one request. Call write() and end(), then Storage.commit(); or discard(). */
export type PendingFile = {
  /**
   * Where it should be stored: names as storedName() makes them, joined by slashes, folders first.
   */
  readonly place: string
  /** The bytes written so far. */
  readonly size: number
  /**
   * Accepts all of it. Throws DISK_FULL or DIRECTORY_UNUSABLE. The buffer may be reused afterwards.
   */
  write(bytes: Buffer): void
  /** The file is whole: sets its mode, makes it durable, closes it. */
  end(): void
  /** Removes what was received. Never throws. */
  discard(): void
}

/** Uploads in pieces. An id is 32 hexadecimal digits and a secret. */
export type Unfinished = {
  /** The state of an upload; claims nothing. Throws NO_SUCH_UPLOAD. */
  status(id: string): UploadStatus
  /** Throws UPLOAD_BUSY while a sender is active; claims nothing. */
  requireSettled(id: string): void
  /** What was stored of an upload that is finished; undefined for any other id. */
  stored(id: string): Stored | undefined
  /**
   * Starts an upload. If an upload with this id exists, returns that one; the caller checks that it
   * is the same file. Throws TOO_MANY_UPLOADS, UPLOAD_BUSY, DISK_FULL and NAME_TAKEN, what
   * Beginning.charged() throws, and NO_SUCH_UPLOAD for an id whose file is already stored.
   */
  begin(id: string, header: UploadHeader, beginning: Beginning): Appending
  /**
   * Resumes an upload. Throws UPLOAD_BUSY, and NO_SUCH_UPLOAD, also when its file is already
   * stored.
   */
  claim(id: string): Appending
  /** Removes the upload. Throws as claim() does. */
  cancel(id: string): void
}

/**
 * The one sender that may append to an upload. Call write() and publish(), any number of times,
 * then finish(), or release().
 */
export type Appending = {
  readonly id: string
  readonly header: UploadHeader
  /** The bytes that count: the sender may be told that they are safe. */
  readonly offset: number
  /** The bytes that were accepted; after a failed write, how many are certainly in the file. */
  readonly endBytes: number
  /** The first bytes that count, at most so many. */
  head(bytes: number): Buffer
  /** Throws BAD_UPLOAD for more than was announced, UPLOAD_BUSY when another sender took over. */
  write(bytes: Buffer): void
  /**
   * What was written counts from now on. Throws TOO_MANY_UPLOADS when a request does not bring all
   * of a file as it could have, and no slot is left.
   */
  publish(): void
  /**
   * All bytes are there: stores the file as Storage.commit() does. What is noted of it is kept for
   * a sender whose reply was lost. If `accept` throws, the file is not stored. What was written
   * then still counts, unless nothing was published before: such an upload cannot be resumed.
   */
  finish<Result>(draft: (known: Known) => Draft, accept: (finished: Finished) => Result): Result
  /** Ends the sender's turn. What was published can be resumed. Never throws. */
  release(): void
  /**
   * Ends the sender's turn and removes what was not published; of a new upload, everything. Never
   * throws.
   */
  discard(): void
  /** Ends the sender's turn and removes the upload. Never throws. */
  remove(): void
}

/** What the program knows of an upload that begins. */
export type Beginning = {
  /** Who sends it. `isShared`: many visitors who cannot be distinguished. */
  readonly sender: { readonly key: string; readonly isShared: boolean }
  /**
   * True if the request that begins it can bring all of the file. Such an upload takes no slot
   * until it is known to stay unfinished.
   */
  readonly isWhole: boolean
  /** Runs `create`, and charges to the limits what that creates. */
  charged<Result>(create: () => Result): Result
}

/** What a sender said of its upload. */
export type UploadHeader = {
  /** The size of the whole file, in bytes. */
  readonly size: number
  /** The name that the client gave the file. */
  readonly name: string
  /** Where it should be stored, as PendingFile has it. */
  readonly place: string
  /** The part of it that is the owner's folder; '' for none. */
  readonly folder: string
  /** The media type that the client gave the file. */
  readonly type: string
  /** The form field of the file; '' for tus. */
  readonly field: string
  /** tus: Upload-Metadata as sent; '' for others. */
  readonly metadata: string
}

export type UploadStatus = {
  readonly header: UploadHeader
  /** The bytes that are safe. */
  readonly offset: number
  /** What was stored, once the upload is finished. */
  readonly stored: Stored | undefined
  /** When it was last touched, by the clock of the file system, in ms since 1970. */
  readonly touchedAt: number
  /** When it will be swept, by the same clock. */
  readonly expiresAt: number
}

/** An upload in pieces that has become a file. */
export type Finished = Known & {
  /** Where it is stored, as PendingFile has it. */
  readonly place: string
}

/** What is known of it before it has its place. */
export type Known = {
  /** In hex; undefined when `checksum` is none, or when it took too long. */
  readonly sha256: string | undefined
  readonly pieces: number
  /** The time from the first piece to the last. */
  readonly seconds: number
}
