// An upload in pieces by POST, through the built executable as a server would start it.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after } from 'node:test'
import { type CgiReply, runCgi } from './cgi.ts'
import { incomingFile, kindOf } from './incoming.ts'
import { contentType, multipartBody } from './multipart-body.ts'
import { freshDirectory, program } from './program.ts'

/** The file that is sent. */
export const content = randomBytes(300_000)

export type Piece = {
  id?: string
  offset?: number | string
  size?: number | string
  name?: string
  bytes?: Buffer
  fields?: Readonly<Record<string, string>>
  accept?: string
  env?: Readonly<Record<string, string>>
  program?: string
  /** How it is started, as runCgi() takes it. */
  limit?: string
}

/** An upload of `content`, with a directory of its own unless one is given. */
export class Uploads {
  readonly directory: string
  readonly id = randomBytes(16).toString('hex')

  constructor(directory = freshDirectory({ after })) {
    this.directory = directory
  }

  piece(piece: Piece): Promise<CgiReply> {
    const { id = this.id, offset = 0, size = content.length, name = 'video.mp4' } = piece
    const fields = { _upload: id, _offset: String(offset), _size: String(size), _filename: name }
    return this.post({ ...fields, ...piece.fields }, piece)
  }

  post(fields: Readonly<Record<string, string>>, { bytes, accept, env, ...more }: Piece = {}) {
    const texts = Object.entries(fields).map(([name, value]) => ({ name, content: value }))
    const file = { name: 'file', filename: 'file', content: bytes ?? Buffer.alloc(0) }
    return runCgi({
      program: more.program ?? program,
      ...(more.limit === undefined ? {} : { limit: more.limit }),
      directory: this.directory,
      method: 'POST',
      contentType: contentType(),
      body: multipartBody(bytes === undefined ? texts : [...texts, file]),
      env: { HTTP_ACCEPT: accept ?? 'application/json', ...env },
    })
  }

  look(id = this.id, env: Readonly<Record<string, string>> = {}, limit?: string) {
    const query = { QUERY_STRING: `upload=${id}`, HTTP_ACCEPT: 'application/json', ...env }
    const start = limit === undefined ? {} : { limit }
    return runCgi({ directory: this.directory, env: query, ...start })
  }

  /** Sends all that is missing, in pieces of so many bytes; gives the last reply. */
  async send(bytes = 100_000, from = 0): Promise<CgiReply> {
    for (let offset = from; ; offset += bytes) {
      const reply = await this.piece({ offset, bytes: content.subarray(offset, offset + bytes) })
      if (reply.status !== 202) return reply
    }
  }

  stored(): string[] {
    return readdirSync(this.directory).filter((name) => name !== '.upload-cgi')
  }

  incoming(): string[] {
    const path = join(this.directory, '.upload-cgi', 'incoming')
    return existsSync(path) ? readdirSync(path).sort() : []
  }

  /** The kinds of the files there. */
  kinds(): string[] {
    return this.incoming().map(kindOf).sort()
  }

  inIncoming(kind: string): string {
    return incomingFile(this.directory, this.id, kind)
  }
}

export function assertRefused(reply: CgiReply, status: number, code: string): void {
  assert.equal(reply.status, status, reply.text)
  assert.equal(reply.json().code, code, reply.text)
}
