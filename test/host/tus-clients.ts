// What the tests of real tus clients share: a server with a proxy in front that can be slow or cut,
// and files to send.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { freshDirectory } from './program.ts'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'
import { looks, startTusApache } from './tus.ts'

export const content = randomBytes(8_000_000)

/**
 * More than systems hold on the way: of a smaller one all bytes may have left a sender that gives
 * it up.
 */
export const large = randomBytes(48_000_000)

export const metadata = { filename: 'Größe.bin', filetype: 'application/octet-stream' }

/** Slow enough to be stopped on the way. */
export const slow = 4_000_000

/** The program as a tus server in Apache, and a proxy in front of it. */
export type Server = { url: string; directory: string; proxy: TcpProxy } & ReturnType<typeof looks>

export async function startServer(
  t: TestContext,
  settings: Record<string, string> = {},
): Promise<Server> {
  const directory = freshDirectory(t)
  const apache = await startTusApache(t, directory, settings)
  const proxy = await startTcpProxy(t, Number(new URL(apache).port))
  const url = apache.replace(/:\d+/, `:${proxy.port}`)
  return { url: `${url}/tus/`, directory, proxy, ...looks(directory) }
}

export function assertArrived(server: Server, name: string, bytes = content): void {
  assert.deepEqual(Object.keys(server.stored()), [name])
  assert.ok(readFileSync(join(server.directory, name)).equals(bytes))
  assert.deepEqual(server.incoming(), [])
}

/**
 * Resolves in the middle of an upload. What a client calls sent may still be in the buffers of its
 * system: the program must have begun.
 */
export function midst({ proxy, incoming }: Server): Promise<void> {
  return settled(() => proxy.received > 3_000_000 && incoming().includes('claim-1'))
}

/** Waits until it is so, for half a minute at most. */
export async function settled(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await isSo()) return
    await delay(50)
  }
  throw new Error('never came true')
}
