// Refuses posts from pages of other sites (cross-site request forgery).

import { Fault } from '../../fault.ts'
import type { CgiRequest } from '../../http/request.ts'
import type { Settings } from '../../settings/settings.ts'

/** Throws FOREIGN_ORIGIN. Reading the form is harmless and always allowed. */
export function requireKnownOrigin(
  { method, origin, hasForeignOrigin }: CgiRequest,
  { allowedOrigins }: Settings,
): void {
  if (method === 'GET' || method === 'HEAD') return
  if (hasForeignOrigin && !allowedOrigins.includes(origin)) throw new Fault('FOREIGN_ORIGIN')
}
