// What docs/servers.md promises of every server, tried on one that runs as the guide says, with
// small limits: the form, an upload, a refusal, the settings; and what its table says that people
// see of a body that is too large, of silence, and of a client that leaves in the middle.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { incoming, visible } from './form.ts'
import type { Row } from './guide.ts'
import { contentType, multipartBody } from './multipart-body.ts'
import { RawClient } from './raw-client.ts'
import type { RunningServer } from './server.ts'

export type Site = {
  readonly server: RunningServer
  /** The directory in which files are stored. */
  readonly uploads: string
  /** As the settings of the guide have it. */
  readonly title: string
}

/** Numbers that tests put into the guide's files, so that limits are soon reached. */
export const small = {
  /** max_request_size of the program. */
  program: 1_000_000,
  /** Limit of the server. */
  server: 2_000_000,
  silenceSeconds: 2,
} as const

export type Answer = { readonly status: number; readonly type: string; readonly text: string }

export function send(
  url: string,
  method: string,
  body?: Buffer,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer & { readonly headers: Readonly<Record<string, string | string[] | undefined>> }> {
  return new Promise((resolve, reject) => {
    const length: Record<string, string> =
      body === undefined || 'Transfer-Encoding' in headers
        ? {}
        : { 'Content-Length': String(body.length), 'Content-Type': contentType() }
    const all = {
      Accept: 'application/json',
      'User-Agent': 'Mozilla/5.0 guide',
      Host: 'localhost',
      ...length,
      ...headers,
    }
    const sent = request(url, { method, headers: all, agent: false, timeout: 120_000 }, (reply) => {
      const parts: Buffer[] = []
      reply.on('data', (part: Buffer) => parts.push(part))
      reply.on('error', reject)
      reply.on('end', () =>
        resolve({
          status: reply.statusCode ?? 0,
          type: reply.headers['content-type'] ?? '',
          headers: reply.headers,
          text: Buffer.concat(parts).toString(),
        }),
      )
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

export function upload(url: string, filename: string, content: Buffer): Promise<Answer> {
  return send(url, 'POST', formWith(filename, content))
}

/** The program runs, with the settings of the guide. */
export async function assertWorks({ server, uploads, title }: Site): Promise<void> {
  const page = await send(server.url, 'GET', undefined, { Accept: 'text/html' })
  assert.equal(page.status, 200, page.text + server.errorLog())
  assert.ok(page.text.includes(`<title>${title}</title>`), page.text.slice(0, 500))
  // As a browser without Sec-Fetch-Site: it is the same site only if the program is told the whole
  // host.
  const { host, origin } = new URL(server.url)
  const form = formWith("l'été.bin", content)
  const stored = await send(server.url, 'POST', form, { Host: host, Origin: origin })
  assert.equal(stored.status, 201, stored.text + server.errorLog())
  assert.ok(readFileSync(join(uploads, "l'été.bin")).equals(content))
  assertRefused(await upload(server.url, 'x.php', content), 415, 'EXTENSION_REFUSED')
  const tooLarge = await upload(server.url, 'large.bin', Buffer.alloc(small.program + 1))
  assertRefused(tooLarge, 413, 'REQUEST_TOO_LARGE')
  assert.equal((await send(server.url, 'HEAD')).status, 200)
  assert.equal((await send(server.url, 'OPTIONS')).status, 204)
  assertNothingElse(uploads, ["l'été.bin"])
}

/** What the row of the guide's table says. */
export async function assertPromises(site: Site, row: Row): Promise<void> {
  const { server, uploads } = site
  const before = visible(uploads)
  const beyond = await tooLargeForServer(site)
  const seen = {
    'over it': beyond,
    'after it': await afterSilence(site),
    'the program gets the body': await afterLeaving(
      site,
      row['the program gets the body'] === 'as it comes',
    ),
    chunked: await takesChunks(site),
  }
  const stored = seen.chunked === 'yes' ? ['chunked.bin'] : []
  if (seen['after it'] === 'waits') stored.push('silent.bin')
  assertNothingElse(uploads, [...before, ...stored])
  // Last, because its receipts stay for a day.
  const all = { ...seen, tus: await speaksTus(site) }
  const promised = Object.fromEntries(Object.keys(all).map((key) => [key, row[key]]))
  assert.deepEqual(all, promised, server.errorLog())
}

/**
 * The status for a request of this length whose body never comes; 0 when there is none for so long.
 */
export async function answerToLength(url: string, bytes: number, forMs: number): Promise<number> {
  const client = await RawClient.connect(url, contentType())
  client.head({ 'Content-Length': bytes })
  const status = await Promise.race([client.status(), delay(forMs, 0, { ref: false })])
  client.close()
  return status
}

/** Nothing but these is stored, and nothing is left of others. */
export function assertNothingElse(uploads: string, names: readonly string[]): void {
  assert.deepEqual(visible(uploads), [...names].sort())
  assert.deepEqual(incoming(uploads), [])
}

export function assertRefused(answer: Answer, status: number, code: string): void {
  assert.equal(answer.status, status, answer.text)
  assert.equal(answer.type, 'application/problem+json', answer.text)
  assert.equal(JSON.parse(answer.text).code, code)
}

async function tooLargeForServer({ server, uploads }: Site): Promise<string> {
  const client = await RawClient.connect(server.url, contentType())
  // More than busybox can count; the others are told smaller limits. The length alone decides.
  client.head({ 'Content-Length': 2 ** 31 })
  const status = await client.status()
  client.close()
  await nothingIncoming(uploads)
  return status === 0 ? 'closed' : String(status)
}

async function afterSilence({ server, uploads }: Site): Promise<string> {
  const body = formWith('silent.bin', content)
  const client = await RawClient.connect(server.url, contentType())
  client.head({ 'Content-Length': body.length })
  client.send(body.subarray(0, 200_000))
  const status = client.status()
  const isPatient = await Promise.race([
    status.then(() => false),
    delay((small.silenceSeconds + 4) * 1000, true, { ref: false }),
  ])
  if (isPatient) client.end(body.subarray(200_000))
  const answer = await status
  client.close()
  if (isPatient) assert.equal(answer, 201)
  await nothingIncoming(uploads)
  return isPatient ? 'waits' : answer === 0 ? 'closed' : String(answer)
}

async function afterLeaving({ server, uploads }: Site, isExpected: boolean): Promise<string> {
  const body = formWith('left.bin', content)
  const client = await RawClient.connect(server.url, contentType())
  client.head({ 'Content-Length': body.length })
  client.send(body.subarray(0, 200_000))
  let isStreaming = false
  // On a busy machine a program takes a while to start.
  for (let tries = isExpected ? 500 : 50; !isStreaming && tries > 0; tries--) {
    await delay(20)
    isStreaming = incoming(uploads).length > 0
  }
  client.close()
  await nothingIncoming(uploads)
  return isStreaming ? 'as it comes' : 'when it is whole'
}

async function speaksTus({ server }: Site): Promise<string> {
  const version = { 'Tus-Resumable': '1.0.0' }
  const name = Buffer.from('tus.bin').toString('base64')
  const made = await send(`${server.url}/tus`, 'POST', Buffer.alloc(0), {
    ...version,
    'Upload-Length': '10',
    'Upload-Metadata': `filename ${name}`,
  })
  if (made.status !== 201) return 'no'
  const address = new URL(String(made.headers['location']), `${server.url}/tus`).href
  const offset = {
    ...version,
    'Upload-Offset': '0',
    'Content-Type': 'application/offset+octet-stream',
  }
  const patch = { 'X-HTTP-Method-Override': 'PATCH', ...offset }
  const bytes = Buffer.from('0123456789')
  for (const [method, headers, works] of [
    ['PATCH', offset, 'yes'],
    ['POST', patch, 'by POST'],
  ] as const) {
    const sent = await send(address, method, bytes, headers)
    // A server that hides the length of a PATCH makes it look like an empty one.
    if (sent.headers['upload-offset'] !== '10') continue
    const looked = await send(address, 'HEAD', undefined, version)
    return looked.headers['upload-offset'] === '10' ? works : 'no'
  }
  return 'no'
}

async function takesChunks({ server }: Site): Promise<string> {
  const body = formWith('chunked.bin', content)
  const headers = { 'Transfer-Encoding': 'chunked', 'Content-Type': contentType() }
  const { status } = await send(server.url, 'POST', body, headers)
  return status === 201 ? 'yes' : 'no'
}

async function nothingIncoming(uploads: string): Promise<void> {
  const deadline = Date.now() + 120_000
  while (incoming(uploads).length > 0) {
    assert.ok(Date.now() < deadline, `left behind: ${incoming(uploads).join(' ')}`)
    await delay(30)
  }
}

function formWith(filename: string, bytes: Buffer): Buffer {
  return multipartBody([{ name: 'file', filename, content: bytes }])
}

const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 31) % 256))
