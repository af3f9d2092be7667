// A webhook on this machine that accepts everything, and what it got.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export type Got = { readonly headers: Record<string, string>; readonly body: string }

/** It ends with the test. */
export async function startHook(t: TestContext): Promise<{ url: string; got: Got[] }> {
  const got: Got[] = []
  const server = createServer(async (request, reply) => {
    let body = ''
    for await (const chunk of request) body += chunk
    got.push({ headers: request.headers as Record<string, string>, body })
    reply.writeHead(204).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/in`, got }
}
