// tus 1.0.0 (https://tus.io/protocols/resumable-upload) under PATH_INFO /tus: core, creation, creation with upload,
// termination, expiration, checksum. Called by app.ts, which has looked at origin, user and settings. The same
// unfinished uploads as those of POST pieces (partial.ts), stored by the same commit as every other file.
// Not here: syntax of headers (tus-headers.ts), what becomes of a body (tus-body.ts), faults (app.ts).

import { Fault, OffsetMismatch } from '../fault.ts'
import type { Reply } from '../http/reply.ts'
import type { CgiRequest } from '../http/request.ts'
import type { Stored } from '../outcome.ts'
import { formatSize } from '../quantity.ts'
import { randomId } from '../random-id.ts'
import type { Settings } from '../settings/settings.ts'
import type { Append } from '../storage/append.ts'
import { storedName } from '../storage/filename.ts'
import type { Store } from '../storage/store.ts'
import { type PartialState, Partials } from '../storage/unfinished.ts'
import type { Receiver } from '../upload/receiver.ts'
import { refusedExtension } from '../upload/rules.ts'
import { emptyWith, isStored, moreThanAnnounced, stands, TusBody, withMore } from './body.ts'
import { checksumAlgorithms, type TusHeaders, tusVersion } from './headers.ts'

/** What is spoken here, for who asks with OPTIONS. */
export function tusOffer({ maxFileBytes }: Settings): Reply {
  const limit: Reply['headers'] = maxFileBytes > 0 ? [['Tus-Max-Size', String(maxFileBytes)]] : []
  return emptyWith(204, [
    ['Tus-Version', tusVersion],
    ['Tus-Extension', 'creation,creation-with-upload,termination,expiration,checksum'],
    ['Tus-Checksum-Algorithm', [...checksumAlgorithms.keys()].join(',')],
    ...limit,
  ])
}

/** `id`: of the request. Throws what is refused, as far as it can be known before the body is read. */
export function openTus(
  id: string,
  request: CgiRequest,
  headers: TusHeaders,
  store: Store,
): Reply | Receiver {
  const { method, pathInfo } = request
  const call = { id, request, headers, store, partials: new Partials(store) }
  if (method === 'POST') {
    if (!isCollection.test(pathInfo)) {
      const { methods } = tusDialect
      throw new Fault('METHOD_NOT_ALLOWED', '', undefined, { methods })
    }
    return create(call)
  }
  const [, upload] = uploadPath.exec(pathInfo) ?? []
  if (upload === undefined) throw new Fault('NO_SUCH_UPLOAD')
  if (method === 'HEAD') return stand(call, upload)
  if (method === 'PATCH') return goOn(call, upload)
  call.partials.cancel(upload)
  return emptyWith(204)
}

type Call = {
  readonly id: string
  readonly request: CgiRequest
  readonly headers: TusHeaders
  readonly store: Store
  readonly partials: Partials
}

/** POST */
function create({ id, request, headers, store, partials }: Call): Receiver {
  const { uploadLength: size, metadata, checksum } = headers
  const { settings } = store
  const { maxFileBytes, allowExtensions, blockExtensions } = settings
  if (size === undefined) throw new Fault('BAD_UPLOAD', 'Upload-Length is missing')
  if (maxFileBytes > 0 && size > maxFileBytes) {
    throw new Fault('FILE_TOO_LARGE', `the limit is ${formatSize(maxFileBytes)}`)
  }
  const file = storedName(metadata.name)
  const refused = refusedExtension(file, allowExtensions, blockExtensions)
  if (refused !== undefined) {
    throw new Fault('EXTENSION_REFUSED', `${file}: ${refused || 'no extension'}`)
  }
  if (mayHaveBody(request)) requireType(request)
  requireRoom(request, size, store)
  const upload = randomId()
  const { name, type, text } = metadata
  const append = partials.begin(upload, { size, name, type, field: '', metadata: text })
  // Relative to the address asked, which is all that is known for sure.
  const location = request.pathInfo.endsWith('/') ? upload : `tus/${upload}`
  const reply = emptyWith(201, [['Location', location]])
  return new TusBody(id, append, partials, settings, reply, checksum)
}

