// Whether a visitor may begin an upload: by an invitation, as a user of the web server, or by the
// passphrase, whichever of these the owner has set. It is asked when the form is shown, before the
// first file of a request, and when an upload in pieces begins.

import { Fault } from '../../fault.ts'
import type { CgiRequest } from '../../http/request.ts'
import { senderOf } from '../../http/sender.ts'
import type { Invitation } from '../../settings/row.ts'
import type { LoadedSettings } from '../../settings/settings.ts'
import type { Storage } from '../../storage/storage.ts'
import { invitationOf } from './invitation.ts'
import { hasCookie, requirePassphrase } from './passphrase.ts'
import { requireOpen } from './until.ts'

/** What a visitor says in the fields of a form, beside what the request itself has. */
export type Said = {
  readonly invite: string | undefined
  readonly passphrase: string | undefined
}

/**
 * Returns the invitation by which the visitor comes; undefined without one. Throws CLOSED,
 * INVITATION_INVALID, INVITATION_ENDED, PASSPHRASE_REQUIRED, TOO_MANY_TRIES and USER_REQUIRED.
 * `storage` is opened only where a passphrase has to be looked at.
 */
export function requireVisitor(
  request: CgiRequest,
  said: Said,
  settings: LoadedSettings,
  storage: () => Storage,
): Invitation | undefined {
  requireOpen(settings)
  const tokens = said.invite === undefined ? request.invites : [...request.invites, said.invite]
  const invitation = invitationOf(tokens, settings)
  const { requireUser, invitedOnly, passphrase } = settings
  const isOpen = !requireUser && !invitedOnly && passphrase === ''
  const isUser = requireUser && request.remoteUser !== ''
  if (invitation !== undefined || isOpen || isUser) return invitation
  if (passphrase !== '') {
    const given = said.passphrase ?? request.passphrase
    const isKnown = hasCookie(request, settings, storage)
    if (!isKnown && given === undefined) throw new Fault('PASSPHRASE_REQUIRED')
    if (isKnown) return undefined
    requirePassphrase(given ?? '', senderOf(request, settings), settings, storage())
    return undefined
  }
  throw new Fault(invitedOnly ? 'INVITATION_INVALID' : 'USER_REQUIRED')
}
