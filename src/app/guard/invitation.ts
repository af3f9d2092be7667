// Finds the invitation by which a visitor comes. It refuses a token that is not known, two that
// differ, and an invitation that has ended, even where nobody needs one: whoever has a link is told
// that it does not work, and does not send under another name.

import { Fault } from '../../fault.ts'
import type { Invitation } from '../../settings/row.ts'
import type { Settings } from '../../settings/settings.ts'
import { isSame } from './comparison.ts'

/**
 * `tokens`: all that the request has. Undefined without any. Throws INVITATION_INVALID and
 * INVITATION_ENDED.
 */
export function invitationOf(
  tokens: readonly string[],
  { invitations }: Settings,
): Invitation | undefined {
  const [token] = tokens
  if (token === undefined) return undefined
  const invitation = invitations.find((one) => isSame(one.token, token))
  if (invitation === undefined || tokens.some((other) => other !== token)) {
    throw new Fault('INVITATION_INVALID')
  }
  if (invitation.endsAt !== 0 && Date.now() >= invitation.endsAt) {
    throw new Fault('INVITATION_ENDED')
  }
  return invitation
}
