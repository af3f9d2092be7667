// Decides what happens to a request: the reply to a request without a body, or the receiver of its
// body. Everything that can be refused before the body is read is refused here.

import { Fault, methodNotAllowedFault } from '../fault.ts'
import { requireBodyLength } from '../http/body-length.ts'
import { parseId } from '../random-id.ts'
import type { LoadedSettings } from '../settings/settings.ts'
import { openStorage } from '../storage/open.ts'
import type { Storage } from '../storage/storage.ts'
import { findReceipt } from '../submission/closing.ts'
import { lookAfter } from '../submission/due.ts'
import { isDeliveryDue, takeSayings } from '../submission/outbox.ts'
import { parseTusHeaders, requireTusVersion } from '../tus/headers.ts'
import { openTus, tusOptions } from '../tus/tus.ts'
import { FormUpload, requireBoundary } from '../upload/form.ts'
import type { Admit, Receiver } from '../upload/receiver.ts'
import { openAdmit, openClose, requireReceipt } from './admit.ts'
import { emptyReply, statusReply } from './answer.ts'
import type { Answer, Call, Receiving } from './call.ts'
import { directoryOf, isForm, routeForm } from './form-route.ts'
import { requirePlainBody } from './guard/encoding.ts'
import { requireKnownOrigin } from './guard/origin.ts'
import { dialectOf } from './headers.ts'

/**
 * The guards of every request, in the order in which they run, before anything is touched. Whether
 * a visitor may begin an upload is asked later, since a field of the form may answer it (admit.ts).
 */
const guards = [requireKnownOrigin, requirePlainBody]

/** Throws a Fault for a request that is refused. */
export function route(call: Call): Answer | Receiving {
  const { id, request, settings } = call
  const { method, isTus } = request
  if (method === 'OPTIONS') return { reply: isTus ? tusOptions(settings) : emptyReply() }
  const { methods } = dialectOf(request)
  if (!methods.split(', ').includes(method)) throw methodNotAllowedFault(methods)
  if (isTus) requireTusVersion(request.env)
  if (isForm(request)) return routeForm(call, (directory) => openStorage(settings, directory))
  if (settings.problems.length > 0) throw new Fault('NOT_CONFIGURED')
  for (const guard of guards) guard(request, settings)
  const storage = openStorage(settings, directoryOf(call))
  const admit = openAdmit(request, settings, storage)
  if (isTus) {
    const headers = parseTusHeaders(request.env)
    const answer = openTus({ id, request, headers, settings, storage, admit })
    return 'status' in answer ? { reply: answer } : receiving(answer, storage, settings)
  }
  if (method === 'POST') return receiving(receiveForm(call, storage, admit), storage, settings)
  if (request.submissionId !== '') return submissionReceipt(call, storage)
  return uploadStatus(request.uploadId, settings, storage)
}

function receiving(receiver: Receiver, storage: Storage, settings: LoadedSettings): Receiving {
  return {
    receiver,
    lookAfter(complain, hasClosed) {
      lookAfter(storage, settings)
      if (settings.notify.length === 0) return false
      for (const line of takeSayings(storage)) complain(line)
      return isDeliveryDue(storage, settings, hasClosed)
    },
  }
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
