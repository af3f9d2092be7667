// What a refusal means: the words for it, whether it concerns one file, and whether the same
// request may succeed a little later. Ours say so themselves (`passing`); of a reply from something
// in front of the program the status tells. The same list is in upload.sh.

import type { Reply } from './reply.client.ts'
import { say } from './words.client.ts'

/** Why it failed, in words; undefined: nobody answered. */
export function failureOf(reply: Reply | undefined): string {
  if (reply === undefined) return say('failed.network')
  const { status, code, detail } = reply
  if (typeof code === 'string') return detail ?? code
  const sentence = { 401: 'signIn', 403: 'forbidden', 406: 'forbidden', 413: 'tooLarge' }[status]
  const name = sentence ?? (status < 400 ? 'instead' : 'server')
  return say(`failed.${name}`, { status: String(status) })
}

export function isPassingStatus(status: number): boolean {
  return passing.includes(status) || (status >= 520 && status <= 530)
}

/** Of a firewall: many hosts let ModSecurity say 406. */
export function isRefusal(status: number): boolean {
  return status === 403 || status === 406
}

/** A refusal that would meet every other file as well. */
export function concernsAll({ code }: Reply): boolean {
  return everyFiles.test(String(code))
}

const everyFiles =
  /^(DISK_FULL|NOT_CONFIGURED|DIRECTORY_\w+|CLOSED|SENDER_LIMIT|NOT_YOURS|\w+_REQUIRED|INV\w+)$/
const passing = [408, 423, 425, 429, 499, 500, 502, 503, 504, 508]
