// tus 1.0.0 (https://tus.io/protocols/resumable-upload) under PATH_INFO /tus: core, creation,
// creation with upload, termination, expiration, checksum. Its unfinished uploads are the same as
// those of POST in pieces, and the same commit stores them. It refuses an unknown address, an
// offset that does not match, and a file that the owner's rules do not allow. headers.ts parses the
// headers, body.ts receives the body; route.ts has already checked origin and user.

import { Fault, methodNotAllowedFault, offsetMismatchFault } from '../fault.ts'
import { requireBodyLength } from '../http/body-length.ts'
import type { Reply } from '../http/reply.ts'
import type { CgiRequest } from '../http/request.ts'
import type { Stored } from '../outcome.ts'
import { parseId, randomId } from '../random-id.ts'
import type { Settings } from '../settings/settings.ts'
import { storedName } from '../storage/filename.ts'
import type { Appending, Storage, UploadHeader } from '../storage/storage.ts'
import { addFolders, requirePlace } from '../upload/place.ts'
import { type Admission, type Admit, beginningOf, type Receiver } from '../upload/receiver.ts'
import { requireAllowedExtension, requireFileSize } from '../upload/refusal.ts'
import {
  emptyReply,
  fieldsOf,
  moreThanAnnouncedFault,
  storedHeaders,
  TusBody,
  unfinishedHeaders,
  withMore,
} from './body.ts'
import { checksumAlgorithms, type Metadata, type TusHeaders, tusVersion } from './headers.ts'

/** The reply to OPTIONS: the version, the extensions and the limits that are offered. */
export function tusOptions({ maxFileBytes }: Settings): Reply {
  const limit: Reply['headers'] = maxFileBytes > 0 ? [['Tus-Max-Size', String(maxFileBytes)]] : []
  return emptyReply(204, [
    ['Tus-Version', tusVersion],
    ['Tus-Extension', 'creation,creation-with-upload,termination,expiration,checksum'],
    ['Tus-Checksum-Algorithm', [...checksumAlgorithms.keys()].join(',')],
    ...limit,
  ])
}

/** All methods of this protocol. */
export const tusMethods = 'HEAD, POST, PATCH, DELETE, OPTIONS'
/** Those that the address of one upload answers: POST creates, and only at `/tus`. */
const uploadMethods = 'HEAD, PATCH, DELETE, OPTIONS'

export type TusCall = {
  /** The id of the request. */
  readonly id: string
  readonly request: CgiRequest
  readonly headers: TusHeaders
  readonly settings: Settings
  readonly storage: Storage
  readonly admit: Admit
}

/** Throws a Fault for a request that can be refused before its body is read. */
export function openTus(call: TusCall): Reply | Receiver {
  const { method, pathInfo } = call.request
  if (method === 'POST') {
    if (!/^\/tus\/?$/.test(pathInfo)) throw methodNotAllowedFault(uploadMethods)
    return create(call)
  }
  const upload = parseId(pathInfo.slice('/tus/'.length))
  if (upload === undefined) throw new Fault('NO_SUCH_UPLOAD')
  if (method === 'HEAD') return status(call, upload)
  if (method === 'PATCH') return resume(call, upload)
  call.storage.unfinished.cancel(upload)
  return emptyReply(204)
}

/** POST */
function create(call: TusCall): Receiver {
  const { id, request, headers, settings, storage, admit } = call
  const { uploadLength: size, metadata, checksum } = headers
  if (size === undefined) throw new Fault('BAD_UPLOAD', 'Upload-Length is missing')
  requireFileSize(size, settings)
  requireAllowedExtension(storedName(metadata.name), settings)
  if (mayHaveBody(request)) requireType(request)
  const upload = randomId()
  const admission = admit(fieldsOf(metadata, upload, false))
  const { origin } = admission
  const place = requirePlace(metadata.folders, metadata.name, settings, origin.folder)
  addFolders(new Set(), place, storage, admission)
  requireRoom(request, size, settings, storage)
  const { folders, type, text } = metadata
  const name = `${folders}${metadata.name}`
  const owners = origin.folder.join('/')
  const header = { size, name, place, folder: owners, type, field: '', metadata: text }
  const isWhole = request.isChunked || Number(request.contentLength) >= size || size === 0
  const beginning = beginningOf(admission, upload, size, isWhole)
  const append = storage.unfinished.begin(upload, header, beginning)
  const reply = emptyReply(201, [['Location', locationOf(upload, request, headers)]])
  return new TusBody(id, append, storage.unfinished, settings, reply, () => admission, checksum)
}

