// Attacks by requests alone: slots, memory of the reply, slow bodies, the debug page.

import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type CgiOptions, type CgiReply, runCgi } from '../../test/host/cgi.ts'
import { type BodyPart, contentType, multipartBody } from '../../test/host/multipart-body.ts'
import { freshDirectory } from '../../test/host/program.ts'

export type Target = { readonly program: string; readonly context: TestContext }
export type Attack = {
  readonly name: string
  /** Gives what it cost and what was lost, in words. */
  readonly run: (target: Target) => Promise<string>
}

export const attacks: readonly Attack[] = [
  { name: 'slots: empty uploads by tus from one address', run: takeSlots },
  { name: 'memory: 100 fields of 64 KB, `ulimit -v 700000`', run: fillReply },
  { name: 'records: a name of 63,000 control characters', run: fillRecords },
  { name: 'processes: a body of 500 bytes a second', run: sendSlowly },
  { name: 'time: a header against the debug page', run: confuseDebugPage },
]

export const stranger = { REMOTE_ADDR: '192.0.2.1', HTTP_ACCEPT: 'application/json' }
const visitor = { REMOTE_ADDR: '198.51.100.7', HTTP_ACCEPT: 'application/json' }

/** What it takes on the wire: the body, and a request line and headers as curl sends them. */
export function wireBytes(env: Readonly<Record<string, string>>, body = 0): number {
  const headers = Object.entries(env).filter(([name]) => /^(HTTP|CONTENT)_/.test(name))
  const lengths = headers.map(
    ([name, value]) => name.replace('HTTP_', '').length + value.length + 4,
  )
  const requestLine = 'POST /cgi-bin/upload.cgi HTTP/1.1\r\nHost: www.example.org\r\n\r\n'
  return requestLine.length + lengths.reduce((sum, length) => sum + length, 0) + body
}

export function sendForm(
  program: string,
  directory: string,
  parts: readonly BodyPart[],
  env: Readonly<Record<string, string>> = stranger,
  more: Partial<CgiOptions> = {},
): Promise<CgiReply> {
  const body = multipartBody(parts)
  return runCgi({ program, directory, contentType: contentType(), body, env, ...more })
}

export function piece(id: string, name: string, content: string, size: number): BodyPart[] {
  return [
    { name: '_upload', content: id },
    { name: '_offset', content: '0' },
    { name: '_size', content: String(size) },
    { name: '_filename', content: encodeURIComponent(name) },
    { name: 'file', filename: 'x', content },
  ]
}

async function takeSlots({ program, context }: Target): Promise<string> {
  const directory = freshDirectory(context)
  const tus = { PATH_INFO: '/tus', HTTP_TUS_RESUMABLE: '1.0.0', HTTP_UPLOAD_LENGTH: '1' }
  const env = { ...stranger, ...tus, CONTENT_LENGTH: '0' }
  const startedAt = performance.now()
  let taken = 0
  for (let i = 0; i < 100; i++) {
    const { status } = await runCgi({ program, directory, method: 'POST', env })
    if (status === 201) taken++
  }
  const seconds = secondsSince(startedAt)
  const small = piece('0123456789abcdef0123456789abcdef', 'a.txt', 'hello', 5)
  const large = piece('fedcba9876543210fedcba9876543210', 'b.txt', 'hello', 50)
  const whole = await sendForm(program, directory, small, visitor)
  const first = await sendForm(program, directory, large, visitor)
  return (
    `${size(100 * wireBytes(env))} and ${seconds} took ${taken} of 100 slots; then a visitor's ` +
    `small file gets ${whole.status}, the first piece of a large one ${first.status}`
  )
}

async function fillReply({ program, context }: Target): Promise<string> {
  const tries = 8
  let lost = 0
  let died = 0
  const parts: BodyPart[] = [{ name: 'file', filename: 'a.txt', content: 'hello' }]
  for (let i = 0; i < 100; i++) parts.push({ name: `f${i}`, content: '\x01'.repeat(64_000) })
  for (let i = 0; i < tries; i++) {
    const directory = freshDirectory(context)
    const limit = 'ulimit -v 700000; ulimit -c 0;'
    const { status } = await sendForm(program, directory, parts, stranger, { limit })
    const isStored = visibleFiles(directory).length > 0
    if (status === 0) died++
    if (isStored && status !== 201) lost++
  }
  const free = freshDirectory(context)
  const { body, peakResidentBytes } = await sendForm(program, free, parts)
  return (
    `${size(multipartBody(parts).length)}: ${died} of ${tries} without a reply, ${lost} of them ` +
    `with the file stored; without the limit a reply of ${size(body.length)} and ` +
    `${size(peakResidentBytes)} of memory`
  )
}

async function fillRecords({ program, context }: Target): Promise<string> {
  const directory = freshDirectory(context)
  const name = '\x01'.repeat(63_000)
  const parts = piece('0123456789abcdef0123456789abcdef', name, '', 0)
  const body = multipartBody(parts).length - 2 * name.length
  const raw = parts.map((part) => (part.name === '_filename' ? { ...part, content: name } : part))
  const { status } = await sendForm(program, directory, raw)
  const all = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  const kept = all.map((path) => statSync(join(directory, path))).filter((entry) => entry.isFile())
  const bytes = kept.reduce((sum, entry) => sum + entry.size, 0)
  return `${size(body)} (${status}) left ${size(bytes)} for a day`
}

async function sendSlowly({ program, context }: Target): Promise<string> {
  const directory = freshDirectory(context)
  const limitSeconds = 150
  const body = multipartBody([{ name: 'file', filename: 'a.txt', content: 'x'.repeat(900_000) }])
  const startedAt = performance.now()
  let isAnswered = false
  async function* slowly(): AsyncGenerator<Buffer> {
    for (
      let at = 0;
      !isAnswered && performance.now() - startedAt < limitSeconds * 1000;
      at += 500
    ) {
      yield body.subarray(at, at + 500)
      await delay(1000)
    }
  }
  const env = { ...stranger, CONTENT_LENGTH: String(body.length) }
  const timeoutSeconds = limitSeconds + 30
  const sent = { program, directory, contentType: contentType(), env, body: slowly() }
  const reply = await runCgi({ ...sent, timeoutSeconds }).finally(() => {
    isAnswered = true
  })
  const held = (performance.now() - startedAt) / 1000
  return held < limitSeconds
    ? `${size(held * 500)} hold a process for ${held.toFixed(0)} s, then ${reply.status}`
    : `${size(limitSeconds * 500)} hold a process for ${limitSeconds} s and on, until the sender ends`
}

async function confuseDebugPage({ program, context }: Target): Promise<string> {
  const env = { UPLOAD_CGI_DEBUG: 'true', HTTP_ACCEPT: 'text/html' }
  const directory = freshDirectory(context)
  const times: string[] = []
  for (const bytes of [1600, 3200]) {
    const startedAt = performance.now()
    const HTTP_USER_AGENT = 'key-'.repeat(bytes / 4)
    await runCgi({ program, directory, env: { ...env, HTTP_USER_AGENT }, timeoutSeconds: 300 })
    times.push(`${bytes} bytes ${secondsSince(startedAt)}`)
  }
  return times.join(', ')
}

export function visibleFiles(directory: string): string[] {
  return readdirSync(directory).filter((name) => !name.startsWith('.'))
}

export function secondsSince(startedAt: number): string {
  return `${((performance.now() - startedAt) / 1000).toFixed(1)} s`
}

export function size(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} KB` : `${(bytes / 1e6).toFixed(1)} MB`
}
