// One visitor's submission: the secret id that all requests of it carry, and the request that says
// that the visitor has finished. A reload in the same tab continues it.

import { postAgain } from './post.client.ts'
import type { ReceiptFile } from './reply.client.ts'

/** As the server tells it; the page makes one from what it knows when the server cannot. */
export type Receipt = {
  /** The number for people; undefined of a server that has none. */
  readonly receipt?: string | undefined
  /** ISO 8601. */
  readonly time: string
  readonly answers: readonly { readonly label: string; readonly value: string }[]
  readonly files: readonly ReceiptFile[]
  /** Of what has not arrived as a whole. */
  readonly heading?: string
}

let id = ''

export function submissionId(): string {
  id ||= begunSubmission() || randomId()
  attempt(() => sessionStorage.setItem(key, id))
  return id
}

/** That of this tab; '' before its first request. */
export function begunSubmission(): string {
  return id || attempt(() => sessionStorage.getItem(key)) || ''
}

/** An upload that began in an earlier visit belongs to the submission of that visit. */
export function adoptSubmission(earlier: string): void {
  if (id === '') id = earlier
}

/** `old`: the one that is finished, or takes no more files. */
export function leaveSubmission(old: string): void {
  if (id !== old) return
  id = ''
  attempt(() => sessionStorage.removeItem(key))
}

/** Undefined if the server could not be told; it then finishes the submission by itself. */
export async function closeSubmission(url: string, id: string): Promise<Receipt | undefined> {
  const form = new FormData()
  form.append('_submission', id)
  form.append('_close', '1')
  const reply = await postAgain(url, form, { keepalive: true })
  const isReceipt = reply?.status === 200 && Array.isArray(reply.files)
  return isReceipt ? (reply as unknown as Receipt) : undefined
}

/** 128 random bits. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Where the browser keeps nothing, everything works but what is kept. */
export function attempt<Result>(action: () => Result): Result | undefined {
  try {
    return action()
  } catch {
    return undefined
  }
}

const key = 'upload.cgi submission'
