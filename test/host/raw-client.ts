// An HTTP client with bad manners, for tests of real servers: it writes what it is told to and
// when, and understands only the status of the reply. And post(), a well-mannered one, to see what
// comes after.

import { once } from 'node:events'
import { type Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

export class RawClient {
  readonly #socket: Socket
  readonly #path: string
  readonly #type: string
  #received = ''
  #isClosed = false

  /** `type` is the Content-Type of what will be sent. */
  static async connect(url: string, type: string): Promise<RawClient> {
    const { hostname, port, pathname } = new URL(url)
    const socket = connect({
      port: Number(port),
      host: hostname,
      allowHalfOpen: true,
      noDelay: true,
    })
    await once(socket, 'connect')
    return new RawClient(socket, pathname, type)
  }

  private constructor(socket: Socket, path: string, type: string) {
    this.#socket = socket
    this.#path = path
    this.#type = type
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      this.#received += text
    })
    // A reset is one of the answers.
    socket.on('error', () => undefined)
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        this.#isClosed = true
      })
    }
  }

  head(headers: Readonly<Record<string, string | number>>): void {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    this.#socket.write(
      `POST ${this.#path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n` +
        `Content-Type: ${this.#type}\r\n${lines.join('')}\r\n`,
    )
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  /** Says that nothing more will come, and still listens. */
  end(bytes: Buffer = Buffer.alloc(0)): void {
    this.#socket.end(bytes)
  }

  close(): void {
    this.#socket.destroy()
  }

  reset(): void {
    this.#socket.resetAndDestroy()
  }

  /** Of the final reply; 0 when the server ended the connection without one. */
  async status(): Promise<number> {
    const deadline = Date.now() + 120_000
    while (!this.#isClosed) {
      if (Date.now() > deadline) throw new Error(`no end of the reply: ${this.#received}`)
      await delay(10)
    }
    const final = this.#received.replace(/^HTTP\/1\.1 100 [\s\S]*?\r\n\r\n/, '')
    return Number(/^HTTP\/1\.[01] (\d{3})/.exec(final)?.[1] ?? 0)
  }
}

export type PostReply = { status: number; text: string; isReused: boolean }

export function post(url: string, type: string, body: Buffer, agent?: Agent): Promise<PostReply> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': type, 'content-length': body.length }
    const sent = request(url, { method: 'POST', headers, ...(agent ? { agent } : {}) }, (reply) => {
      let text = ''
      reply.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      reply.on('error', reject)
      reply.on('end', () =>
        resolve({ status: reply.statusCode ?? 0, text, isReused: sent.reusedSocket }),
      )
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
