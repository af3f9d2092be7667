// Sends one file to the server, by POST in pieces. Each piece has the form's fields, the upload's
// id, its offset, the file's real name in `_filename` (firewalls refuse quotes and semicolons in a
// file name) and the bytes. A small file is one piece. After a failure that may be temporary, the
// sender waits, longer each time, asks the server how much has arrived and resumes there. What the
// server, or a proxy or firewall in front of it, has refused is not sent again by itself. After a
// refusal because of the size, all further pieces are smaller.

import { sentName } from './limits.client.ts'
import { type Memory, recall } from './resume.client.ts'
import { say } from './words.client.ts'

export type Stored = { readonly stored: string; readonly url?: string; readonly sha256?: string }

export type Listener = {
  /** Bytes that left the browser, and bytes that the server has confirmed as stored. */
  sent(bytes: number, safeBytes: number): void
  /** All bytes have left the browser; the server is storing the file. */
  storing(): void
  /**
   * The next try comes in `seconds`. `isBusy`: the server still receives what was sent before;
   * otherwise the connection broke.
   */
  waiting(seconds: number, isBusy: boolean): void
  stored(file: Stored): void
  failed(reason: string): void
}

export type Target = {
  readonly url: string
  readonly fields: readonly (readonly [string, string])[]
  readonly pieceBytes: number
}

const leastPieceBytes = 256 * 1024
/** Learnt from refusals in front of the server; for all files, and it never grows again. */
let mostPieceBytes = Infinity

export class Sender {
  readonly #file: File
  readonly #target: Target
  readonly #listener: Listener
  #memory: Memory | undefined
  #request: XMLHttpRequest | undefined
  #timer = 0
  #tries = 0
  /** How many bytes the server has confirmed as stored. */
  #offset = 0
  #isStopped = true

  constructor(file: File, target: Target, listener: Listener) {
    this.#file = file
    this.#target = target
    this.#listener = listener
  }

