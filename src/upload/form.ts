// A POST being received: parser → names, limits, store → what was stored. Called by app.ts, which alone
// turns the Faults thrown here into replies and calls abort() after any of them.
// One file of the request is open at a time; its bytes go from the caller's buffer to hash and disk.

import { Fault } from '../fault.ts'
import { MultipartParser, type PartHeaders, type Sink } from '../multipart/parser.ts'
import type { Field, MakeReply, Stored, StoredFile } from '../outcome.ts'
import { formatSize } from '../quantity.ts'
import type { Settings } from '../settings/settings.ts'
import { storedName } from '../storage/filename.ts'
import type { PendingFile, Store } from '../storage/store.ts'
import { Partials } from '../storage/unfinished.ts'
import { Piece } from './piece.ts'
import { refusedExtension } from './rules.ts'

type Hash = { update(bytes: Buffer): unknown; digest(encoding: 'hex'): string }

type ReceivedFile = {
  readonly headers: PartHeaders
  readonly clientName: string
  readonly name: string
  pending: PendingFile | undefined
  readonly isPiece: boolean
  hash: Hash | undefined
  sha256: string | undefined
}

export class FormUpload implements Sink {
  readonly #id: string
  readonly #settings: Settings
  readonly #store: Store
  readonly #piece: Piece
  readonly #parser: MultipartParser
  readonly #files: ReceivedFile[] = []
  readonly #fields: Field[] = []
  #fieldCount = 0
  #file: ReceivedFile | undefined
  #field: { name: string; bytes: Buffer; length: number } | undefined
  /** From a `_filename` field: the real name of the next file. */
  #announcedName: string | undefined

  /** `id`: of the request. */
  constructor(id: string, boundary: string, settings: Settings, store: Store) {
    this.#id = id
    this.#settings = settings
    this.#store = store
    this.#piece = new Piece(new Partials(store), settings)
    this.#parser = new MultipartParser(boundary, this)
  }

  /** Bytes of the body, valid only during the call. */
  write(chunk: Buffer): void {
    this.#parser.write(chunk)
  }

  /** The body is over: stores all of its files or throws. */
  end<Result>(accept: MakeReply<Result>): Result {
    this.#parser.end()
    if (this.#piece.isMeant) {
      const receiptOf = (file: StoredFile) => this.#receipt([file])
      return this.#piece.end(receiptOf, this.#fields, accept)
    }
    if (this.#files.length === 0) throw new Fault('NOTHING_UPLOADED')
    const pending = this.#files.map((file) => file.pending as PendingFile)
    const names = this.#files.map((file) => file.name)
    return this.#store.commit(pending, names, (stored) => {
      const files = this.#files.map(({ headers, clientName, sha256 }, i) => ({
        field: headers.name,
        name: clientName,
        stored: stored[i] as string,
        size: (pending[i] as PendingFile).size,
        type: headers.type,
        sha256,
      }))
      return accept({ receipt: this.#receipt(files) })
    })
  }

  /** Removes what was received. Never throws. */
  abort(): void {
    for (const file of this.#files) file.pending?.discard()
    this.#piece.discard()
  }

  partBegin(headers: PartHeaders): void {
    if (headers.filename === undefined) return this.#beginField(headers.name)
    const clientName = this.#announcedName ?? headers.filename
    this.#announcedName = undefined
    const name = storedName(clientName)
    this.#file = {
      headers,
      clientName,
      name,
      pending: undefined,
      isPiece: this.#piece.isMeant,
      hash: undefined,
      sha256: undefined,
    }
    // Browsers send an empty name, and no bytes, for a file input that was left empty.
    if (clientName === '' && !this.#file.isPiece) this.#countField()
    else this.#beginFile(this.#file)
  }

  partData(bytes: Buffer): void {
    const file = this.#file
    if (file === undefined) return this.#addToField(bytes)
    if (file.isPiece) return this.#piece.write(bytes)
    const pending = file.pending ?? (this.#beginFile(file) as PendingFile)
    const { maxFileBytes } = this.#settings
    if (maxFileBytes > 0 && pending.size + bytes.length > maxFileBytes) {
      throw new Fault('FILE_TOO_LARGE', `${file.name}: the limit is ${formatSize(maxFileBytes)}`)
    }
    pending.write(bytes)
    file.hash?.update(bytes)
  }

  partEnd(): void {
    const file = this.#file
    this.#file = undefined
    if (file === undefined) return this.#endField()
    file.pending?.end()
    file.sha256 = file.hash?.digest('hex')
    file.hash = undefined
  }

  /** Checks what can be refused before the bytes arrive, and opens the file. */
  #beginFile(file: ReceivedFile): PendingFile | undefined {
    const { maxFiles, allowExtensions, blockExtensions } = this.#settings
    if (this.#files.length === maxFiles) {
      throw new Fault('TOO_MANY_FILES', `the limit is ${maxFiles}`)
    }
    const refused = refusedExtension(file.name, allowExtensions, blockExtensions)
    if (refused !== undefined) {
      throw new Fault('EXTENSION_REFUSED', `${file.name}: ${refused || 'no extension'}`)
    }
    if (file.isPiece) {
      this.#piece.begin(file.clientName, file.headers.type, file.headers.name)
      return undefined
    }
    this.#store.requireFreeName(file.name)
    const pending = this.#store.create()
    file.pending = pending
    this.#files.push(file)
    if (this.#settings.checksum === 'sha256') {
      file.hash = process.getBuiltinModule('node:crypto').createHash('sha256')
    }
    return pending
  }

  #beginField(name: string): void {
    this.#countField()
    this.#field = { name, bytes: Buffer.alloc(0), length: 0 }
  }

  #countField(): void {
    this.#fieldCount++
    const { maxFields } = this.#settings
    if (this.#fieldCount > maxFields)
      throw new Fault('TOO_MANY_FIELDS', `the limit is ${maxFields}`)
  }

  #addToField(bytes: Buffer): void {
    const field = this.#field
    if (field === undefined) return
    const length = field.length + bytes.length
    const { maxFieldBytes } = this.#settings
    if (maxFieldBytes > 0 && length > maxFieldBytes) {
      throw new Fault('FIELD_TOO_LARGE', `the limit is ${formatSize(maxFieldBytes)}`)
    }
    if (length > field.bytes.length) {
      const larger = Buffer.allocUnsafe(length * 2)
      field.bytes.copy(larger, 0, 0, field.length)
      field.bytes = larger
    }
    bytes.copy(field.bytes, field.length)
    field.length = length
  }

  #endField(): void {
    const field = this.#field
    this.#field = undefined
    if (field === undefined) return
    const value = field.bytes.toString('utf8', 0, field.length)
    if (field.name === '_filename') this.#announceName(value)
    else if (!this.#piece.take(field.name, value, this.#files.length > 0))
      this.#fields.push({ name: field.name, value })
  }

  #receipt(files: readonly StoredFile[]): Stored {
    return { id: this.#id, time: new Date().toISOString(), files, fields: this.#fields }
  }

  #announceName(encoded: string): void {
    if (this.#announcedName !== undefined) {
      throw new Fault('BAD_MULTIPART', 'two _filename fields before one file')
    }
    try {
      this.#announcedName = decodeURIComponent(encoded)
    } catch {
      throw new Fault('BAD_MULTIPART', 'a _filename that is not percent-encoded UTF-8')
    }
  }
}
