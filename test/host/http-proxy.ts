// What may be between a visitor and the program, as a small HTTP proxy: a slow connection, one that
// breaks, a firewall that answers by itself, a server that takes its time to store. It counts the
// uploads and how many of them were under way at once.

import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

export type Answer = {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
}

export type Network = {
  /** How fast bodies pass; 0: as they come. */
  bytesPerSecond: number
  /** These uploads, counted from 1, are cut in their middle. */
  cut: ReadonlySet<number>
  /** With what these uploads are answered here, in HTML. */
  answer: ReadonlyMap<number, number | Answer>
  /** While it is set, everything is answered with this: a login, the portal of a network. */
  instead: Answer | undefined
  /** These uploads are neither read nor answered, and the connection stays. */
  silent: ReadonlySet<number>
  /** The replies to these uploads are lost. */
  mute: ReadonlySet<number>
  /** Called as an upload arrives, counted from 1. It passes once what this gives is settled. */
  arrived(nth: number): unknown
  /** The next reply that says that a file is stored is lost. */
  losesReceipt: boolean
  /** Larger bodies are answered with 413 here, as by a server in front with a limit; 0: none. */
  mostBytes: number
  /** The connection breaks under larger bodies; 0: under none. */
  breakingBytes: number
  /** While it is set, every question is answered with this. */
  question: Answer | undefined
  /** A firewall: answers with 403 every request whose body, '' of a question, it refuses. */
  refuses: ((body: string) => boolean) | undefined
  /** Replies that say that a file is stored wait for this. */
  hold: Promise<unknown>
}

export type HttpProxy = {
  readonly url: string
  /** May be changed while it runs. */
  readonly network: Network
  posts: number
  /** Bytes of uploads that came in, whether they passed or broke off. */
  receivedBytes: number
  /** Of every upload that passed, as latin1. */
  readonly bodies: string[]
  /** At once, at most. */
  mostActive: number
  /** Resolves when no upload is under way. */
  idle(): Promise<void>
}

export async function startHttpProxy(
  t: TestContext,
  target: string,
  network: Partial<Network> = {},
): Promise<HttpProxy> {
  const server = createServer((incoming, reply) => {
    pass(proxy, target, incoming, reply).catch(() => reply.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  const untouched: Network = {
    bytesPerSecond: 0,
    cut: new Set(),
    answer: new Map(),
    instead: undefined,
    silent: new Set(),
    mute: new Set(),
    losesReceipt: false,
    arrived: () => {},
    mostBytes: 0,
    breakingBytes: 0,
    question: undefined,
    refuses: undefined,
    hold: Promise.resolve(),
  }
  const proxy: HttpProxy = {
    url: `http://127.0.0.1:${port}/`,
    network: { ...untouched, ...network },
    posts: 0,
    receivedBytes: 0,
    bodies: [],
    mostActive: 0,
    async idle() {
      while ((active.get(proxy) ?? 0) > 0) await delay(20)
    },
  }
  active.set(proxy, 0)
  return proxy
}

async function pass(
  proxy: HttpProxy,
  target: string,
  incoming: IncomingMessage,
  reply: ServerResponse,
): Promise<void> {
  // A browser sends again by itself what broke off on a connection that it used before.
  reply.setHeader('Connection', 'close')
  const { instead, question, refuses } = proxy.network
  if (incoming.method !== 'POST') {
    const own = refuses?.('') ? { status: 403 } : (instead ?? question)
    if (own === undefined) return forward(proxy, target, incoming, reply)
    return answerWith(own, incoming, reply)
  }
  const bytes = Number(incoming.headers['content-length'])
  // What says that all is sent is no upload.
  const small = bytes < 1000 ? ((await incoming.toArray()) as Buffer[]) : undefined
  if (small?.some((chunk) => chunk.includes('name="_close"'))) {
    return forward(proxy, target, incoming, reply, { source: small, counts: false })
  }
  const nth = ++proxy.posts
  active.set(proxy, (active.get(proxy) ?? 0) + 1)
  proxy.mostActive = Math.max(proxy.mostActive, active.get(proxy) ?? 0)
  reply.on('close', () => active.set(proxy, (active.get(proxy) ?? 0) - 1))
  const { mostBytes, breakingBytes, cut, mute, silent, answer } = proxy.network
  await proxy.network.arrived(nth)
  // Whoever sent it has left meanwhile.
  if (reply.destroyed) return
  if (silent.has(nth)) return
  if (cut.has(nth) || (breakingBytes > 0 && bytes > breakingBytes)) {
    if (small === undefined) await once(incoming, 'data')
    reply.destroy()
    incoming.destroy()
    return
  }
  const isTooLarge = mostBytes > 0 && bytes > mostBytes
  const chosen = instead ?? answer.get(nth) ?? (isTooLarge ? 413 : undefined)
  if (chosen === undefined)
    return forward(proxy, target, incoming, reply, { source: small, isLost: mute.has(nth) })
  await answerWith(typeof chosen === 'number' ? { status: chosen } : chosen, incoming, reply)
}

async function answerWith(
  { status, headers = {} }: Answer,
  incoming: IncomingMessage,
  reply: ServerResponse,
): Promise<void> {
  incoming.resume()
  if (!incoming.readableEnded) await once(incoming, 'end')
  reply.writeHead(status, { 'Content-Type': 'text/html', ...headers })
  reply.end(`<h1>${status}</h1><p>Not by the program.</p>`)
}

type Sending = {
  /** The body, when it was read before. */
  source?: readonly Buffer[] | undefined
  /** Its reply does not arrive. */
  isLost?: boolean
  /** It is an upload. */
  counts?: boolean
}

async function forward(
  proxy: HttpProxy,
  target: string,
  incoming: IncomingMessage,
  reply: ServerResponse,
  { source: whole, isLost, counts = true }: Sending = {},
): Promise<void> {
  const { network, bodies } = proxy
  // With the Host that the browser named, as a proxy should: the program compares it with Origin.
  const { method = '', headers, url = '/' } = incoming
  const isUpload = method === 'POST' && counts
  let source: AsyncIterable<Buffer> | readonly Buffer[] = whole ?? incoming
  if (method === 'POST' && network.refuses !== undefined) {
    source = whole ?? ((await incoming.toArray()) as Buffer[])
    if (network.refuses(Buffer.concat(source).toString('latin1'))) {
      return answerWith({ status: 403 }, incoming, reply)
    }
  }
  const outgoing = request(new URL(url, target), { method, headers, agent: false })
  outgoing.on('error', () => reply.destroy())
  incoming.on('close', () => incoming.readableEnded || outgoing.destroy())
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>
  answered.catch(() => {})
  const body: Buffer[] = []
  for await (const chunk of source) {
    outgoing.write(chunk)
    body.push(chunk)
    if (isUpload) proxy.receivedBytes += chunk.length
    if (network.bytesPerSecond > 0) await delay((chunk.length / network.bytesPerSecond) * 1000)
  }
  outgoing.end()
  if (isUpload) bodies.push(Buffer.concat(body).toString('latin1'))
  const [answer] = await answered
  const isReceipt = isUpload && answer.statusCode === 201
  if (isReceipt) await network.hold
  const losesThis = isReceipt && network.losesReceipt
  if (losesThis) network.losesReceipt = false
  if (isLost || losesThis) {
    reply.destroy()
    return
  }
  const { connection: _, 'transfer-encoding': __, ...kept } = answer.headers
  reply.writeHead(answer.statusCode ?? 502, kept)
  answer.pipe(reply)
}

const active = new WeakMap<HttpProxy, number>()
