// With `require_user`, refuses visitors whom the web server did not authenticate.

import { Fault } from '../../fault.ts'
import type { CgiRequest } from '../../http/request.ts'
import type { Settings } from '../../settings/settings.ts'

/** Throws USER_REQUIRED. */
export function requireUser({ remoteUser }: CgiRequest, settings: Settings): void {
  if (settings.requireUser && remoteUser === '') throw new Fault('USER_REQUIRED')
}
