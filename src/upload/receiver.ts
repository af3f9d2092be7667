// The seam between app and what receives a body: a form (form.ts) or tus (tus/body.ts).

import type { Reply } from '../http/reply.ts'
import type { MakeReply } from '../outcome.ts'

/** What receives a body: write · end, or abort after any Fault that it throws. */
export type Receiver = {
  write(chunk: Buffer): void
  /** The body is over. `accept` makes the reply of what became of it. */
  end(accept: MakeReply<Reply>): Reply
  abort(): void
}
