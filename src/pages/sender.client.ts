// One file to the server, as one POST: the fields, the real name in `_filename` (firewalls refuse quotes and
// semicolons in a file name), the bytes. What may pass by itself is tried again with growing pauses; what the
// server or something in front of it decided is not. Files that are sent in pieces get their place here.

import { say } from './words.client.ts'

export type Stored = { readonly stored: string; readonly url?: string; readonly sha256?: string }

export type Listener = {
  /** Bytes that left the browser; something in front of the server may still hold them. */
  sent(bytes: number): void
  /** All bytes are out: the server is at work. */
  storing(): void
  /** Broken off; the next try comes in so many seconds. */
  waiting(seconds: number): void
  stored(file: Stored): void
  failed(reason: string): void
}

/** Begins at once. What is returned stops it; the listener is told nothing more then. */
export function send(
  file: File,
  name: string,
  fields: readonly (readonly [string, string])[],
  to: string,
  listener: Listener,
): () => void {
  let request: XMLHttpRequest | undefined
  let timer = 0
  let tries = 0
  let isStopped = false

  function attempt(): void {
    removeEventListener('online', attempt)
    clearTimeout(timer)
    const sending = new XMLHttpRequest()
    request = sending
    sending.upload.onprogress = ({ loaded, total }) => {
      // The envelope around the file is told along with it.
      if (total > 0) listener.sent((loaded / total) * file.size)
    }
    sending.upload.onload = () => listener.storing()
    sending.onload = () => finish(sending)
    sending.onerror = () => {
      // A file that is gone or was changed breaks off in the same way.
      file
        .slice(0, 1)
        .arrayBuffer()
        .then(
          () => isStopped || again(say('failed.network')),
          () => isStopped || listener.failed(say('refused.unreadable')),
        )
    }
    sending.open('POST', to)
    sending.setRequestHeader('Accept', 'application/json')
    sending.send(body(file, name, fields))
  }

  function finish({ status, responseText }: XMLHttpRequest): void {
    const reply = parsed(responseText)
    const [stored] = status === 201 && Array.isArray(reply.files) ? reply.files : []
    if (stored !== undefined) return listener.stored(stored)
    if (typeof reply.code === 'string') return listener.failed(reply.detail ?? reply.code)
    if (status === 413) return listener.failed(say('failed.tooLarge'))
    if (status === 403) return listener.failed(say('failed.forbidden'))
    const reason = say('failed.server', { status: String(status) })
    if ([502, 503, 504, 508].includes(status)) again(reason)
    else listener.failed(reason)
  }

  function again(reason: string): void {
    const seconds = pauses[tries++]
    if (seconds === undefined) return listener.failed(reason)
    listener.waiting(seconds)
    timer = setTimeout(attempt, seconds * 1000)
    addEventListener('online', attempt)
  }

  attempt()
  return () => {
    isStopped = true
    removeEventListener('online', attempt)
    clearTimeout(timer)
    if (request === undefined) return
    request.onload = request.onerror = request.upload.onload = request.upload.onprogress = null
    request.abort()
  }
}

function body(file: File, name: string, fields: readonly (readonly [string, string])[]): FormData {
  const form = new FormData()
  for (const [key, value] of fields) form.append(key, value)
  // Half a surrogate pair has no UTF-8.
  form.append('_filename', encodeURIComponent(name.replace(/\p{Cs}/gu, '\ufffd')))
  form.append('file', file, 'file')
  return form
}

type Reply = { files?: Stored[]; code?: unknown; detail?: string }

/** Whatever else than our JSON comes from something in front of us. */
function parsed(text: string): Reply {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}

const pauses = [1, 2, 4, 8, 16]
