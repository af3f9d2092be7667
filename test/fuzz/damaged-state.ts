// Uploads in pieces whose files in the hidden folder are damaged between two requests. However they
// look then, no request ends in a 500 or takes long, and a stored file stays as it is.

import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { loadSettings } from '../../src/settings/load.ts'
import type { LoadedSettings } from '../../src/settings/settings.ts'
import { endOf, openExchange } from '../host/core.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import { type Damage, damaged, isSlow } from './damage.ts'
import { randomFrom } from './fuzzer.ts'
import type { Random } from './mutate.ts'

const ids = ['a', 'b', 'c'].map((letter) => letter.repeat(32))
const content = Buffer.from('0123456789')

/** `directory`: empty, for this alone. */
export function fuzzState(seed: number, seconds: number, directory: string): Damage {
  const random = randomFrom(seed)
  const until = performance.now() + seconds * 1000
  let executions = 0
  while (performance.now() < until) {
    const problem = oneRun(random, join(directory, String(executions++)))
    if (problem !== undefined) return { executions, problem }
  }
  return { executions, problem: undefined }
}

function oneRun(random: Random, directory: string): string | undefined {
  mkdirSync(directory)
  const env = {
    UPLOAD_CGI_DIRECTORY: directory,
    UPLOAD_CGI_DURABLE: 'false',
  }
  const settings = loadSettings(env, '/nonexistent/upload.cgi', '')
  const send = (request: Request) => sent(request, settings)
  send({ fields: {}, bytes: content, name: 'kept.txt' })
  for (const [i, id] of ids.entries()) send(pieceOf(id, 0, 4 + 3 * i))
  const lines: string[] = []
  for (let turn = 0; turn < 6; turn++) {
    const file = anyFile(random, join(directory, '.upload-cgi'))
    if (file !== undefined) lines.push(damage(random, file))
    const request = anyRequest(random)
    const before = performance.now()
    const problem = send(request)
    if (problem !== undefined) return [...lines, JSON.stringify(request), problem].join('\n')
    if (isSlow(before)) return [...lines, JSON.stringify(request), 'it took long'].join('\n')
    const kept = readFileSync(join(directory, 'kept.txt'))
    if (!kept.equals(content)) return [...lines, 'a stored file changed'].join('\n')
  }
  rmSync(directory, { recursive: true })
  return undefined
}

/** Changes its bytes and sometimes its time, or removes it; says what was done. */
function damage(random: Random, file: string): string {
  if (random() < 0.1) {
    rmSync(file)
    return `${file} removed`
  }
  const bytes = damaged(random, readFileSync(file))
  writeFileSync(file, bytes)
  const days = random() < 0.2 ? ([-100, 2, 100, 20_000][Math.floor(random() * 4)] ?? 0) : 0
  const time = Math.max(0, Date.now() / 1000 - days * 86_400)
  utimesSync(file, time, time)
  return `${file}, ${days} days old: ${JSON.stringify(bytes.toString('latin1'))}`
}

type Request = {
  readonly fields?: Readonly<Record<string, string>>
  readonly bytes?: Buffer
  readonly name?: string
  readonly query?: string
}

function anyRequest(random: Random): Request {
  const id = ids[Math.floor(random() * ids.length)] ?? ''
  const offset = Math.floor(random() * 11)
  switch (Math.floor(random() * 5)) {
    case 0:
      return { query: `upload=${id}` }
    case 1:
      return { fields: { _upload: id, _cancel: '1' } }
    case 2:
      return { fields: {}, bytes: content, name: 'other.txt' }
    default:
      return pieceOf(id, offset, 10)
  }
}

function pieceOf(id: string, from: number, to: number): Request {
  const fields = { _upload: id, _offset: String(from), _size: '10', _filename: 'piece.txt' }
  return { fields, bytes: content.subarray(from, to), name: 'file' }
}

/** The problem, if there is one. */
function sent({ fields = {}, bytes, name, query }: Request, settings: LoadedSettings) {
  const texts = Object.entries(fields).map(([name, content]) => ({ name, content }))
  const file = { name: 'file', filename: name ?? '', content: bytes ?? Buffer.alloc(0) }
  const body = multipartBody(bytes === undefined ? texts : [...texts, file])
  const complaints: string[] = []
  const post = {
    REQUEST_METHOD: 'POST',
    CONTENT_TYPE: contentType(),
    CONTENT_LENGTH: `${body.length}`,
  }
  const get = { REQUEST_METHOD: 'GET', QUERY_STRING: query ?? '' }
  const env = { ...(query === undefined ? post : get), HTTP_ACCEPT: 'application/json' }
  const exchange = openExchange(env, settings, complaints)
  if (query === undefined) exchange.write(body)
  const reply = endOf(exchange)
  return reply.status === 500 ? `${reply.text}\n${complaints.join('\n')}` : undefined
}

function anyFile(random: Random, folder: string): string | undefined {
  const files = readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => statSync(path).isFile())
    .sort((one, other) => kindOf(one).localeCompare(kindOf(other)))
  return files[Math.floor(random() * files.length)]
}

/** Names are random: what follows the last dot is not. */
function kindOf(path: string): string {
  return path.slice(path.lastIndexOf('.'))
}
