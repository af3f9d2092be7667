// Requests under limits: the built executable by prlimit(1), as another user where that is wanted,
// and the table of docs/limits.md.

import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CgiReply, runCgi } from './cgi.ts'
import { contentType, multipartBody } from './multipart-body.ts'
import { program as executable, root } from './program.ts'

export const kinds = ['form', 'upload', 'upload with checksum', 'piece'] as const
export type Kind = (typeof kinds)[number]

export type Circumstances = {
  directory: string
  /** As prlimit's options, such as `as` or `nproc`. */
  limits?: Readonly<Record<string, number>>
  /** Another user, without other processes. */
  uid?: number
  /** Instead of the executable. */
  program?: string
  bytes?: number
  env?: Readonly<Record<string, string>>
  timeoutSeconds?: number
}

/** Rejects when there is no end in time. */
export function request(kind: Kind, circumstances: Circumstances): Promise<CgiReply> {
  const { directory, limits = {}, uid, program = executable, bytes = 300_000 } = circumstances
  const user =
    uid === undefined ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups']
  const bounds = Object.entries(limits).map(([name, value]) => `--${name}=${value}:${value}`)
  const [first = '', ...args] = [...user, 'prlimit', ...bounds, program]
  return runCgi({
    program: `/usr/bin/${first}`,
    args,
    directory,
    timeoutSeconds: circumstances.timeoutSeconds ?? 30,
    env: {
      SCRIPT_FILENAME: program,
      HTTP_ACCEPT: 'application/json',
      UPLOAD_CGI_CHECKSUM: kind === 'upload' ? 'none' : 'sha256',
      ...circumstances.env,
    },
    ...(kind === 'form' ? {} : { contentType: contentType(), body: bodyOf(kind, bytes) }),
  })
}

function bodyOf(kind: Kind, bytes: number): Buffer {
  const fields = {
    _upload: randomBytes(16).toString('hex'),
    _offset: '0',
    _size: String(bytes * 2),
    _filename: 'piece.bin',
  }
  const texts = Object.entries(fields).map(([name, content]) => ({ name, content }))
  const file = { name: 'file', filename: 'whole.bin', content: Buffer.alloc(bytes, 'x') }
  return multipartBody(kind === 'piece' ? [...texts, file] : [file])
}

export const success = { form: 200, upload: 201, 'upload with checksum': 201, piece: 202 } as const

/** It did its work and ended well. */
export function isFine(kind: Kind, reply: CgiReply): boolean {
  return reply.status === success[kind] && reply.exitCode === 0
}

/** It ended with an answer, with words for the error log, or so that the server writes some. */
export function isClean({ status, stderr, exitCode, signal }: CgiReply): boolean {
  return status === 503 || status === 507 || stderr !== '' || signal !== null || exitCode !== 0
}

/** By the first word of the row, such as `address`: bytes or a count. */
export function documented(): ReadonlyMap<string, { enough: number; tooLittle: number }> {
  const text = readFileSync(join(root, 'docs/limits.md'), 'utf8')
  const rows = text.matchAll(/^\| ([a-z]+)[^|]*\| (\d+(?: [KM]B)?) \| (\d+(?: [KM]B)?)? *\|/gm)
  return new Map(
    [...rows].map(([, name = '', enough, tooLittle]) => [
      name,
      { enough: amount(enough), tooLittle: amount(tooLittle) },
    ]),
  )
}

function amount(text = ''): number {
  const [number, unit = ''] = text.split(' ')
  return Number(number) * ({ KB: 1e3, MB: 1e6 }[unit] ?? 1)
}
