// A sender that stalls in the middle of its body, for so long that another one may resume the
// upload.

import { existsSync, utimesSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { type CgiOptions, type CgiReply, runCgi } from './cgi.ts'

export type StalledSender = {
  /** It sends the rest, and ends. */
  resume(): Promise<CgiReply>
}

/**
 * `claim`: the file that it creates, once that has a name. Resolves when it has sent `sent` and is
 * believed dead.
 */
export async function startStalledSender(
  options: CgiOptions,
  claim: () => string,
  sent: Buffer,
  rest: Buffer = Buffer.alloc(0),
): Promise<StalledSender> {
  let wake = () => {}
  const awake = new Promise<void>((resolved) => {
    wake = resolved
  })
  const body = (async function* () {
    yield sent
    await awake
    yield rest
  })()
  const reply = runCgi({ ...options, body })
  while (!existsSync(claim())) await delay(20)
  await delay(300)
  const longAgo = new Date(Date.now() - 60_000)
  utimesSync(claim(), longAgo, longAgo)
  return {
    resume() {
      wake()
      return reply
    },
  }
}
