// Receives a POST: its parts become text fields and files, or one piece of a file (piece.ts). It
// refuses names and sizes that the owner's rules do not allow, before the bytes come where it can.
// One file is open at a time; its bytes go from the driver's buffer to the hash and to the disk.

import { Fault } from '../fault.ts'
import { type Hash, openHash } from '../hash.ts'
import type { Reply } from '../http/reply.ts'
import { parseBoundary } from '../multipart/header.ts'
import type { PartHeaders } from '../multipart/header-block.ts'
import { MultipartParser, type Sink } from '../multipart/parser.ts'
import { type MakeReply, pathBelow, type Stored, type StoredFile } from '../outcome.ts'
import type { Settings } from '../settings/settings.ts'
import { storedName } from '../storage/filename.ts'
import type { PendingFile, Storage } from '../storage/storage.ts'
import { Content } from './content.ts'
import { answersOf, KeptFields, shortened } from './kept-fields.ts'
import { Piece } from './piece.ts'
import { addFolders, requirePlace } from './place.ts'
import { type Admission, ownFieldNames, type Receiver, type Source } from './receiver.ts'
import { requireAllowedExtension, requireFileSize } from './refusal.ts'
import { TextField } from './text-field.ts'

/** The file part that is being read. */
type FilePart = {
  readonly headers: PartHeaders
  readonly clientName: string
  /** As storedName() returns it. */
  readonly name: string
  /** A path whose folders are kept, or ''. */
  readonly path: string
  readonly isPiece: boolean
  /**
   * Undefined for a piece. Also undefined for a file input that was left empty, until bytes come.
   */
  received: ReceivedFile | undefined
}

type ReceivedFile = {
  readonly part: FilePart
  readonly pending: PendingFile
  readonly content: Content | undefined
  /** Undefined without `checksum`, and once it has become `sha256`. */
  hash: Hash | undefined
  sha256: string | undefined
}

export class FormUpload implements Receiver, Sink {
  readonly #id: string
  readonly #settings: Settings
  readonly #storage: Storage
  readonly #piece: Piece
  readonly #parser: MultipartParser
  readonly #files: ReceivedFile[] = []
  readonly #source: Source
  readonly #folders = new Set<string>()
  readonly #fields: KeptFields
  readonly #own = new Map<string, string>()
  #admission: Admission | undefined
  #fieldCount = 0
  #file: FilePart | undefined
  #field: TextField | undefined
  /** The real name of the next file, from a `_filename` field. */
  #announcedName: string | undefined

  /** `id`: the id of the request. */
  constructor(id: string, boundary: string, settings: Settings, storage: Storage, source: Source) {
    this.#id = id
    this.#settings = settings
    this.#storage = storage
    this.#source = source
    this.#fields = new KeptFields(settings)
    const admit = (upload: string, isResumed: boolean) => this.#admit(upload, isResumed)
    this.#piece = new Piece(id, storage, settings, source, admit)
    this.#parser = new MultipartParser(boundary, this)
  }

  /** `chunk`: bytes of the body, valid only during the call. */
  write(chunk: Buffer): void {
    this.#parser.write(chunk)
  }

