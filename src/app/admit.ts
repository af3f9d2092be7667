// Answers the one question of an upload that only its fields can answer: whether its sender may
// store what follows, to which submission that belongs, and where it goes. A guard that needs
// fields, such as one of a passphrase, is a step here; what can be refused without them is in
// guard/ and runs before the body is read.

import { Fault } from '../fault.ts'
import { commonHeaders, type Reply } from '../http/reply.ts'
import type { CgiRequest } from '../http/request.ts'
import { addressText, senderOf } from '../http/sender.ts'
import { openCharge } from '../limit/charge.ts'
import type { Receipt, SenderText } from '../outcome.ts'
import { parseId, randomId } from '../random-id.ts'
import type { Invitation } from '../settings/row.ts'
import type { LoadedSettings, Settings } from '../settings/settings.ts'
import type { Origin, Storage } from '../storage/storage.ts'
import { placesOf } from '../submission/batch.ts'
import { closeSubmission } from '../submission/closing.ts'
import { numberOf, openSubmission } from '../submission/submission.ts'
import { attempt } from '../system-error.ts'
import type { Admission, Admit, Close, Fields } from '../upload/receiver.ts'
import { destinationOf } from './destination.ts'
import { invitationOf } from './guard/invitation.ts'
import { cookieHeader } from './guard/passphrase.ts'
import { requireAnswers } from './guard/required.ts'
import { requireVisitor } from './guard/visitor.ts'

export function openAdmit(request: CgiRequest, settings: LoadedSettings, storage: Storage): Admit {
  return (fields) => admit(fields, request, settings, storage)
}

/** Whoever knows the id of a submission may close it. */
export function openClose(settings: Settings, storage: Storage): Close {
  return (own) => {
    const id = submissionId(own)
    if (id === undefined) throw new Fault('BAD_UPLOAD', '_close without _submission')
    return requireReceipt(closeSubmission(storage, id, settings))
  }
}

export function requireReceipt(receipt: Receipt | undefined): Receipt {
  if (receipt === undefined) throw new Fault('NO_SUCH_SUBMISSION')
  return receipt
}

/** Throws the Fault of the first step that refuses. A later piece was admitted with the first. */
function admit(
  fields: Fields,
  request: CgiRequest,
  settings: LoadedSettings,
  storage: Storage,
): Admission {
  const { own, isResumed } = fields
  const said = { invite: own.get('_invite'), passphrase: own.get('_passphrase') }
  if (isResumed) {
    const invitation = attempt(() => invitationOf(request.invites, settings))
    const origin = originOf(fields, visitorOf(request, settings, invitation), storage, () => [])
    return { sender: senderOf(request, settings), origin, placesBefore: () => [] }
  }
  const invitation = requireVisitor(request, said, settings, () => storage)
  const sender = senderOf(request, settings, invitation?.name)
  const visitor = visitorOf(request, settings, invitation)
  const isPassphraseAlone = said.passphrase !== undefined && own.size === 1 && !fields.hasFile
  const isAsking = isPassphraseAlone && fields.others.length === 0 && settings.passphrase !== ''
  if (isAsking) {
    const origin = originOf(fields, visitor, storage, () => [])
    const reply = welcomeReply(request, settings, storage)
    return { sender, origin, placesBefore: () => [], reply }
  }
  requireAnswers(fields.others, request, settings)
  const folder = (receipt: string) => {
    const { name = request.remoteUser, folder: own = '' } = invitation ?? {}
    const arrival = { time: new Date(), sender: name, receipt, fields: fields.others }
    return destinationOf(own || settings.folder, settings, arrival)
  }
  const origin = originOf(fields, visitor, storage, folder)
  const charge = openCharge(storage, settings, sender, invitation)
  const { submission: key, day, isWhole } = origin
  const placesBefore = () => (isWhole ? [] : placesOf(storage, { key, day }))
  return { sender, origin, placesBefore, ...(charge === undefined ? {} : { charge }) }
}

/** Whoever has typed the passphrase gets a cookie, and goes back to the form. */
function welcomeReply(request: CgiRequest, settings: LoadedSettings, storage: Storage): Reply {
  const headers = [...commonHeaders, cookieHeader(request, settings, storage)]
  if (request.format !== 'html') return { status: 204, headers, body: '' }
  // An address of a query alone is the address of the request, whatever a proxy made of its path.
  const query = /^[!-~]*$/.test(request.query) ? request.query : ''
  return { status: 303, headers: [...headers, ['Location', `?${query}`]], body: '' }
}

/** Who sends, as the record has it. `who`: whom a submission belongs to; '' for anybody. */
type Recorded = {
  readonly who: string
  readonly sender: SenderText
  /** There is nobody to tell of what came. */
  readonly isToldAtOnce: boolean
}

function visitorOf(
  request: CgiRequest,
  settings: Settings,
  invitation: Invitation | undefined,
): Recorded {
  const user = request.remoteUser.slice(0, 200)
  const address = addressText(request, settings)
  const sender = {
    ...(invitation === undefined ? {} : { invitation: invitation.name }),
    ...(user === '' ? {} : { user }),
    ...(address === undefined ? {} : { address }),
  }
  const ofUser = request.remoteUser === '' ? '' : `user ${request.remoteUser}`
  const who = invitation === undefined ? ofUser : `invitation ${invitation.name}`
  return { who, sender, isToldAtOnce: !settings.receiptFile && settings.notify.length === 0 }
}

/** `folderOf`: where the files of a submission that begins now go, by its number. */
function originOf(
  { own, upload, isResumed }: Fields,
  { who, sender, isToldAtOnce }: Recorded,
  storage: Storage,
  folderOf: (receipt: string) => readonly string[],
): Origin {
  const id = submissionId(own)
  if (id === undefined) {
    // A submission of its own.
    const key = upload === '' ? randomId() : storage.notes.nameOf(upload)
    const day = new Date().toISOString().slice(0, 10)
    const receipt = numberOf(key)
    const folder = folderOf(receipt)
    return { submission: key, day, isWhole: true, isToldAtOnce, receipt, sender, folder }
  }
  const submission = openSubmission(storage, id, { who, isResumed, folder: folderOf })
  const { key, day, receipt, folder } = submission
  return { submission: key, day, isWhole: false, isToldAtOnce, receipt, sender, folder }
}

/** Undefined when the request names none. */
function submissionId(own: Fields['own']): string | undefined {
  const text = own.get('_submission')
  if (text === undefined) return undefined
  const id = parseId(text)
  if (id !== undefined) return id
  throw new Fault('BAD_UPLOAD', '_submission must be 32 hexadecimal digits')
}
