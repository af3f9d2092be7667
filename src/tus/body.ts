// Receives the body of a tus request and writes it to disk: of a PATCH, of a POST that creates an
// upload, or of a HEAD that finds all bytes there but the file not stored. If a body is cut, the
// bytes that arrived are kept, since the client asks with HEAD how many there are. With a checksum
// the piece counts as a whole or not at all.

import { Fault } from '../fault.ts'
import { type Hash, openHash } from '../hash.ts'
import { commonHeaders, type Reply } from '../http/reply.ts'
import { encodedPath, fileUrl, type MakeReply, type Stored } from '../outcome.ts'
import type { Settings } from '../settings/settings.ts'
import { storedName } from '../storage/filename.ts'
import type { Appending, Unfinished } from '../storage/storage.ts'
import { attempt } from '../system-error.ts'
import { Content } from '../upload/content.ts'
import { answersOf } from '../upload/kept-fields.ts'
import { type Admission, type Fields, finish, type Receiver } from '../upload/receiver.ts'
import { type Checksum, type Metadata, parseMetadata } from './headers.ts'

export class TusBody implements Receiver {
  readonly #requestId: string
  readonly #append: Appending
  readonly #content: Content | undefined
  readonly #unfinished: Unfinished
  readonly #settings: Settings
  readonly #checksum: Checksum | undefined
  readonly #hash: Hash | undefined
  readonly #reply: Reply
  readonly #admit: (metadata: Metadata) => Admission
  /** True if this request created the upload: without our reply nobody knows of it. */
  readonly #isNew: boolean
  /** A reply of tus repeats nothing. */
  readonly echoedText = 0
  /** True if a part of the body can be used without the rest. */
  #keeps: boolean

  /**
   * `reply`: the reply to a request that is not refused; the state of the upload is added to it.
   */
  constructor(
    requestId: string,
    append: Appending,
    unfinished: Unfinished,
    settings: Settings,
    reply: Reply,
    admit: (metadata: Metadata) => Admission,
    checksum?: Checksum,
  ) {
    this.#requestId = requestId
    this.#append = append
    this.#content = Content.open(storedName(append.header.name), settings, append)
    this.#unfinished = unfinished
    this.#settings = settings
    this.#reply = reply
    this.#admit = admit
    this.#isNew = reply.status === 201
    this.#checksum = checksum
    this.#hash = checksum === undefined ? undefined : openHash(checksum.algorithm)
    this.#keeps = checksum === undefined && !this.#isNew
  }

  write(bytes: Buffer): void {
    const append = this.#append
    const { size } = append.header
    if (append.endBytes + bytes.length > size) {
      this.#keeps = false
      throw moreThanAnnouncedFault()
    }
    this.#content?.write(bytes)
    append.write(bytes)
    this.#hash?.update(bytes)
    // The last bytes count only when the file is stored with them; abort() explains why.
    if (!this.#keeps || append.endBytes === size) return
    if (append.endBytes - append.offset >= this.#settings.chunkBytes) append.publish()
  }

  end<Result>(accept: MakeReply<Result, Reply>): Result {
    if (this.#hash?.digest('base64') !== this.#checksum?.digest)
      throw new Fault('CHECKSUM_MISMATCH')
    const append = this.#append
    const { id: upload, header } = append
    const { size } = header
    if (append.endBytes === size) this.#content?.end()
    append.publish()
    if (append.offset < size) {
      append.release()
      const { expiresAt } = this.#unfinished.status(upload)
      const reply = withMore(this.#reply, unfinishedHeaders(append.offset, expiresAt))
      const partial = { upload, offset: append.offset, size }
      return accept({ storedNow: false, partial }, reply)
    }
    const metadata = parseMetadata(header.metadata)
    const { fields } = metadata
    const answers = answersOf(fields, this.#settings)
    const { origin } = this.#admit(metadata)
    return finish(append, { id: this.#requestId, origin, fields, answers }, accept, (stored) =>
      withMore(this.#reply, storedHeaders(stored, this.#settings)),
    )
  }

  /**
   * Never keeps all bytes of the file: clients take an offset at the end as a sign that it is
   * stored. Keeps nothing of a file whose content is refused.
   */
  abort(): void {
    const append = this.#append
    if (this.#content?.isRefused) return append.remove()
    if (this.#keeps && append.endBytes < append.header.size) attempt(() => append.publish())
    if (this.#isNew) append.remove()
    else append.release()
  }
}

/** `upload`: the id. */
export function fieldsOf(
  { fields, submission }: Metadata,
  upload: string,
  isResumed: boolean,
): Fields {
  const own = new Map(submission === '' ? [] : [['_submission', submission]])
  return { own, others: fields, upload, isResumed, hasFile: true }
}

/** The headers of an upload that can be resumed. */
export function unfinishedHeaders(offset: number, expiresAt: number): Reply['headers'] {
  return [
    ['Upload-Offset', String(offset)],
    ['Upload-Expires', new Date(expiresAt).toUTCString()],
  ]
}

/** The headers of an upload that is stored: its address, or at least its name. */
export function storedHeaders(stored: Stored, settings: Settings): Reply['headers'] {
  const [file] = stored.files
  if (file === undefined) return []
  return [
    ['Upload-Offset', String(file.size)],
    ['Content-Location', fileUrl(settings, stored, file) ?? encodedPath(file.stored)],
  ]
}

export function withMore(reply: Reply, headers: Reply['headers']): Reply {
  return { ...reply, headers: [...reply.headers, ...headers] }
}

export function emptyReply(status: number, headers: Reply['headers'] = []): Reply {
  return { status, headers: [...commonHeaders, ...headers], body: '' }
}

export function moreThanAnnouncedFault(): Fault {
  return new Fault('FILE_TOO_LARGE', 'more bytes than its Upload-Length')
}
