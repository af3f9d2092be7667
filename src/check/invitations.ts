// What `check` says of invitations: which links work no more, because their time is over or because
// what may come by them has come. A customer is told so, and the owner should know it before.

import { type Finding, warning } from '../finding.ts'
import { invitationTally, sumSoFar } from '../limit/limit.ts'
import { formatSize } from '../quantity.ts'
import type { Invitation } from '../settings/row.ts'
import type { LoadedSettings } from '../settings/settings.ts'
import type { Storage } from '../storage/storage.ts'

export function invitationFindings(settings: LoadedSettings, storage: Storage): Finding[] {
  return settings.invitations.flatMap((invitation) => {
    const end = endOf(invitation, storage)
    return end === undefined ? [] : [ended(invitation, end, settings.file)]
  })
}

type End = { readonly why: string; readonly key: string }

/** Undefined while it works. */
function endOf(invitation: Invitation, storage: Storage): End | undefined {
  const { endsAt, maxBytes, maxFiles } = invitation
  if (endsAt !== 0 && Date.now() >= endsAt) return { why: 'its time is over', key: 'until' }
  if (maxBytes === 0 && maxFiles === 0) return undefined
  const { bytes, files } = sumSoFar(storage, invitationTally(invitation))
  if (maxFiles > 0 && files >= maxFiles) {
    return { why: `${files} of ${maxFiles} files have come`, key: 'max_files' }
  }
  // The last bytes are rarely taken: a file that is larger is refused.
  if (maxBytes === 0 || bytes < nearlyAll * maxBytes) return undefined
  return { why: `${formatSize(bytes)} of ${formatSize(maxBytes)} have come`, key: 'max_size' }
}

function ended({ name }: Invitation, { why, key }: End, file: string): Finding {
  const message = `the link of ${name} takes nothing more: ${why}`
  const remedy = `raise its ${key} in ${file}, or remove its [[invitations]] there`
  return warning('INVITATION_ENDED', message, remedy)
}

const nearlyAll = 0.99