  end<Result>(accept: MakeReply<Result, Reply>): Result {
    this.#parser.end()
    const fields = this.#fields.all
    const answers = answersOf(fields, this.#settings)
    if (this.#piece.isUsed) return this.#piece.end({ fields, answers }, accept)
    if (this.#own.has('_close')) {
      return accept({ storedNow: false, closed: this.#source.close(this.#own) })
    }
    const hasFile = this.#files.length > 0
    const { reply, charge, origin } = this.#admit('', false, hasFile)
    if (!hasFile) {
      if (reply !== undefined) return accept({ storedNow: false }, reply)
      const isMessage = this.#settings.files === 'optional' && this.#fields.isSaid
      if (!isMessage) throw new Fault('NOTHING_UPLOADED')
      // People do not see this field. Whoever sent it is not to learn that it is known for a bot.
      if (this.#own.get('_website')) {
        const time = new Date().toISOString()
        const { receipt } = origin
        const stored = { id: this.#id, receipt, time, folder: '', files: [], fields }
        return accept({ stored, storedNow: false, isDropped: true })
      }
    }
    const pending = this.#files.map((file) => file.pending)
    const bytes = pending.reduce((sum, { size }) => sum + size, 0)
    charge?.settle({ bytes, files: pending.length })
    const [id, time, { receipt }] = [this.#id, new Date().toISOString(), origin]
    const folder = origin.folder.join('/')
    const draft = { origin, id, time, answers, files: this.#storedFiles([]) }
    const result = this.#storage.commit(pending, draft, (places) => {
      const files = this.#storedFiles(places.map((place) => pathBelow(folder, place)))
      const stored: Stored = { id, receipt, time, folder, files, fields }
      return accept({ stored, storedNow: true })
    })
    charge?.done()
    return result
  }

  #storedFiles(names: readonly string[]): StoredFile[] {
    return this.#files.map((file, i) => storedFile(file, names[i] ?? '', this.#files.length))
  }

  get echoedText(): number {
    const files = this.#storedFiles([]).map((file) => JSON.stringify(file).length)
    const fields = this.#fields.all.map(({ name, value }) => name.length + value.length)
    return [...files, ...fields].reduce((sum, length) => sum + length, 0)
  }

  abort(): void {
    for (const { pending } of this.#files) pending.discard()
    this.#piece.discard()
    if (!this.#piece.isUsed) this.#admission?.charge?.undo()
  }

  partBegin(headers: PartHeaders): void {
    if (headers.filename === undefined) return this.#beginField(headers)
    const clientName = this.#announcedName ?? headers.filename
    const name = storedName(clientName)
    // RFC 7578 section 4.2: folders in `filename` are not used. `_filename` is a field of our own.
    const path = this.#announcedName ?? ''
    this.#announcedName = undefined
    const { isUsed: isPiece } = this.#piece
    this.#file = { headers, clientName, name, path, isPiece, received: undefined }
    // For a file input that was left empty browsers send an empty name and no bytes.
    if (clientName === '' && !isPiece) this.#countField()
    else this.#beginFile(this.#file)
  }

  partData(bytes: Buffer): void {
    const file = this.#file
    if (file === undefined) return this.#field?.write(bytes)
    if (file.isPiece) return this.#piece.write(bytes)
    const { pending, content, hash } = file.received ?? this.#receive(file)
    requireFileSize(pending.size + bytes.length, this.#settings, file.name)
    content?.write(bytes)
    pending.write(bytes)
    hash?.update(bytes)
  }

  partEnd(): void {
    const file = this.#file
    this.#file = undefined
    if (file === undefined) return this.#endField()
    const { received } = file
    if (received === undefined) return
    received.content?.end()
    received.pending.end()
    received.sha256 = received.hash?.digest('hex')
    received.hash = undefined
  }

  #beginFile(file: FilePart): void {
    if (!file.isPiece) this.#receive(file)
    else {
      this.#requireAllowed(file.name)
      this.#piece.begin(file.clientName, file.path, file.headers.type, file.headers.name)
    }
  }

  #admit(upload = '', isResumed = false, hasFile = true): Admission {
    const fields = { own: this.#own, others: this.#fields.all, upload, isResumed, hasFile }
    this.#admission ??= this.#source.admit(fields)
    return this.#admission
  }

  /** Checks everything that can be refused before the bytes arrive, then opens the file. */
  #receive(part: FilePart): ReceivedFile {
    if (this.#own.has('_close')) throw new Fault('BAD_UPLOAD', '_close with a file')
    const admission = this.#admit()
    const { origin, charge } = admission
    this.#requireAllowed(part.name)
    const place = requirePlace(part.path, part.clientName, this.#settings, origin.folder)
    addFolders(this.#folders, place, this.#storage, admission)
    this.#storage.requireFreeName(place)
    const { bodyBytes } = this.#source
    if (this.#files.length === 0) charge?.hold(bodyBytes === Infinity ? 0 : bodyBytes)
    const hash = this.#settings.checksum === 'sha256' ? openHash('sha256') : undefined
    const pending = this.#storage.create(place)
    const content = Content.open(part.name, this.#settings)
    const received: ReceivedFile = { part, pending, content, hash, sha256: undefined }
    part.received = received
    this.#files.push(received)
    return received
  }

  #requireAllowed(name: string): void {
    const { maxFiles } = this.#settings
    if (this.#files.length === maxFiles) {
      throw new Fault('TOO_MANY_FILES', `the limit is ${maxFiles}`)
    }
    requireAllowedExtension(name, this.#settings)
  }

  #beginField(headers: PartHeaders): void {
    this.#countField()
    this.#field = new TextField(headers, this.#settings)
  }

  #countField(): void {
    this.#fieldCount++
    const { maxFields } = this.#settings
    if (this.#fieldCount > maxFields)
      throw new Fault('TOO_MANY_FIELDS', `the limit is ${maxFields}`)
  }

  #endField(): void {
    const field = this.#field
    this.#field = undefined
    if (field === undefined) return
    const { name, value } = field
    if (name === '_filename') this.#announceName(value)
    else if (ownFieldNames.has(name)) this.#addOwn(name, value)
    else if (!this.#piece.offer(name, value, this.#files.length > 0))
      this.#fields.add({ name, value })
  }

  #addOwn(name: string, value: string): void {
    if (this.#admission !== undefined || this.#piece.hasBegun) {
      throw new Fault('BAD_UPLOAD', `${name} must come before the file`)
    }
    if (this.#own.has(name)) throw new Fault('BAD_UPLOAD', `more than one ${name}`)
    this.#own.set(name, value)
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

/** The boundary of the body (RFC 7578 section 4.1). Throws NOT_MULTIPART and BAD_MULTIPART. */
export function requireBoundary(contentType: string): string {
  const boundary = parseBoundary(contentType)
  if (boundary === undefined) throw new Fault('NOT_MULTIPART', formHint(contentType))
  if ('problem' in boundary) throw new Fault('BAD_MULTIPART', `Content-Type: ${boundary.problem}`)
  return boundary.value
}

/** What browsers send for a form whose `enctype` is missing or wrong. */
function formHint(contentType: string): string {
  const isForm = /^(application\/x-www-form-urlencoded|text\/plain)\b/i.test(contentType)
  return isForm ? 'a form that sends files needs enctype="multipart/form-data"' : ''
}

/** `count`: the files of the request. */
function storedFile(
  { part, pending, sha256 }: ReceivedFile,
  stored: string,
  count: number,
): StoredFile {
  const { headers, clientName } = part
  const field = shortened(headers.name, count)
  const name = shortened(clientName, count)
  const type = shortened(headers.type, count)
  return { field, name, stored, size: pending.size, type, sha256 }
}
