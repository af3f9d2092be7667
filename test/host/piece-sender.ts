// A client for tests: sends a file that exists as a rule only, in pieces by POST, over connections
// that it cuts itself. It counts what it sent, resumes at the offset that the server says, and
// gives up in bounded time.

import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { multipartBody } from './multipart-body.ts'

/** Any part of a file of any size, without a file: a tile of prime length, again and again. */
export function partOf(from: number, length: number): Buffer {
  const part = Buffer.allocUnsafe(length)
  for (let at = 0; at < length; ) {
    at += tile.copy(part, at, (from + at) % tile.length)
  }
  return part
}

export function sumOf(size: number): string {
  const hash = createHash('sha256')
  for (let at = 0; at < size; at += tile.length) hash.update(tile.subarray(0, size - at))
  return hash.digest('hex')
}

export type Reply = {
  readonly status: number
  /** As the header says; -1: it does not. */
  readonly offset: number
  readonly retryAfter: string | null
  readonly text: string
}

/** What happens to a piece on its way, after `at` bytes of its body. */
export type Incident =
  | { readonly at: number; readonly kind: 'cut' }
  /** The rest follows once the promise is settled. Meanwhile the program waits for it. */
  | { readonly at: number; readonly kind: 'pause'; readonly meanwhile: () => Promise<unknown> }

export class PieceSender {
  readonly url: () => string
  readonly id: string
  readonly size: number
  pieceBytes: number
  /** Of the file, without envelopes; of pieces that were cut, what the connection took. */
  sentBytes = 0
  pieces = 0
  /** Pieces that did not count, for whatever reason. */
  lost = 0
  /** The most that had to be sent again after one of them. */
  mostSentAgain = 0
  readonly #name: string

  constructor(url: () => string, id: string, size: number, pieceBytes: number, name = 'film.mp4') {
    this.url = url
    this.id = id
    this.size = size
    this.pieceBytes = pieceBytes
    this.#name = name
  }

  look(): Promise<Reply> {
    return exchange(`${this.url()}?upload=${this.id}`, 'GET')
  }

  /** The status is 0 after a cut. */
  async piece(offset: number, length = this.pieceBytes, incident?: Incident): Promise<Reply> {
    const bytes = partOf(offset, Math.min(length, this.size - offset))
    const body = multipartBody([
      { name: '_upload', content: this.id },
      { name: '_offset', content: String(offset) },
      { name: '_size', content: String(this.size) },
      { name: '_filename', content: encodeURIComponent(this.#name) },
      { name: 'file', filename: 'file', content: bytes },
    ])
    this.pieces++
    const reply = await exchange(this.url(), 'POST', body, incident)
    const sentBytes = incident?.kind === 'cut' ? incident.at : Infinity
    if (reply.text !== nobodyThere.text) this.sentBytes += Math.min(bytes.length, sentBytes)
    return reply
  }

  cancel(): Promise<Reply> {
    const fields = [
      { name: '_upload', content: this.id },
      { name: '_cancel', content: '1' },
    ]
    return exchange(this.url(), 'POST', multipartBody(fields))
  }

  /**
   * To the end, whatever hinders it; `before` each piece, on which it may send an incident. Throws
   * when what the server once said is safe is gone, or when nothing gets through for long.
   */
  async send(before: (offset: number) => Incident | undefined = () => undefined) {
    let reply: Reply = nobodyThere
    let failures = 0
    let offset = -1
    let safe = 0
    let sentUpTo = 0
    while (failures < 200) {
      if (offset < 0) {
        reply = await this.look()
        if (reply.status === 404) reply = { ...reply, status: 200, offset: 0 }
      } else {
        const { sentBytes } = this
        reply = await this.piece(offset, this.pieceBytes, before(offset))
        sentUpTo = offset + this.sentBytes - sentBytes
        if (reply.status !== 201 && reply.status !== 202) this.lost++
      }
      if (reply.status === 201) return reply
      if (reply.status === 413) {
        this.pieceBytes = Math.floor(this.pieceBytes / 2)
        failures++
      } else if (reply.status === 200 || reply.status === 202 || reply.status === 409) {
        offset = reply.offset
        if (offset < safe) throw new Error(`${safe} were safe, and now ${offset}`)
        if (offset > safe) failures = 0
        safe = offset
        this.mostSentAgain = Math.max(this.mostSentAgain, sentUpTo - offset)
      } else {
        failures++
        offset = -1
        await delay(reply.status === 423 ? 500 : 50)
      }
    }
    throw new Error(`gave up: ${reply.status} ${reply.text}`)
  }
}

function exchange(url: string, method: string, body?: Buffer, incident?: Incident): Promise<Reply> {
  return new Promise((resolve) => {
    const headers: Record<string, string | number> = {
      Accept: 'application/json',
      // What browsers send; core rule sets ask for it.
      'User-Agent': 'Mozilla/5.0 piece-sender',
      Host: 'localhost',
    }
    if (body !== undefined) {
      headers['Content-Type'] = 'multipart/form-data; boundary=XboundaryX'
      headers['Content-Length'] = body.length
    }
    const sending = request(url, { method, headers, agent: false, timeout: 120_000 })
    const broken = () => resolve({ ...nobodyThere, text: 'the line broke' })
    sending.on('error', ({ code }: NodeJS.ErrnoException) =>
      code === 'ECONNREFUSED' ? resolve(nobodyThere) : broken(),
    )
    sending.on('timeout', () => sending.destroy(new Error('timeout')))
    sending.on('response', (answer) => {
      const parts: Buffer[] = []
      answer.on('data', (part) => parts.push(part))
      answer.on('error', broken)
      answer.on('end', () => {
        const offset = Number(answer.headers['upload-offset'] ?? -1)
        const text = Buffer.concat(parts).toString()
        const retryAfter = answer.headers['retry-after'] ?? null
        resolve({ status: answer.statusCode ?? 0, offset, retryAfter, text })
      })
    })
    if (body === undefined || incident === undefined || incident.at >= body.length) {
      sending.end(body)
      return
    }
    const { at } = incident
    sending.write(body.subarray(0, at), async (error) => {
      if (error) return
      if (incident.kind === 'cut') return setTimeout(() => sending.destroy(), 30)
      await incident.meanwhile()
      return sending.end(body.subarray(at))
    })
  })
}

const nobodyThere: Reply = { status: 0, offset: 0, retryAfter: null, text: 'nobody is there' }

const tile = Buffer.alloc(1_048_583)
for (let i = 0, x = 1; i < tile.length; i++) {
  x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0
  tile[i] = x >>> 24
}
