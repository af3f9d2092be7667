// Answers the one question of an upload that only its fields can answer: whether its sender may
// store what follows, and where it goes. A guard that needs fields, such as one of a passphrase, is
// a step here; what can be refused without them is in guard/ and runs before the body is read.

import { Fault } from '../fault.ts'
import type { CgiRequest } from '../http/request.ts'
import { senderOf } from '../http/sender.ts'
import { parseId } from '../random-id.ts'
import type { Settings } from '../settings/settings.ts'
import type { Admission, Admit, Fields } from '../upload/receiver.ts'

export function openAdmit(request: CgiRequest, settings: Settings): Admit {
  return (fields) => admit(fields, request, settings)
}

/** Throws the Fault of the first step that refuses. A later piece was admitted with the first. */
function admit({ own }: Fields, request: CgiRequest, settings: Settings): Admission {
  requireSubmissionId(own)
  return { sender: senderOf(request, settings), folder: [] }
}

function requireSubmissionId(own: Fields['own']): void {
  const id = own.get('_submission')
  if (id === undefined || parseId(id) !== undefined) return
  throw new Fault('BAD_UPLOAD', '_submission must be 32 hexadecimal digits')
}
