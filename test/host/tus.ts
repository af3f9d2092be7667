// The built executable as a tus server, for tests: by itself as a server would start it, under its own
// `serve`, or behind a real Apache. The same requests go both ways, so that every rule of the protocol is tried without and with what a
// web server makes of it.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { TestContext } from 'node:test'
import { runCgi } from './cgi-host.ts'
import { startApache } from './servers.ts'

export const program = resolve(import.meta.dirname, '../../build/upload.cgi')

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
  send(request: TusRequest): Promise<TusReply>
  /** Its stored files, by name. */
  stored(): Record<string, string>
  /** What lies in `.incoming`, by kind. */
  incoming(): string[]
}

export type Way = (
  t: TestContext,
  settings?: Readonly<Record<string, string>>,
) => Promise<TusServer>

export const byItself: Way = async (t, settings = {}) => {
  const directory = newDirectory(t)
  const send = async ({ method, path, headers, body, isChunked }: TusRequest) => {
    const env: Record<string, string | undefined> = {
      ...settingsFor(directory, settings),
      PATH_INFO: path ?? '/tus',
      ...(isChunked ? { HTTP_TRANSFER_ENCODING: 'chunked', CONTENT_LENGTH: undefined } : {}),
    }
    for (const [name, value] of Object.entries(headersOf(headers))) {
      const variable = name.toUpperCase().replaceAll('-', '_')
      const isContent = variable === 'CONTENT_TYPE' || variable === 'CONTENT_LENGTH'
      env[isContent ? variable : `HTTP_${variable}`] = value
    }
    const reply = await runCgi({
      program,
      directory,
      method,
      env,
      ...(body === undefined ? {} : { body }),
    })
    if (reply.stderr !== '' && reply.status < 500) throw new Error(reply.stderr)
    return {
      status: reply.status,
      header: (name: string) => reply.headers.get(name.toLowerCase()),
      text: reply.text,
    }
  }
  return { directory, send, ...looks(directory) }
}

export const throughApache: Way = async (t, settings = {}) => {
  const directory = newDirectory(t)
  const url = await startTusApache(t, directory, settings)
  return { directory, send: (asked) => overHttp(url, asked), ...looks(directory) }
}

export const throughServe: Way = async (t, settings = {}) => {
  const directory = newDirectory(t)
  const env = { PATH: process.env['PATH'], ...settingsFor(directory, settings) }
  const args = ['serve', '--port', '0', '--directory', directory]
  const server = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(async () => {
    if (server.exitCode !== null || server.signalCode !== null) return
    server.kill()
    await once(server, 'exit')
  })
  let said = ''
  while (!/for production/.test(said)) said += (await once(server.stdout, 'data'))[0]
  const url = `${/http:\S+/.exec(said)?.[0]}upload.cgi`
  return { directory, send: (asked) => overHttp(url, asked), ...looks(directory) }
}

/** Its address, without `/tus`. */
export async function startTusApache(
  t: TestContext,
  directory: string,
  settings: Readonly<Record<string, string>> = {},
  module: 'cgid' | 'cgi' = 'cgid',
): Promise<string> {
  const env = { UPLOAD_CGI_DIRECTORY: directory, ...settingsFor(directory, settings) }
  const server = await startApache({ program, module, env })
  t.after(() => server.stop())
  return server.url
}

/** `{directory}` in a setting stands for the upload directory. */
function settingsFor(directory: string, settings: Readonly<Record<string, string>>) {
  const entries = Object.entries(settings)
  return Object.fromEntries(
    entries.map(([name, value]) => [name, value.replace('{directory}', directory)]),
  )
}

export function newDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'upload-cgi-tus-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export function looks(directory: string): Pick<TusServer, 'stored' | 'incoming'> {
  return {
    stored() {
      const names = readdirSync(directory).filter((name) => name !== '.incoming')
      return Object.fromEntries(
        names.sort().map((name) => [name, readFileSync(join(directory, name), 'latin1')]),
      )
    },
    incoming() {
      const path = join(directory, '.incoming')
      const names = existsSync(path) ? readdirSync(path) : []
      return names.map((name) => name.slice(name.indexOf('.') + 1)).sort()
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
