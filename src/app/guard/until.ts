// After `open_until`, refuses whatever would begin an upload.

import { Fault } from '../../fault.ts'
import type { Settings } from '../../settings/settings.ts'

/** Throws CLOSED. */
export function requireOpen({ openUntil }: Settings): void {
  if (openUntil !== 0 && Date.now() >= openUntil) throw new Fault('CLOSED')
}
