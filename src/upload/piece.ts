// A piece of a file, sent by POST: the text fields `_upload`, `_offset` and `_size`, then one file part. Called
// by upload.ts, which reads the request and gives the fields and the bytes. A piece is appended whole or not
// at all; the last one stores the file. BAD_UPLOAD for whatever does not fit together.

import { Fault, OffsetMismatch } from '../fault.ts'
import type { Field, MakeReply, Stored, StoredFile } from '../outcome.ts'
import { formatSize } from '../quantity.ts'
import type { Settings } from '../settings/settings.ts'
import type { Append } from '../storage/append.ts'
import type { Partials } from '../storage/unfinished.ts'

export class Piece {
  readonly #partials: Partials
  readonly #settings: Settings
  readonly #given = new Map<string, string>()
  #append: Append | undefined
  /** It was stored before: the sender did not hear of it. */
  #stored: Stored | undefined
  #hasBegun = false

  constructor(partials: Partials, settings: Settings) {
    this.#partials = partials
    this.#settings = settings
  }

  /** True when the field was for us. `hasFile`: a file came before it. */
  take(name: string, value: string, hasFile: boolean): boolean {
    if (!fieldNames.has(name)) return false
    if (this.#hasBegun || hasFile) throw bad(`${name} must stand before the file`)
    if (this.#given.has(name)) throw bad(`more than one ${name}`)
    this.#given.set(name, value)
    return true
  }

  /** Whether the request is about an upload in pieces. */
  get isMeant(): boolean {
    return this.#given.size > 0
  }

  /** The file part begins. */
  begin(name: string, type: string, field: string): void {
    if (this.#hasBegun) throw bad('more than one file in a piece')
    this.#hasBegun = true
    if (this.#given.has('_cancel')) throw bad('_cancel with a file')
    const id = this.#id()
    const offset = this.#bytes('_offset')
    const size = this.#bytes('_size')
    const { maxFileBytes } = this.#settings
    if (maxFileBytes > 0 && size > maxFileBytes) {
      throw new Fault('FILE_TOO_LARGE', `the limit is ${formatSize(maxFileBytes)}`)
    }
    if (name.length > maxNameLength) throw new Fault('FIELD_TOO_LARGE', '_filename')
    this.#stored = this.#partials.receipt(id)
    if (this.#stored !== undefined) {
      if (this.#stored.files[0]?.size !== size) throw bad('_size is not that of this upload')
      return
    }
    const header = { size, name, type, field, metadata: '' }
    const append = offset === 0 ? this.#partials.begin(id, header) : this.#partials.claim(id)
    this.#append = append
    if (append.header.size !== size) throw bad('_size is not that of this upload')
    if (append.offset !== offset) throw new OffsetMismatch(append.offset)
  }

  write(bytes: Buffer): void {
    this.#append?.write(bytes)
  }

  /** The request is whole: the piece counts, and the last one stores the file. */
  end<Result>(
    receiptOf: (file: StoredFile) => Stored,
    fields: readonly Field[],
    accept: MakeReply<Result>,
  ): Result {
    const id = this.#id()
    if (this.#given.has('_cancel')) {
      this.#partials.cancel(id)
      return accept({})
    }
    if (!this.#hasBegun) throw new Fault('NOTHING_UPLOADED')
    if (this.#stored !== undefined) {
      const { size = 0 } = this.#stored.files[0] ?? {}
      return accept({
        receipt: { ...this.#stored, fields },
        partial: { upload: id, offset: size, size },
      })
    }
    const append = this.#append as Append
    const { size, name, type, field } = append.header
    if (append.end < size) {
      append.publish()
      append.release()
      return accept({ partial: { upload: id, offset: append.offset, size } })
    }
    return append.finish(({ name: stored, sha256, pieces, seconds }) => {
      const receipt = receiptOf({ field, name, stored, size, type, sha256 })
      const partial = { upload: id, offset: size, size, pieces, seconds }
      return [accept({ receipt, partial }), { ...receipt, fields: [] }]
    })
  }

  /** What was published stays. Never throws. */
  discard(): void {
    this.#append?.discard()
  }

  #id(): string {
    const id = this.#given.get('_upload') ?? ''
    if (!/^[0-9A-Fa-f]{32}$/.test(id)) throw bad('_upload must be 32 hexadecimal digits')
    return id.toLowerCase()
  }

  #bytes(name: '_offset' | '_size'): number {
    const text = this.#given.get(name) ?? ''
    const bytes = Number(text)
    if (!/^(0|[1-9][0-9]{0,15})$/.test(text) || !Number.isSafeInteger(bytes)) {
      throw bad(`${name} must be a number of bytes`)
    }
    return bytes
  }
}

function bad(detail: string): Fault {
  return new Fault('BAD_UPLOAD', detail)
}

const fieldNames: ReadonlySet<string> = new Set(['_upload', '_offset', '_size', '_cancel'])
const maxNameLength = 64 * 1024
