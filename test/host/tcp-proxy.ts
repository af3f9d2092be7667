// A TCP proxy between a client and a server, byte by byte: slow, or cut, or silent at the worst
// moment. It knows nothing of HTTP.

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

export type TcpProxy = {
  readonly port: number
  /** How fast bytes go to the server; 0: as they come. May be changed while it runs. */
  bytesPerSecond: number
  /** Once so many bytes went to the server, the connection breaks; once only. */
  cutAfter: number
  /** As cutAfter, but everything reaches the server, and only its reply is lost. */
  muteAfter: number
  /** What went to the server so far, with the heads of requests. */
  received: number
}

export async function startTcpProxy(t: TestContext, target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ port: target, host: '127.0.0.1', noDelay: true })
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      // A connection that breaks is what this is for.
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    upstream.on('data', (bytes) => {
      if (proxy.received >= proxy.muteAfter) {
        proxy.muteAfter = Infinity
        client.destroy()
        return
      }
      client.write(bytes)
    })
    pass(client, upstream, proxy).catch(() => client.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const proxy: TcpProxy = {
    port: (server.address() as AddressInfo).port,
    bytesPerSecond: 0,
    cutAfter: Infinity,
    muteAfter: Infinity,
    received: 0,
  }
  return proxy
}

async function pass(client: Socket, upstream: Socket, proxy: TcpProxy): Promise<void> {
  for await (const bytes of client as AsyncIterable<Buffer>) {
    proxy.received += bytes.length
    if (!upstream.write(bytes)) await once(upstream, 'drain')
    if (proxy.received >= proxy.cutAfter) {
      proxy.cutAfter = Infinity
      client.resetAndDestroy()
      return
    }
    if (proxy.bytesPerSecond > 0) await delay((bytes.length / proxy.bytesPerSecond) * 1000)
  }
}
