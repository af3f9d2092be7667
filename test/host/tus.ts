// The built executable as a tus server: by itself as a server would start it, under its own
// `serve`, or behind a real Apache. The same requests go each way, so that every rule of the
// protocol is tried without a web server and with what a web server makes of it. tus-requests.ts
// has the requests.

import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { startApache } from './apache.ts'
import { type CgiOptions, runCgi } from './cgi.ts'
import { incoming, visible } from './form.ts'
import { kindOf } from './incoming.ts'
import { missing } from './installed.ts'
import { freshDirectory, isThroughFastCgi } from './program.ts'
import { startBehindNginx, startServe } from './serve.ts'

export type TusRequest = {
  method: string
  /** What follows the program's address; `/tus` unless given. */
  path?: string
  /** Over `Tus-Resumable: 1.0.0`; undefined removes it. */
  headers?: Readonly<Record<string, string | undefined>>
  body?: Buffer
  isChunked?: boolean
}

export type TusReply = {
  status: number
  header(name: string): string | undefined
  text: string
}

export type TusServer = {
  readonly directory: string
  /** The path of the program's address. */
  readonly path: string
  send(request: TusRequest): Promise<TusReply>
  /** Its stored files, by name. */
  stored(): Record<string, string>
  /** What is in `incoming/`, by kind. */
  incoming(): string[]
}

export type Way = (
  t: TestContext,
  settings?: Readonly<Record<string, string>>,
) => Promise<TusServer>

/** A test of one rule of the protocol, with a server of its own. */
export type Rule = (
  name: string,
  body: (server: TusServer, t: TestContext) => Promise<void>,
  settings?: Readonly<Record<string, string>>,
) => void

/** The same rules for each way in which the program is reached; `way` is its name. */
export function eachWay(tests: (rule: Rule, way: string) => void): void {
  for (const { name: way, start, skip } of ways) {
    describe(way, { skip }, () => {
      const rule: Rule = (name, body, settings = {}) =>
        test(name, async (t) => body(await start(t, settings), t))
      tests(rule, way)
    })
  }
}

const programPath = '/cgi-bin/upload.cgi'

export const byItself: Way = async (t, settings = {}) => {
  const directory = freshDirectory(t)
  const send = (asked: TusRequest) => sendByItself(directory, asked, settings)
  return { directory, path: programPath, send, ...looks(directory) }
}

/** `start`: how, as runCgi() takes it. */
export async function sendByItself(
  directory: string,
  { method, path, headers, body, isChunked }: TusRequest,
  settings: Readonly<Record<string, string>> = {},
  start: Pick<CgiOptions, 'limit'> = {},
): Promise<TusReply> {
  const env: Record<string, string | undefined> = {
    ...settingsFor(directory, settings),
    PATH_INFO: path ?? '/tus',
    REQUEST_URI: `${programPath}${path ?? '/tus'}`,
    ...(isChunked ? { HTTP_TRANSFER_ENCODING: 'chunked', CONTENT_LENGTH: undefined } : {}),
  }
  for (const [name, value] of Object.entries(headersOf(headers))) {
    const variable = name.toUpperCase().replaceAll('-', '_')
    const isContent = variable === 'CONTENT_TYPE' || variable === 'CONTENT_LENGTH'
    env[isContent ? variable : `HTTP_${variable}`] = value
  }
  const reply = await runCgi({
    directory,
    method,
    env,
    ...start,
    ...(body === undefined ? {} : { body }),
  })
  const isTold = reply.status >= 500 || /FOREIGN_ORIGIN|REFUSED_BY_SCAN/.test(reply.stderr)
  if (reply.stderr !== '' && !isTold) throw new Error(reply.stderr)
  return {
    status: reply.status,
    header: (name: string) => reply.headers.get(name.toLowerCase()),
    text: reply.text,
  }
}

export const throughApache: Way = async (t, settings = {}) => {
  const directory = freshDirectory(t)
  const url = await startTusApache(t, directory, settings)
  const path = new URL(url).pathname
  return { directory, path, send: (asked) => overHttp(url, asked), ...looks(directory) }
}

export const throughServe: Way = async (t, settings = {}) => {
  const directory = freshDirectory(t)
  const env = settingsFor(directory, settings)
  const served = await startServe(t, { args: ['--directory', directory], env })
  const url = `${served.url}upload.cgi`
  const path = new URL(url).pathname
  return { directory, path, send: (asked) => overHttp(url, asked), ...looks(directory) }
}

/** Its address, without `/tus`. Through FastCGI it is nginx instead. */
export async function startTusApache(
  t: TestContext,
  directory: string,
  settings: Readonly<Record<string, string>> = {},
  module: 'cgid' | 'cgi' = 'cgid',
): Promise<string> {
  const env = { UPLOAD_CGI_DIRECTORY: directory, ...settingsFor(directory, settings) }
  if (isThroughFastCgi()) return `${await startBehindNginx(t, directory, env)}upload`
  const server = await startApache({ module, env })
  t.after(() => server.stop())
  return server.url
}

/** `{directory}` in a setting becomes the upload directory. */
function settingsFor(directory: string, settings: Readonly<Record<string, string>>) {
  const entries = Object.entries(settings)
  return Object.fromEntries(
    entries.map(([name, value]) => [name, value.replace('{directory}', directory)]),
  )
}

export function looks(directory: string): Pick<TusServer, 'stored' | 'incoming'> {
  return {
    stored() {
      const names = visible(directory)
      return Object.fromEntries(
        names.map((name) => [name, readFileSync(join(directory, name), 'latin1')]),
      )
    },
    incoming() {
      return incoming(directory).map(kindOf).sort()
    },
  }
}

export function overHttp(
  url: string,
  { method, path = '/tus', headers, body, isChunked = false }: TusRequest,
): Promise<TusReply> {
  return new Promise((resolved, rejected) => {
    const length = isChunked ? {} : { 'Content-Length': String(body?.length ?? 0) }
    const sent = request(
      `${url}${path}`,
      { method, headers: { ...length, ...headersOf(headers) }, agent: false },
      (reply) => {
        const chunks: Buffer[] = []
        reply.on('data', (chunk: Buffer) => chunks.push(chunk))
        reply.on('error', rejected)
        reply.on('end', () =>
          resolved({
            status: reply.statusCode ?? 0,
            header: (name) => {
              const value = reply.headers[name.toLowerCase()]
              return Array.isArray(value) ? value.join(', ') : value
            },
            text: Buffer.concat(chunks).toString(),
          }),
        )
      },
    )
    sent.on('error', rejected)
    sent.end(body)
  })
}

function headersOf(headers: TusRequest['headers']): Record<string, string> {
  const all = { 'Tus-Resumable': '1.0.0', Accept: 'application/json', ...headers }
  const given = Object.entries(all).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as Record<string, string>
}

const ways = isThroughFastCgi()
  ? [{ name: 'by FastCGI', start: byItself, skip: false as const }]
  : [
      { name: 'by itself', start: byItself, skip: false as const },
      { name: 'under serve', start: throughServe, skip: false as const },
      { name: 'through Apache', start: throughApache, skip: missing('apache2') },
    ]
