// What the form says to a visitor who comes by an invitation, and how long it is open.

import { momentText } from '../settings/moment.ts'
import type { Invitation } from '../settings/row.ts'
import type { Settings } from '../settings/settings.ts'
import { type Fragment, html, trusted } from './html.ts'
import type { Theme } from './theme.ts'

/** Who is invited, and how long the form is open. */
export function greeting(
  invitation: Invitation | undefined,
  { openUntil }: Settings,
  theme: Theme,
): Fragment {
  const { text } = theme.language
  const ends = [openUntil, invitation?.endsAt ?? 0].filter((end) => end !== 0)
  const [before = '', after = ''] = text('invite.greeting').split('{name}')
  const [from = '', to = ''] = text('form.until').split('{time}')
  const lines: Fragment[] = []
  if (invitation !== undefined) {
    lines.push(html`<p>${before}<bdi>${invitation.name}</bdi>${after}</p>`)
  }
  if (ends.length > 0) {
    lines.push(html`<p>${from}<time>${momentText(Math.min(...ends))}</time>${to}</p>`)
  }
  return html`${lines}`
}

/** A form that is printed or framed elsewhere may lose its address, and with it the token. */
export function invite(invitation: Invitation | undefined): Fragment {
  if (invitation === undefined) return trusted('')
  return html`<input type="hidden" name="_invite" value="${invitation.token}">`
}
