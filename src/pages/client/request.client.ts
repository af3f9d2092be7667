// The two requests of an upload: a piece of the file, and the question how much has arrived.

import { sentName } from './limits.client.ts'
import { submissionId } from './submission.client.ts'

/** The same for all files: where they go, and what the visitor wrote. */
export type Target = {
  /** '' until the first start. */
  url: string
  fields: readonly (readonly [string, string])[]
  readonly pieceBytes: number
}

export type Piece = {
  /** Of the upload. */
  readonly id: string
  readonly offset: number
  /** Of the whole file. */
  readonly size: number
  readonly path: string
  /** The name is that of the file part, and not in a field of its own. */
  readonly isNamedInPart: boolean
  readonly content: Blob
}

/** Undefined if the file is gone, or no longer as long as the browser said. */
export async function readPart(
  file: File,
  from: number,
  to: number,
): Promise<ArrayBuffer | undefined> {
  // Firefox tells only of a file as a whole that it has grown.
  const part = to - from === file.size ? file : file.slice(from, to)
  const bytes = await part.arrayBuffer().catch(() => undefined)
  return bytes?.byteLength === to - from ? bytes : undefined
}

/** Firewalls refuse quotes, semicolons and equals signs there; a folder has no place there. */
export function fitsPart(path: string): boolean {
  return !/[/'";=\\\p{Cc}]/u.test(path)
}

/** `_filename` has the file's real name and folders; firewalls look for attacks in it. */
export function formOf({ fields }: Target, piece: Piece): FormData {
  const { id, offset, size, path, isNamedInPart, content } = piece
  const name = sentName(path)
  const form = new FormData()
  form.append('_submission', submissionId())
  for (const [key, value] of fields) form.append(key, value)
  form.append('_upload', id)
  form.append('_offset', String(offset))
  form.append('_size', String(size))
  if (!isNamedInPart) form.append('_filename', encodeURIComponent(name))
  form.append('file', content, isNamedInPart ? name : 'file')
  return form
}

export function openPost(url: string): XMLHttpRequest {
  const request = new XMLHttpRequest()
  request.open('POST', url)
  request.setRequestHeader('Accept', 'application/json')
  return request
}

export type Status = {
  readonly status: number
  readonly text: string
  readonly retry: string | null
}

/** `elsewhere`: the server leads to another site; undefined: nobody answered. */
export async function askStatus(
  url: string,
  id: string,
  signal: AbortSignal,
): Promise<Status | 'elsewhere' | undefined> {
  const ask = (redirect: RequestRedirect) => {
    const headers = { Accept: 'application/json', 'X-Upload-Id': id }
    return fetch(url, { headers, redirect, signal, cache: 'no-store' })
  }
  try {
    const reply = await ask('follow')
    const retry = reply.headers.get('Retry-After')
    return { status: reply.status, text: await reply.text(), retry }
  } catch {
    // A browser says of a way to another site only that it failed.
    const { type } = await ask('manual').catch(() => ({ type: 'error' }))
    return type === 'opaqueredirect' ? 'elsewhere' : undefined
  }
}
