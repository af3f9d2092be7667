// A sender like any other, for `check --url`: sends one HTTP request at a time through the real
// server and gives the answer, whether the program's or not. Never throws for what the network
// does.

import { type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'

export type Sent = {
  readonly method: string
  /** What follows the path of the program: `/tus/x` or `?upload=x`. */
  readonly more?: string
  /** An address that an answer gave, relative to that of `more`. */
  readonly at?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent one after the other. A function is called in its turn, and its promise awaited. */
  readonly body?: readonly (Buffer | (() => Promise<void>))[]
}

export type Answer = {
  /** 0 when no answer came. */
  readonly status: number
  readonly headers: IncomingMessage['headers']
  /** The first 64 KB. */
  readonly text: string
  /** Why no answer came: ECONNRESET, ENOTFOUND, …; '' when one came. */
  readonly error: string
}

export class Visitor {
  readonly #url: URL

  constructor(url: URL) {
    this.#url = url
  }

  send({ method, more = '', at = '', headers = {}, body = [] }: Sent): Promise<Answer> {
    const { protocol, username, password, hostname, port, pathname } = this.#url
    const asked = `${more.startsWith('/') ? pathname.replace(/\/+$/, '') : pathname}${more}`
    const length = body.reduce((sum, piece) => sum + (Buffer.isBuffer(piece) ? piece.length : 0), 0)
    const options: RequestOptions = {
      method,
      hostname: hostname.replace(/^\[|\]$/g, ''),
      port,
      path: at === '' ? asked : new URL(at, new URL(asked, this.#url)).pathname,
      headers: {
        Accept: 'application/json',
        'User-Agent': 'upload.cgi-check',
        ...(method === 'POST' || length > 0 ? { 'Content-Length': String(length) } : {}),
        ...headers,
      },
      ...(username === ''
        ? {}
        : { auth: `${decodeURIComponent(username)}:${decodeURIComponent(password)}` }),
      agent: false,
    }
    return new Promise((resolve) => {
      const fail = (error: Error & { code?: string }) =>
        resolve({ status: 0, headers: {}, text: '', error: error.code ?? error.message })
      const request = (protocol === 'https:' ? requestHttps : requestHttp)(options)
      request.setTimeout(answerSeconds * 1000, () =>
        request.destroy(Object.assign(new Error(), { code: `nothing for ${answerSeconds} s` })),
      )
      let isAnswered = false
      request.once('response', (response) => {
        isAnswered = true
        read(response).then(resolve, fail)
      })
      request.on('error', (error) => {
        // A server may answer and close before the body is whole. Then its answer counts.
        if (!isAnswered) setTimeout(() => isAnswered || fail(error), 50)
      })
      push(request, body).then(
        () => request.end(),
        () => undefined,
      )
    })
  }
}

/** The JSON of the program's own answer; undefined when somebody else answered. */
export function ownWords(answer: Answer): Readonly<Record<string, unknown>> | undefined {
  if (answer.status === 204 || !/json/.test(answer.headers['content-type'] ?? '')) return undefined
  try {
    const said: unknown = JSON.parse(answer.text)
    const isOurs = said instanceof Object && ('code' in said || 'upload' in said)
    return isOurs ? (said as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** Who answered what, in few words. */
export function described({ status, error, headers }: Answer): string {
  if (status === 0) return error
  const server = headers.server === undefined ? '' : ` by ${String(headers.server).slice(0, 60)}`
  return `${status}${server}`
}

async function push(
  request: ReturnType<typeof requestHttp>,
  body: readonly (Buffer | (() => Promise<void>))[],
): Promise<void> {
  let proceed: () => void = () => undefined
  request.on('drain', () => proceed())
  request.on('close', () => proceed())
  for (const piece of body) {
    if (request.destroyed) return
    if (!Buffer.isBuffer(piece)) await piece()
    else if (!request.write(piece)) await new Promise<void>((resolve) => (proceed = resolve))
  }
}

async function read(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = []
  let length = 0
  // The beginning of an answer counts too: a server may cut its own answer short.
  try {
    for await (const chunk of response) {
      if (length < 65_536) chunks.push(chunk)
      length += chunk.length
      if (length > 1_000_000) break
    }
  } catch {}
  const text = Buffer.concat(chunks).subarray(0, 65_536).toString('latin1')
  return { status: response.statusCode ?? 0, headers: response.headers, text, error: '' }
}

/** Longer than the time-outs of most servers. */
const answerSeconds = 120
