// The requests of a tus 1.0.0 client (https://tus.io/protocols/resumable-upload), and a small file
// to send with them.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { TusReply, TusServer } from './tus.ts'

export type Sender = Pick<TusServer, 'send'>
export type Headers = Readonly<Record<string, string | undefined>>
export type Creation = { length: number; name?: string; headers?: Headers }

export const pieceType = 'application/offset+octet-stream'
export const content = Buffer.from('hello world, this is a file')

/** As RFC 9110 section 5.6.7 writes a date. */
export const httpDate =
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT$/

export function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

/** The value of Upload-Checksum. */
export function sum(algorithm: string, bytes: Buffer): string {
  return `${algorithm} ${createHash(algorithm).update(bytes).digest('base64')}`
}

/** The path of the new upload. */
export async function create(server: Sender, creation: Creation): Promise<string> {
  const reply = await askToCreate(server, creation)
  assert.equal(reply.status, 201, reply.text)
  return pathOf(reply)
}

/** The path of the upload that this reply told of, after the program's own. */
export function pathOf(reply: TusReply): string {
  const location = reply.header('Location') ?? ''
  assert.match(location, /^\/.*\/tus\/[0-9a-f]{32}$/)
  return location.slice(location.lastIndexOf('/tus/'))
}

/** The same request, which may be refused. */
export function askToCreate(
  server: Sender,
  { length, name, headers }: Creation,
): Promise<TusReply> {
  const metadata = name === undefined ? {} : { 'Upload-Metadata': `filename ${base64(name)}` }
  return server.send({
    method: 'POST',
    headers: { 'Upload-Length': String(length), ...metadata, ...headers },
  })
}

/** A creation with upload. */
export function begin(
  server: Sender,
  length: number,
  body: Buffer,
  headers: Headers = {},
  isChunked = false,
): Promise<TusReply> {
  const all = { 'Upload-Length': String(length), 'Content-Type': pieceType, ...headers }
  return server.send({ method: 'POST', headers: all, body, isChunked })
}

export function patch(
  server: Sender,
  path: string,
  offset: number,
  body: Buffer,
  headers: Headers = {},
): Promise<TusReply> {
  const all = { 'Content-Type': pieceType, 'Upload-Offset': String(offset), ...headers }
  return server.send({ method: 'PATCH', path, headers: all, body })
}

export async function offsetOf(server: Sender, path: string): Promise<string | undefined> {
  const reply = await server.send({ method: 'HEAD', path })
  assert.equal(reply.status, 200)
  return reply.header('Upload-Offset')
}
