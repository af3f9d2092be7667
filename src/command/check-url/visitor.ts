// A sender like any other, for `check --url`: one HTTP request at a time through the real server, and what came
// back, whoever said it. Never throws for what the network does.

import { type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'

export type Sent = {
  readonly method: string
  /** Behind the path of the program: `/tus/x` or `?upload=x`. */
  readonly more?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent one after the other; a promise is waited for. */
  readonly body?: readonly (Buffer | (() => Promise<void>))[]
}

export type Answer = {
  /** 0 when none came. */
  readonly status: number
  readonly headers: IncomingMessage['headers']
  /** The first 64 KB. */
  readonly text: string
  /** Why none came: ECONNRESET, ENOTFOUND, …; '' when one did. */
  readonly error: string
}

export class Visitor {
  readonly #url: URL

  constructor(url: URL) {
    this.#url = url
  }

  send({ method, more = '', headers = {}, body = [] }: Sent): Promise<Answer> {
    const { protocol, username, password, hostname, port, pathname } = this.#url
    const length = body.reduce((sum, piece) => sum + (Buffer.isBuffer(piece) ? piece.length : 0), 0)
    const options: RequestOptions = {
      method,
      hostname: hostname.replace(/^\[|\]$/g, ''),
      port,
      path: `${more.startsWith('/') ? pathname.replace(/\/+$/, '') : pathname}${more}`,
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
        // A server may answer and close before the body is whole: the answer counts.
        if (!isAnswered) setTimeout(() => isAnswered || fail(error), 50)
      })
      push(request, body).then(
        () => request.end(),
        () => undefined,
      )
    })
  }
}

/** Whether it is the program that spoke, and what it said. */
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

async function push(
  request: ReturnType<typeof requestHttp>,
  body: readonly (Buffer | (() => Promise<void>))[],
): Promise<void> {
  let goOn: () => void = () => undefined
  request.on('drain', () => goOn())
  request.on('close', () => goOn())
  for (const piece of body) {
    if (request.destroyed) return
    if (!Buffer.isBuffer(piece)) await piece()
    else if (!request.write(piece)) await new Promise<void>((resolve) => (goOn = resolve))
  }
}

async function read(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = []
  let length = 0
  // A server that cuts its own answer short has still said the beginning.
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
