// What a visitor writes without choosing a file, where the owner lets files be optional: one
// request with the answers alone.

import { failureOf } from './failure.client.ts'
import { askPassphrase } from './passphrase.client.ts'
import { postAgain } from './post.client.ts'
import type { Reply } from './reply.client.ts'
import type { Target } from './request.client.ts'
import { leaveSubmission, submissionId } from './submission.client.ts'

/** The reply of the server that has accepted it, or a sentence that says why it has not. */
export async function sendMessage(target: Target): Promise<Reply | string> {
  const { url, fields } = target
  const submission = submissionId()
  const form = new FormData()
  form.append('_submission', submission)
  for (const [name, value] of fields) form.append(name, value)
  const reply = await postAgain(url, form)
  if (reply?.status === 201 && Array.isArray(reply.files)) return reply
  const code = reply?.code
  // A new one is never closed.
  if (code === 'SUBMISSION_CLOSED') leaveSubmission(submission)
  const isNext = code === 'SUBMISSION_CLOSED' || (await isUnlocked(url, code))
  return isNext ? sendMessage(target) : failureOf(reply)
}

async function isUnlocked(url: string, code: unknown): Promise<boolean> {
  return code === 'PASSPHRASE_REQUIRED' && askPassphrase(url)
}
