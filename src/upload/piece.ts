// A piece of a file, sent by POST: the text fields `_upload`, `_offset` and `_size`, then one file
// part. form.ts reads the request and hands over fields and bytes. A piece is appended whole or not
// at all; the last one stores the file. Fields and bytes that do not match are refused with
// BAD_UPLOAD.

import { Fault, offsetMismatchFault } from '../fault.ts'
import type { Reply } from '../http/reply.ts'
import type { Answer, Field, MakeReply, Stored } from '../outcome.ts'
import { parseByteCount } from '../quantity.ts'
import { parseId } from '../random-id.ts'
import type { Settings } from '../settings/settings.ts'
import { storedName } from '../storage/filename.ts'
import type { Appending, Storage, UploadHeader } from '../storage/storage.ts'
import { Content } from './content.ts'
import { addFolders, requirePlace } from './place.ts'
import { type Admission, beginningOf, finish, type Source } from './receiver.ts'
import { requireFileSize } from './refusal.ts'

/** What the request says beside the piece. */
type Text = { readonly fields: readonly Field[]; readonly answers: readonly Answer[] }

/** Asks once, whatever it is asked with later. `upload`: the id. */
type AdmitPiece = (upload: string, isResumed: boolean) => Admission

export class Piece {
  readonly #requestId: string
  readonly #storage: Storage
  readonly #settings: Settings
  readonly #source: Source
  readonly #admit: AdmitPiece
  readonly #given = new Map<string, string>()
  #append: Appending | undefined
  #content: Content | undefined
  /** Set when the file is stored already: the sender's last reply was lost. */
  #stored: Stored | undefined
  #hasBegun = false

  constructor(
    requestId: string,
    storage: Storage,
    settings: Settings,
    source: Source,
    admit: AdmitPiece,
  ) {
    this.#requestId = requestId
    this.#storage = storage
    this.#settings = settings
    this.#source = source
    this.#admit = admit
  }

  /**
   * Accepts a field that describes a piece; false for any other field. `hasFile`: a file came
   * before it.
   */
  offer(name: string, value: string, hasFile: boolean): boolean {
    if (!fieldNames.has(name)) return false
    if (this.#hasBegun || hasFile) throw badUploadFault(`${name} must come before the file`)
    if (this.#given.has(name)) throw badUploadFault(`more than one ${name}`)
    this.#given.set(name, value)
    return true
  }

  /** True if the request sends a piece. */
  get isUsed(): boolean {
    return this.#given.size > 0
  }

  get hasBegun(): boolean {
    return this.#hasBegun
  }

  /** The file part begins. `path`: one whose folders are kept, or ''. */
  begin(name: string, path: string, type: string, field: string): void {
    if (this.#hasBegun) throw badUploadFault('more than one file in a piece')
    this.#hasBegun = true
    if (this.#given.has('_cancel')) throw badUploadFault('_cancel with a file')
    const id = this.#id()
    const offset = this.#bytes('_offset')
    const size = this.#bytes('_size')
    requireFileSize(size, this.#settings)
    if (name.length > maxNameLength) throw new Fault('FIELD_TOO_LARGE', '_filename')
    if (this.#isStored(id, size)) return
    const header = { size, name, type, field, metadata: '' }
    let append: Appending
    try {
      append =
        offset === 0 ? this.#beginUpload(id, path, header) : this.#storage.unfinished.claim(id)
    } catch (error) {
      // Another sender of the same file may have finished it just now.
      if (this.#isStored(id, size)) return
      throw error
    }
    this.#append = append
    if (append.header.size !== size) throw otherSizeFault()
    if (append.offset !== offset) throw offsetMismatchFault(append.offset)
    this.#content = Content.open(storedName(append.header.name), this.#settings, append)
  }

  write(bytes: Buffer): void {
    this.#content?.write(bytes)
    this.#append?.write(bytes)
  }

  /** The request is complete: the piece counts, and the last one stores the file. */
  end<Result>({ fields, answers }: Text, accept: MakeReply<Result, Reply>): Result {
    const upload = this.#id()
    if (this.#given.has('_cancel')) {
      this.#storage.unfinished.cancel(upload)
      return accept({ storedNow: false })
    }
    if (this.#stored !== undefined) {
      const { size = 0 } = this.#stored.files[0] ?? {}
      const stored = { ...this.#stored, fields }
      return accept({ stored, storedNow: false, partial: { upload, offset: size, size } })
    }
    const append = this.#append
    if (append === undefined) throw new Fault('NOTHING_UPLOADED')
    const { size } = append.header
    if (append.endBytes < size) {
      append.publish()
      append.release()
      return accept({ storedNow: false, partial: { upload, offset: append.offset, size } })
    }
    this.#content?.end()
    const { origin } = this.#admit(upload, true)
    return finish(append, { id: this.#requestId, origin, fields, answers }, accept)
  }

  /** Keeps what was published, unless its content is refused. Never throws. */
  discard(): void {
    if (this.#content?.isRefused) this.#append?.remove()
    else this.#append?.discard()
  }

  /** Throws BAD_UPLOAD where a file of another size was stored as this upload. */
  #isStored(id: string, size: number): boolean {
    this.#stored = this.#storage.unfinished.stored(id)
    if (this.#stored === undefined) return false
    if (this.#stored.files[0]?.size !== size) throw otherSizeFault()
    return true
  }

  #beginUpload(id: string, path: string, said: Omit<UploadHeader, 'place' | 'folder'>): Appending {
    const admission = this.#admit(id, false)
    const { origin } = admission
    const place = requirePlace(path, said.name, this.#settings, origin.folder)
    addFolders(new Set(), place, this.#storage, admission)
    const header = { ...said, place, folder: origin.folder.join('/') }
    const isWhole = this.#source.bodyBytes > said.size
    const beginning = beginningOf(admission, id, said.size, isWhole)
    return this.#storage.unfinished.begin(id, header, beginning)
  }

  #id(): string {
    const id = parseId(this.#given.get('_upload') ?? '')
    if (id === undefined) throw badUploadFault('_upload must be 32 hexadecimal digits')
    return id
  }

  #bytes(name: '_offset' | '_size'): number {
    const bytes = parseByteCount(this.#given.get(name) ?? '')
    if (bytes === undefined) throw badUploadFault(`${name} must be a number of bytes`)
    return bytes
  }
}

function badUploadFault(detail: string): Fault {
  return new Fault('BAD_UPLOAD', detail)
}

function otherSizeFault(): Fault {
  return badUploadFault('_size is not that of this upload')
}

const fieldNames: ReadonlySet<string> = new Set(['_upload', '_offset', '_size', '_cancel'])
const maxNameLength = 64 * 1024
