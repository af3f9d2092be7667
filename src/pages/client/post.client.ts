// Small posts of the page, which bring no file.

import { isPassingStatus } from './failure.client.ts'
import { parsedReply, type Reply } from './reply.client.ts'

/** Undefined if nobody answered. */
export async function post(
  url: string,
  body: FormData,
  options: RequestInit = {},
): Promise<Reply | undefined> {
  try {
    const headers = { Accept: 'application/json' }
    const reply = await fetch(url, { method: 'POST', body, headers, ...options })
    return parsedReply(reply.status, await reply.text(), null)
  } catch {
    return undefined
  }
}

/** Tries again, a few times, what may pass by itself. */
export async function postAgain(
  url: string,
  body: FormData,
  options: RequestInit = {},
): Promise<Reply | undefined> {
  for (const seconds of pauses) {
    const reply = await post(url, body, options)
    const mayPass = reply === undefined || reply.passing || isPassingStatus(reply.status)
    if (!mayPass) return reply
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  }
  return post(url, body, options)
}

const pauses = [1, 3, 9]
