// The seam of this room, types alone: all that the rooms above know of files. Behind it is one
// directory, on a local disk or on a distributed file system, shared by any number of processes.
// A path never crosses the seam: a file is what create() or `unfinished` gave.

import type { Finding } from '../finding.ts'
import type { Stored } from '../outcome.ts'

export type Storage = {
  /** Throws DISK_FULL unless `min_free_space` is still free after `bytes` more. */
  requireSpace(bytes: number): void
  /** With `on_conflict = "reject"`: throws NAME_TAKEN before anything is received in vain. */
  requireFreeName(name: string): void
  /** A file that is being received. `name`: as storedName() makes it. */
  create(name: string): PendingFile
  /**
   * Makes ended files visible and durable: all of them or none. `before` runs while none is visible
   * yet. `accept` gets the names under which they are stored, in the order of `files`, and makes
   * what commit() returns. If either throws, everything is taken back.
   */
  commit<Result>(
    files: readonly PendingFile[],
    before: (held: readonly Held[]) => void,
    accept: (stored: readonly string[]) => Result,
  ): Result
  /** Removes what killed processes and abandoned uploads left: once a request, at most. */
  sweep(): void
  readonly unfinished: Unfinished
}

/** What `check` opens: it also tells what it found out about the directory. */
export type InspectedStorage = Storage & { findings(): readonly Finding[] }

/** A file of one request: write · end, then Storage.commit, or discard. */
export type PendingFile = {
  readonly name: string
  /** Bytes that were written. */
  readonly size: number
  /**
   * Takes all of it. Throws DISK_FULL or DIRECTORY_UNUSABLE. The bytes may be reused afterwards.
   */
  write(bytes: Buffer): void
  /** The file is whole: sets its mode, makes it durable, closes it. */
  end(): void
  /** Removes what was received. Never throws. */
  discard(): void
}

/** A whole file that is not visible yet. */
export type Held = {
  readonly name: string
  readonly size: number
  /** Finds the file again, whatever its name: its inode. */
  readonly mark: string
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
   * Starts an upload. If one with this id already exists, returns that one; the caller checks that
   * it is the same file. Throws TOO_MANY_UPLOADS, UPLOAD_BUSY, DISK_FULL and NAME_TAKEN, and
   * NO_SUCH_UPLOAD for one that is stored.
   */
  begin(id: string, header: UploadHeader): Appending
  /** Resumes an upload. Throws NO_SUCH_UPLOAD, also when it is stored, and UPLOAD_BUSY. */
  claim(id: string): Appending
  /** Removes what has arrived. Throws as claim() does. */
  cancel(id: string): void
}

/** The one sender who may append to an upload: write · publish · …, then finish, or release. */
export type Appending = {
  readonly id: string
  readonly header: UploadHeader
  /** Bytes that count: a sender may be told that they are safe. */
  readonly offset: number
  /** Bytes that were accepted; after a failed write, how many are certainly in the file. */
  readonly endBytes: number
  /** Throws BAD_UPLOAD for more than was announced, UPLOAD_BUSY when another sender took over. */
  write(bytes: Buffer): void
  /** What was written counts from now on. */
  publish(): void
  /**
   * All bytes are there: stores the file as Storage.commit() does. `accept` returns its result and
   * what is kept for a sender whose reply was lost. If it throws, the file is not stored; what was
   * written still counts, but for a file that came whole, since nothing of it can be resumed.
   */
  finish<Result>(accept: (finished: Finished) => readonly [Result, Stored]): Result
  /** Ends it; what was published can be resumed. Never throws. */
  release(): void
  /** Ends it and removes what was not published; of a new upload, all. Never throws. */
  discard(): void
  /** Ends it and removes the upload. Never throws. */
  remove(): void
}

/** What a sender said of its upload. */
export type UploadHeader = {
  /** Of the whole file, in bytes. */
  readonly size: number
  /** As the client called it. */
  readonly name: string
  /** What the client said it is. */
  readonly type: string
  /** The form field it came in; '' for tus. */
  readonly field: string
  /** tus: Upload-Metadata as sent; '' for others. */
  readonly metadata: string
}

export type UploadStatus = {
  readonly header: UploadHeader
  /** Bytes that are safe. */
  readonly offset: number
  /** What was stored, once the upload is finished. */
  readonly stored: Stored | undefined
  /** When it was last touched, by the clock of the file system, in ms since 1970. */
  readonly touchedAt: number
  /** When it will be swept, by the same clock. */
  readonly expiresAt: number
}

/** An upload in pieces that has become a file. */
export type Finished = {
  /** As it is called in the directory. */
  readonly name: string
  /** In hex; undefined when `checksum` is none, or when it took too long. */
  readonly sha256: string | undefined
  readonly pieces: number
  /** From the first piece to the last. */
  readonly seconds: number
}
