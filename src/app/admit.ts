// Answers the one question of an upload that only its fields can answer: whether its sender may
// store what follows, and where it goes. A guard that needs fields, such as one of a passphrase, is
// a step here; what can be refused without them is in guard/ and runs before the body is read.

import { Fault } from '../fault.ts'
import { commonHeaders, type Reply } from '../http/reply.ts'
import type { CgiRequest } from '../http/request.ts'
import { senderOf } from '../http/sender.ts'
import { openCharge } from '../limit/charge.ts'
import { parseId } from '../random-id.ts'
import type { LoadedSettings } from '../settings/settings.ts'
import type { Storage } from '../storage/storage.ts'
import type { Admission, Admit, Fields } from '../upload/receiver.ts'
import { destinationOf } from './destination.ts'
import { cookieHeader } from './guard/passphrase.ts'
import { requireAnswers } from './guard/required.ts'
import { requireVisitor } from './guard/visitor.ts'

export function openAdmit(request: CgiRequest, settings: LoadedSettings, storage: Storage): Admit {
  return (fields) => admit(fields, request, settings, storage)
}

/** Throws the Fault of the first step that refuses. A later piece was admitted with the first. */
function admit(
  fields: Fields,
  request: CgiRequest,
  settings: LoadedSettings,
  storage: Storage,
): Admission {
  const { own, isResumed } = fields
  requireSubmissionId(own)
  if (isResumed) return { sender: senderOf(request, settings), folder: [] }
  const said = { invite: own.get('_invite'), passphrase: own.get('_passphrase') }
  const { sender, invitation } = requireVisitor(request, said, settings, () => storage)
  const isPassphraseAlone = said.passphrase !== undefined && own.size === 1
  const isAsking = isPassphraseAlone && fields.others.length === 0 && settings.passphrase !== ''
  const reply = isAsking ? welcomeReply(request, settings, storage) : undefined
  if (reply !== undefined) return { sender, folder: [], reply }
  requireAnswers(fields.others, request, settings)
  const arrival = {
    time: new Date(),
    sender: invitation?.name ?? request.remoteUser,
    fields: fields.others,
  }
  const folder = destinationOf(invitation?.folder || settings.folder, settings, arrival)
  const charge = openCharge(storage, settings, sender, invitation)
  return { sender, folder, ...(charge === undefined ? {} : { charge }) }
}

/** Whoever has typed the passphrase gets a cookie, and goes back to the form. */
function welcomeReply(request: CgiRequest, settings: LoadedSettings, storage: Storage): Reply {
  const headers = [...commonHeaders, cookieHeader(request, settings, storage)]
  if (request.format !== 'html') return { status: 204, headers, body: '' }
  // An address of a query alone is the address of the request, whatever a proxy made of its path.
  const query = /^[!-~]*$/.test(request.query) ? request.query : ''
  return { status: 303, headers: [...headers, ['Location', `?${query}`]], body: '' }
}

function requireSubmissionId(own: Fields['own']): void {
  const id = own.get('_submission')
  if (id === undefined || parseId(id) !== undefined) return
  throw new Fault('BAD_UPLOAD', '_submission must be 32 hexadecimal digits')
}