  /** Begins, or resumes after pause() or a failure. */
  async start(): Promise<void> {
    this.#isStopped = false
    this.#tries = 0
    const isLarge = this.#file.size > this.#target.pieceBytes
    const isFirst = this.#memory === undefined
    this.#memory ??= await recall(this.#file, this.#target.url, isLarge)
    if (this.#isStopped) return
    if (isFirst && !this.#memory.isKnown) this.#send()
    else this.#ask()
  }

  /** Keeps what is stored. The listener hears nothing more until start(). */
  pause(): void {
    this.#isStopped = true
    removeEventListener('online', this.#retry)
    clearTimeout(this.#timer)
    if (this.#request === undefined) return
    const { upload } = this.#request
    this.#request.onload = this.#request.onerror = upload.onload = upload.onprogress = null
    this.#request.abort()
  }

  /** Removes from the server what has arrived. */
  cancel(): void {
    this.pause()
    const { id } = this.#memory ?? {}
    this.#memory?.forget()
    this.#memory = undefined
    this.#offset = 0
    if (id !== undefined) this.#sayCancelled(id, 0)
  }

  /** Repeats until the server has heard it, which may still be receiving an earlier piece. */
  #sayCancelled(id: string, tries: number): void {
    const form = new FormData()
    form.append('_upload', id)
    form.append('_cancel', '1')
    const again = () => {
      const seconds = cancelPauses[tries] ?? 0
      if (seconds > 0) setTimeout(() => this.#sayCancelled(id, tries + 1), seconds * 1000)
    }
    fetch(this.#target.url, { method: 'POST', body: form, keepalive: true }).then(
      // After 404 too: a piece that is on its way may arrive after this.
      ({ status }) => (status === 204 ? undefined : again()),
      again,
    )
  }

  readonly #retry = () => {
    removeEventListener('online', this.#retry)
    clearTimeout(this.#timer)
    this.#ask()
  }

  #open(method: string, url: string): XMLHttpRequest {
    const request = new XMLHttpRequest()
    this.#request = request
    request.open(method, url)
    request.setRequestHeader('Accept', 'application/json')
    request.onload = () => this.#heard(request)
    request.onerror = () => this.#broken()
    return request
  }

  /** Asks how much has arrived. */
  #ask(): void {
    const url = new URL(this.#target.url, location.href)
    url.searchParams.set('upload', this.#memory?.id ?? '')
    this.#open('GET', url.href).send()
  }

  #send(): void {
    const from = this.#offset
    const piece = this.#file.slice(from, from + this.#pieceBytes())
    const isLast = from + piece.size >= this.#file.size
    const request = this.#open('POST', this.#target.url)
    request.upload.onprogress = ({ loaded, total }) => {
      // The figures of the browser include the fields around the piece.
      if (total > 0) this.#listener.sent(from + (loaded / total) * piece.size, from)
    }
    request.upload.onload = () => isLast && this.#listener.storing()
    const form = new FormData()
    for (const [key, value] of this.#target.fields) form.append(key, value)
    form.append('_upload', this.#memory?.id ?? '')
    form.append('_offset', String(from))
    form.append('_size', String(this.#file.size))
    form.append('_filename', encodeURIComponent(sentName(this.#file.name)))
    form.append('file', new Blob([piece], { type: this.#file.type }), 'file')
    request.send(form)
  }

  #heard({ status, responseText }: XMLHttpRequest): void {
    const reply = parsed(responseText)
    const [stored] = Array.isArray(reply.files) ? reply.files : []
    if (stored !== undefined && (status === 201 || status === 200)) {
      this.#memory?.forget()
      return this.#listener.stored(stored)
    }
    const isUnknown = reply.code === 'NO_SUCH_UPLOAD'
    const offset = isUnknown ? 0 : reply.offset
    if (typeof offset === 'number' && (status < 300 || isUnknown || status === 409)) {
      return this.#resumeFrom(offset)
    }
    if (reply.code === 'UPLOAD_BUSY') return this.#again(reply.detail ?? reply.code, true)
    if (typeof reply.code === 'string') return this.#fail(reply.detail ?? reply.code)
    // Some firewalls answer 500 to a request that is over their limit.
    if ((status === 413 || status === 500) && this.#canBeSmaller()) return this.#send()
    if (status === 413) return this.#fail(say('failed.tooLarge'))
    if (status === 403) return this.#fail(say('failed.forbidden'))
    const reason = say('failed.server', { status: String(status) })
    if ([502, 503, 504, 508].includes(status)) this.#again(reason)
    else this.#fail(reason)
  }

  #resumeFrom(offset: number): void {
    // An offset that does not grow counts as a failed try: a proxy may lose what we send.
    if (offset > this.#offset) this.#tries = 0
    else if (++this.#tries > pauses.length) return this.#fail(say('failed.network'))
    this.#offset = offset
    this.#listener.sent(offset, offset)
    this.#send()
  }

  /** A file that was removed or changed meanwhile fails in the same way as a connection. */
  #broken(): void {
    const { size } = this.#file
    this.#file
      .slice(Math.max(0, size - 1))
      .arrayBuffer()
      .then(
        () => this.#isStopped || this.#again(say('failed.network')),
        () => this.#isStopped || this.#fail(say('refused.unreadable')),
      )
  }

  #again(reason: string, isBusy = false): void {
    const seconds = pauses[this.#tries++]
    if (seconds === undefined) return this.#fail(reason)
    // Some proxies close the connection instead of answering 413, some when a piece takes too long.
    if (this.#tries > 2 && !isBusy) this.#canBeSmaller()
    this.#listener.waiting(seconds, isBusy)
    this.#timer = setTimeout(this.#retry, seconds * 1000)
    addEventListener('online', this.#retry)
  }

  /** Keeps what is stored: start() resumes there. */
  #fail(reason: string): void {
    this.#isStopped = true
    this.#listener.failed(reason)
  }

  #pieceBytes(): number {
    return Math.min(this.#target.pieceBytes, mostPieceBytes)
  }

  /** Halves all further pieces; false if this one already had the smallest size. */
  #canBeSmaller(): boolean {
    const sent = Math.min(this.#pieceBytes(), this.#file.size - this.#offset)
    if (sent <= leastPieceBytes) return false
    mostPieceBytes = Math.max(leastPieceBytes, Math.floor(Math.min(this.#pieceBytes(), sent) / 2))
    return true
  }
}

type Reply = { files?: Stored[]; code?: unknown; detail?: string; offset?: unknown }

/** A reply that is not our JSON comes from a proxy or firewall: it has no members for us. */
function parsed(text: string): Reply {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}

/** Seconds. Together more than a minute, after which the server forgets a sender that died. */
const pauses = [1, 2, 4, 8, 16, 30, 30, 30, 30, 30, 30]
const cancelPauses = [1, 5, 20, 40]
