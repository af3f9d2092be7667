// Decides what happens to a request: the reply to a request without a body, or the receiver of its
// body. Everything that can be refused before the body is read is refused here.

import { Fault, methodNotAllowedFault } from '../fault.ts'
import { requireBodyLength } from '../http/body-length.ts'
import type { Reply } from '../http/reply.ts'
import type { CgiRequest, Env } from '../http/request.ts'
import { siteOfRequest } from '../http/site.ts'
import type { Outcome, Receipt } from '../outcome.ts'
import { parseId } from '../random-id.ts'
import type { Invitation } from '../settings/row.ts'
import type { LoadedSettings } from '../settings/settings.ts'
import { openStorage } from '../storage/open.ts'
import type { Storage } from '../storage/storage.ts'
import { usableDirectory } from '../storage/usable.ts'
import { findReceipt } from '../submission/closing.ts'
import { parseTusHeaders, requireTusVersion } from '../tus/headers.ts'
import { openTus, tusOptions } from '../tus/tus.ts'
import { FormUpload, requireBoundary } from '../upload/form.ts'
import type { Admit, Receiver } from '../upload/receiver.ts'
import { openAdmit, openClose, requireReceipt } from './admit.ts'
import { emptyReply, statusReply } from './answer.ts'
import { requirePlainBody } from './guard/encoding.ts'
import { requireKnownOrigin } from './guard/origin.ts'
import { requireVisitor } from './guard/visitor.ts'
import { dialectOf } from './headers.ts'

export type Call = {
  /** The id of the request. */
  readonly id: string
  readonly request: CgiRequest
  readonly env: Env
  readonly settings: LoadedSettings
  /** The path of this executable. */
  readonly programFile: string
  /** What Kept has of this name. */
  readonly directories: Map<string, string> | undefined
  /** Makes the page for a GET. */
  formReply(invitation: Invitation | undefined): Reply
  /** Makes the reply to a question for a receipt. */
  receiptReply(receipt: Receipt): Reply
}

/** Whoever receives the body, and the storage that it is received into. */
export type Receiving = { readonly receiver: Receiver; readonly storage: Storage }

export type Answer = { readonly reply: Reply; readonly outcome?: Outcome }

/**
 * The guards of every request, in the order in which they run, before anything is touched. Whether
 * a visitor may begin an upload is asked later, since a field of the form may answer it (admit.ts).
 */
const guards = [requireKnownOrigin, requirePlainBody]

/** Throws a Fault for a request that is refused. */
export function route(call: Call): Answer | Receiving {
  const { id, request, env, settings } = call
  const { method, isTus } = request
  if (method === 'OPTIONS') return { reply: isTus ? tusOptions(settings) : emptyReply() }
  const { methods } = dialectOf(request)
  if (!methods.split(', ').includes(method)) throw methodNotAllowedFault(methods)
  if (isTus) requireTusVersion(env)
  if (settings.problems.length > 0) throw new Fault('NOT_CONFIGURED')
  for (const guard of guards) guard(request, settings)
  const directory = directoryOf(call)
  // The form needs to know only that the directory can be used.
  const isForm =
    method !== 'POST' && !isTus && request.uploadId === '' && request.submissionId === ''
  if (isForm) {
    const open = () => openStorage(settings, directory)
    const invitation = requireVisitor(request, nothingSaid, settings, open)
    return { reply: call.formReply(invitation) }
  }
  const storage = openStorage(settings, directory)
  const admit = openAdmit(request, settings, storage)
  if (isTus) {
    const headers = parseTusHeaders(env)
    const answer = openTus({ id, request, headers, settings, storage, admit })
    return 'status' in answer ? { reply: answer } : { receiver: answer, storage }
  }
  if (method === 'POST') return { receiver: receiveForm(call, storage, admit), storage }
  if (request.submissionId !== '') return submissionReceipt(call, storage)
  return uploadStatus(request.uploadId, settings, storage)
}

function directoryOf({ env, settings, programFile, directories }: Call): string {
  const site = siteOfRequest(env, programFile)
  if (directories === undefined) return usableDirectory(settings, site)
  const key = [site.script, ...site.documentRoots].join('\0')
  const directory = directories.get(key) ?? usableDirectory(settings, site)
  directories.set(key, directory)
  return directory
}

function receiveForm({ id, request, settings }: Call, storage: Storage, admit: Admit): Receiver {
  const boundary = requireBoundary(request.contentType)
  const bytes = requireBodyLength(request, settings)
  if (request.contentLength === 0) throw new Fault('NOTHING_UPLOADED')
  if (request.contentLength === 'absent' && !request.isChunked) throw new Fault('LENGTH_REQUIRED')
  storage.requireSpace(bytes)
  const bodyBytes = request.isChunked ? Infinity : bytes
  return new FormUpload(id, boundary, settings, storage, {
    bodyBytes,
    admit,
    close: openClose(settings, storage),
  })
}

/** Whoever knows the id of a submission may ask for its receipt. Nothing is changed by that. */
function submissionReceipt({ request, settings, receiptReply }: Call, storage: Storage): Answer {
  const id = parseId(request.submissionId)
  const receipt = id === undefined ? undefined : findReceipt(storage, id, settings)
  return { reply: receiptReply(requireReceipt(receipt)) }
}

/** A client that does not know the id gets NO_SUCH_UPLOAD and learns nothing. */
function uploadStatus(id: string, settings: LoadedSettings, storage: Storage): Answer {
  const upload = parseId(id)
  if (upload === undefined) throw new Fault('NO_SUCH_UPLOAD')
  const { header, offset, stored } = storage.unfinished.status(upload)
  const partial = { upload, offset, size: header.size }
  const reply = statusReply(partial, stored, settings)
  const outcome = { storedNow: false, partial }
  return { reply, outcome: stored === undefined ? outcome : { ...outcome, stored } }
}

const nothingSaid = { invite: undefined, passphrase: undefined }