/** PATCH */
function goOn({ id, request, headers, store, partials }: Call, upload: string): Reply | Receiver {
  requireType(request)
  const { uploadOffset, uploadLength, checksum } = headers
  if (uploadOffset === undefined) throw new Fault('BAD_UPLOAD', 'Upload-Offset is missing')
  const reply = emptyWith(204)
  const claimed = claim(partials, upload)
  const size = 'files' in claimed ? sizeOf(claimed) : claimed.header.size
  const offset = 'files' in claimed ? size : claimed.offset
  try {
    if (uploadLength !== undefined && uploadLength !== size) {
      throw new Fault('BAD_UPLOAD', `Upload-Length was ${size} and stays that`)
    }
    if (uploadOffset !== offset) throw new OffsetMismatch(offset)
    // Before the end it would be taken for an empty piece, again and again.
    const hasLength = request.contentLength !== 'absent' || request.isChunked
    if (!hasLength && offset < size) throw new Fault('LENGTH_REQUIRED')
    requireRoom(request, size - offset, store)
    if ('files' in claimed) return withMore(reply, isStored(claimed, store.settings))
    return new TusBody(id, claimed, partials, store.settings, reply, checksum)
  } catch (error) {
    if (!('files' in claimed)) claimed.release()
    throw error
  }
}

/**
 * HEAD. While a sender is at work there is no offset to go on from: who asks right after a cut, before that sender
 * has ended, would be told too little, send everything behind it, and be refused.
 * Senders take an offset at the end for success. So when all is there but not stored, because one before failed
 * or died at the very end, it is stored now, or the reply says why not.
 */
function stand({ id, store, partials }: Call, upload: string): Reply | Receiver {
  partials.requireSettled(upload)
  const { header, offset, stored, expiresAt } = partials.look(upload)
  const reply = emptyWith(200, described(header))
  if (stored !== undefined) return withMore(reply, isStored(stored, store.settings))
  if (offset < header.size) return withMore(reply, stands(offset, expiresAt))
  const claimed = claim(partials, upload)
  if ('files' in claimed) return withMore(reply, isStored(claimed, store.settings))
  return new TusBody(id, claimed, partials, store.settings, reply)
}

function described({ size, metadata }: PartialState['header']): Reply['headers'] {
  const length = ['Upload-Length', String(size)] as const
  return metadata === '' ? [length] : [length, ['Upload-Metadata', metadata]]
}

/** To go on with it, or the receipt when it is stored, be it just now by somebody else. */
function claim(partials: Partials, upload: string): Append | Stored {
  try {
    return partials.claim(upload)
  } catch (error) {
    const receipt = partials.receipt(upload)
    if (receipt === undefined) throw error
    return receipt
  }
}

function sizeOf({ files }: Stored): number {
  return files[0]?.size ?? 0
}

/** A request without length has no body, unless it is chunked (RFC 9112 section 6.3). */
function mayHaveBody({ contentLength, isChunked }: CgiRequest): boolean {
  return contentLength === 'absent' ? isChunked : contentLength !== 0
}

function requireType({ contentType }: CgiRequest): void {
  const [type = ''] = contentType.split(';', 1)
  if (type.trim().toLowerCase() !== 'application/offset+octet-stream')
    throw new Fault('NOT_A_PIECE')
}

/** `left`: what is missing of the file. */
function requireRoom({ contentLength }: CgiRequest, left: number, store: Store): void {
  if (contentLength === 'malformed') throw new Fault('BAD_LENGTH')
  const bytes = contentLength === 'absent' ? 0 : contentLength
  const { maxRequestBytes } = store.settings
  if (maxRequestBytes > 0 && bytes > maxRequestBytes) throw new Fault('REQUEST_TOO_LARGE')
  if (bytes > left) throw moreThanAnnounced()
  store.requireSpace(bytes)
}

const isCollection = /^\/tus\/?$/
const uploadPath = /^\/tus\/([0-9a-f]{32})$/

/** Methods, and the headers that pages of other sites may send and read. */
export const tusDialect = {
  methods: 'HEAD, POST, PATCH, DELETE, OPTIONS',
  asked:
    'Content-Type, Tus-Resumable, Upload-Length, Upload-Offset, Upload-Metadata, Upload-Checksum, ' +
    'X-HTTP-Method-Override, X-Requested-With, X-CgiRequest-ID',
  told:
    'Location, Content-Location, Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, ' +
    'Tus-Checksum-Algorithm, Upload-Offset, Upload-Length, Upload-Metadata, Upload-Expires',
}