/**
 * An absolute path, since clients such as Uppy keep it without the address that it was relative to.
 * Where the path is not known it is relative to the requested address.
 */
function locationOf(upload: string, request: CgiRequest, { requestPath }: TusHeaders): string {
  if (requestPath === undefined) return request.pathInfo.endsWith('/') ? upload : `tus/${upload}`
  return requestPath.endsWith('/') ? `${requestPath}${upload}` : `${requestPath}/${upload}`
}

/** PATCH */
function resume(call: TusCall, upload: string): Reply | Receiver {
  const { id, request, headers, settings, storage, admit } = call
  requireType(request)
  const { uploadOffset, uploadLength, checksum } = headers
  if (uploadOffset === undefined) throw new Fault('BAD_UPLOAD', 'Upload-Offset is missing')
  const reply = emptyReply(204)
  const claimed = claim(storage, upload)
  const size = 'files' in claimed ? sizeOf(claimed) : claimed.header.size
  const offset = 'files' in claimed ? size : claimed.offset
  try {
    if (uploadLength !== undefined && uploadLength !== size) {
      throw new Fault('BAD_UPLOAD', `Upload-Length was ${size} and stays that`)
    }
    if (uploadOffset !== offset) throw offsetMismatchFault(offset)
    // Without this check it would be taken for an empty piece, again and again.
    const hasLength = request.contentLength !== 'absent' || request.isChunked
    if (!hasLength && offset < size) throw new Fault('LENGTH_REQUIRED')
    requireRoom(request, size - offset, settings, storage)
    if ('files' in claimed) return withMore(reply, storedHeaders(claimed, settings))
    const admitted = resumed(admit, claimed)
    return new TusBody(id, claimed, storage.unfinished, settings, reply, admitted, checksum)
  } catch (error) {
    if (!('files' in claimed)) claimed.release()
    throw error
  }
}

/**
 * HEAD. While another sender is active the offset is not final. A client that asks right after a
 * dropped connection would get an offset that is too low, resend from there, and be refused; so it
 * is told to wait.
 * Clients take an offset at the end for success. So when all bytes are there but the file is not
 * stored, because the last sender failed or died at the very end, the file is stored now, or the
 * reply says why not.
 */
function status({ id, settings, storage, admit }: TusCall, upload: string): Reply | Receiver {
  const { unfinished } = storage
  unfinished.requireSettled(upload)
  const { header, offset, stored, expiresAt } = unfinished.status(upload)
  const reply = emptyReply(200, headersOf(header))
  if (stored !== undefined) return withMore(reply, storedHeaders(stored, settings))
  if (offset < header.size) return withMore(reply, unfinishedHeaders(offset, expiresAt))
  const claimed = claim(storage, upload)
  if ('files' in claimed) return withMore(reply, storedHeaders(claimed, settings))
  return new TusBody(id, claimed, unfinished, settings, reply, resumed(admit, claimed))
}

/** An upload was admitted when it was created. */
function resumed(admit: Admit, { id }: Appending): (metadata: Metadata) => Admission {
  return (metadata) => admit(fieldsOf(metadata, id, true))
}

function headersOf({ size, metadata }: UploadHeader): Reply['headers'] {
  const length = ['Upload-Length', String(size)] as const
  return metadata === '' ? [length] : [length, ['Upload-Metadata', metadata]]
}

/**
 * Claims the upload to resume it. Returns what was stored if it is finished, even if another sender
 * finished it just now.
 */
function claim({ unfinished }: Storage, upload: string): Appending | Stored {
  try {
    return unfinished.claim(upload)
  } catch (error) {
    const stored = unfinished.stored(upload)
    if (stored === undefined) throw error
    return stored
  }
}

function sizeOf({ files }: Stored): number {
  return files[0]?.size ?? 0
}

/** A request without a length has no body, unless it is chunked (RFC 9112 section 6.3). */
function mayHaveBody({ contentLength, isChunked }: CgiRequest): boolean {
  return contentLength === 'absent' ? isChunked : contentLength !== 0
}

function requireType({ contentType }: CgiRequest): void {
  const [type = ''] = contentType.split(';', 1)
  if (type.trim().toLowerCase() !== 'application/offset+octet-stream')
    throw new Fault('NOT_A_PIECE')
}

/** `missingBytes`: the bytes of the file that have not arrived. */
function requireRoom(
  request: CgiRequest,
  missingBytes: number,
  settings: Settings,
  storage: Storage,
): void {
  const bytes = requireBodyLength(request, settings)
  if (bytes > missingBytes) throw moreThanAnnouncedFault()
  storage.requireSpace(bytes)
}
