// The body of a tus request, on its way to disk: a PATCH, a POST that creates, a HEAD that finds all there but not
// stored. Made by tus.ts, called by app.ts. A body that is cut keeps what arrived, for the sender asks with HEAD
// how much that is; with a checksum the piece counts as a whole or not at all.

import { Fault } from '../fault.ts'
import { commonHeaders, type Reply } from '../http/reply.ts'
import { fileUrl, type MakeReply, type Stored } from '../outcome.ts'
import type { Settings } from '../settings/settings.ts'
import type { Append } from '../storage/append.ts'
import type { Partials } from '../storage/unfinished.ts'
import { attempt } from '../system-error.ts'
import type { Receiver } from '../upload/receiver.ts'
import { type Checksum, parseMetadata } from './headers.ts'

type Hash = { update(bytes: Buffer): unknown; digest(encoding: 'base64'): string }

export class TusBody implements Receiver {
  readonly #requestId: string
  readonly #append: Append
  readonly #partials: Partials
  readonly #settings: Settings
  readonly #checksum: Checksum | undefined
  readonly #hash: Hash | undefined
  readonly #reply: Reply
  /** Made by this request: without our reply nobody knows of it. */
  readonly #isNew: boolean
  /** Whether what arrived is of use by itself. */
  #keeps: boolean

  /** `reply`: to a request that is not refused; how the upload stands is added. */
  constructor(
    requestId: string,
    append: Append,
    partials: Partials,
    settings: Settings,
    reply: Reply,
    checksum?: Checksum,
  ) {
    this.#requestId = requestId
    this.#append = append
    this.#partials = partials
    this.#settings = settings
    this.#reply = reply
    this.#isNew = reply.status === 201
    this.#checksum = checksum
    if (checksum !== undefined) {
      this.#hash = process.getBuiltinModule('node:crypto').createHash(checksum.algorithm)
    }
    this.#keeps = checksum === undefined && !this.#isNew
  }

  write(bytes: Buffer): void {
    const append = this.#append
    const { size } = append.header
    if (append.end + bytes.length > size) {
      this.#keeps = false
      throw moreThanAnnounced()
    }
    append.write(bytes)
    this.#hash?.update(bytes)
    // The last bytes count only when nothing follows them: see abort().
    if (!this.#keeps || append.end === size) return
    if (append.end - append.offset >= this.#settings.chunkBytes) append.publish()
  }

  end(accept: MakeReply<Reply>): Reply {
    if (this.#hash?.digest('base64') !== this.#checksum?.digest)
      throw new Fault('CHECKSUM_MISMATCH')
    const append = this.#append
    const { id: upload, header } = append
    const { size, name, type, field } = header
    append.publish()
    if (append.offset < size) {
      append.release()
      const { expiresAt } = this.#partials.look(upload)
      const reply = withMore(this.#reply, stands(append.offset, expiresAt))
      return accept({ partial: { upload, offset: append.offset, size } }, reply)
    }
    return append.finish(({ name: stored, sha256, pieces, seconds }) => {
      const receipt: Stored = {
        id: this.#requestId,
        time: new Date().toISOString(),
        files: [{ field, name, stored, size, type, sha256 }],
        fields: parseMetadata(header.metadata).fields,
      }
      const partial = { upload, offset: size, size, pieces, seconds }
      const reply = withMore(this.#reply, isStored(receipt, this.#settings))
      return [accept({ receipt, partial }, reply), { ...receipt, fields: [] }]
    })
  }

  /** Never all of it: an offset at the end tells senders that the file is stored. */
  abort(): void {
    const append = this.#append
    if (this.#keeps && append.end < append.header.size) attempt(() => append.publish())
    if (this.#isNew) append.remove()
    else append.release()
  }
}

/** An upload that can be gone on with. */
export function stands(offset: number, expiresAt: number): Reply['headers'] {
  return [
    ['Upload-Offset', String(offset)],
    ['Upload-Expires', new Date(expiresAt).toUTCString()],
  ]
}

/** An upload that is stored: where, or at least under which name. */
export function isStored({ files }: Stored, settings: Settings): Reply['headers'] {
  const [file] = files
  if (file === undefined) return []
  return [
    ['Upload-Offset', String(file.size)],
    ['Content-Location', fileUrl(settings, file) ?? encodeURIComponent(file.stored)],
  ]
}

export function withMore(reply: Reply, headers: Reply['headers']): Reply {
  return { ...reply, headers: [...reply.headers, ...headers] }
}

export function emptyWith(status: number, headers: Reply['headers'] = []): Reply {
  return { status, headers: [...commonHeaders, ...headers], body: '' }
}

export function moreThanAnnounced(): Fault {
  return new Fault('FILE_TOO_LARGE', 'more bytes than its Upload-Length')
}
