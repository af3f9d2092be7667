// The seam between app.ts, which answers a request, and the two that decide what happens to it:
// form-route.ts for a form, route.ts for everything. Types alone.

import type { Reply } from '../http/reply.ts'
import type { CgiRequest } from '../http/request.ts'
import type { Complain } from '../log.ts'
import type { Outcome, Receipt } from '../outcome.ts'
import type { Invitation } from '../settings/row.ts'
import type { LoadedSettings } from '../settings/settings.ts'
import type { Receiver } from '../upload/receiver.ts'

export type Call = {
  /** The id of the request. */
  readonly id: string
  readonly request: CgiRequest
  readonly settings: LoadedSettings
  /** The path of this executable. */
  readonly programFile: string
  /** What Kept has of this name. */
  readonly directories: Map<string, string> | undefined
  /** Makes the page for a GET. */
  formReply(invitation: Invitation | undefined): Reply
  /** Makes the reply to a question for a receipt. */
  receiptReply(receipt: Receipt): Reply
}

/** Whoever receives the body. */
export type Receiving = {
  readonly receiver: Receiver
  /**
   * Does what is due after the reply. `hasClosed`: the request closed a submission. Returns whether
   * a deliverer has something to do.
   */
  lookAfter(complain: Complain, hasClosed: boolean): boolean
}

export type Answer = { readonly reply: Reply; readonly outcome?: Outcome }

/** Throws a Fault for a request that is refused. */
export type Route = (call: Call) => Answer | Receiving
