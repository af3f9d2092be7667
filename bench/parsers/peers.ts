// The parsers that are compared, each in the smallest program that does what its own manual shows,
// and the parts that each reports for a body. CGI programs are run as CGI programs. A parser that
// has not ended after ten seconds, or after two in this process, counts as one that never answers.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { Busboy } from '@fastify/busboy'
import busboy from 'busboy'
import { runCgi } from '../../test/host/cgi.ts'
import type { Body, Part } from './bodies.ts'

/** The parts that the parser reports as received, in latin1. */
export type Outcome = 'refused' | 'never answers' | readonly Part[]

export type Peer = {
  readonly name: string
  /** Throws when the parser is not installed. */
  version(): string
  receive(body: Body): Promise<Outcome>
  /** Only for parsers that are pushed chunks: the same, with the body cut as the caller likes. */
  receiveChunks?(body: Body, chunks: readonly Buffer[]): Promise<Outcome>
}

const here = import.meta.dirname
const program = resolve(here, '../../build/upload.cgi')
const require = createRequire(import.meta.url)
const patience = 2000
const cgiSeconds = 10

async function receiveOurselves(body: Body): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), 'upload-cgi-parsers-'))
  try {
    const reply = await cgi(body, program, { UPLOAD_CGI_DIRECTORY: directory })
    if (reply === undefined) return 'never answers'
    if (reply.status !== 201) return 'refused'
    const { files, fields } = reply.json()
    return [
      ...files.map((file: { field: string; name: string; stored: string }) => ({
        name: file.field,
        filename: Buffer.from(file.name).toString('latin1'),
        content: readFileSync(join(directory, file.stored), 'latin1'),
      })),
      ...fields.map((field: { name: string; value: string }) => ({
        name: field.name,
        content: Buffer.from(field.value).toString('latin1'),
      })),
    ]
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** Undefined when the program had to be killed. */
async function cgi(body: Body, file: string, env: Record<string, string>, args: string[] = []) {
  const bytes = Buffer.from(body.bytes, 'latin1')
  const CONTENT_LENGTH = String(body.declaredBytes ?? bytes.length)
  try {
    return await runCgi({
      program: file,
      args,
      body: bytes,
      contentType: body.contentType,
      timeoutSeconds: cgiSeconds,
      env: { HTTP_ACCEPT: 'application/json', CONTENT_LENGTH, ...env },
    })
  } catch (error) {
    if (/^no end within/.test(error instanceof Error ? error.message : '')) return undefined
    throw error
  }
}

async function receiveByScript(
  body: Body,
  interpreter: string,
  script: string,
  args: string[] = [script],
): Promise<Outcome> {
  const env = { SCRIPT_FILENAME: script, REDIRECT_STATUS: '200' }
  const reply = await cgi(body, interpreter, env, args)
  if (reply === undefined) return 'never answers'
  if (reply.status !== 200 || reply.exitCode !== 0) return 'refused'
  return reply.json().map((part: { name: string; filename?: string; content: string }) => ({
    name: part.name,
    content: fromHex(part.content),
    ...(part.filename === undefined ? {} : { filename: fromHex(part.filename) }),
  }))
}

function fromHex(hex: string): string {
  return Buffer.from(hex, 'hex').toString('latin1')
}

type Parser = Writable & { on(event: string, listener: (...values: never[]) => void): unknown }

/**
 * Both parsers have the events of busboy, except for the arguments of `file` and the name of the
 * last event.
 */
function receiveByEvents(
  create: () => Parser,
  filenameOf: (info: never) => string | undefined,
  chunks: readonly Buffer[],
): Promise<Outcome> {
  return new Promise((resolved) => {
    const parts: Part[] = []
    const timer = setTimeout(() => resolved('never answers'), patience)
    const finish = (outcome: Outcome) => {
      clearTimeout(timer)
      // The end of a file may come a moment after that of the form.
      setImmediate(() => resolved(outcome))
    }
    try {
      const parser = create()
      parser.on('file', (name: string, stream: Readable, info: never) => {
        const received: Buffer[] = []
        const index = parts.length
        parts.push({ name: String(name), content: '' })
        stream.on('data', (chunk: Buffer) => received.push(chunk))
        stream.on('error', () => finish('refused'))
        stream.on('end', () => {
          const content = Buffer.concat(received).toString('latin1')
          const filename = Buffer.from(filenameOf(info) ?? '').toString('latin1')
          parts[index] = { name: String(name), filename, content }
        })
      })
      parser.on('field', (name: string, value: string) => {
        parts.push({ name: String(name), content: Buffer.from(value).toString('latin1') })
      })
      parser.on('error', () => finish('refused'))
      parser.on('finish', () => finish(parts))
      parser.on('close', () => finish(parts))
      for (const chunk of chunks) parser.write(chunk)
      parser.end()
    } catch {
      finish('refused')
    }
  })
}

function receiveByBusboy(body: Body, chunks: readonly Buffer[]): Promise<Outcome> {
  const create = () =>
    busboy({ headers: { 'content-type': body.contentType }, defParamCharset: 'utf8' }) as Parser
  return receiveByEvents(create, (info: { filename?: string }) => info.filename, chunks)
}

function receiveByFastify(body: Body, chunks: readonly Buffer[]): Promise<Outcome> {
  const create = () => new Busboy({ headers: { 'content-type': body.contentType } }) as Parser
  return receiveByEvents(create, (filename: string) => filename, chunks)
}

function packageVersion(name: string): string {
  const file = require
    .resolve(name)
    .replace(/node_modules\/((@[^/]+\/)?[^/]+)\/.*/, 'node_modules/$1')
  return JSON.parse(readFileSync(join(file, 'package.json'), 'utf8')).version
}

function says(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
}

const bytesOf = (body: Body) => [Buffer.from(body.bytes, 'latin1')]

export const peers: readonly Peer[] = [
  {
    name: 'upload.cgi',
    version: () => says(program, '--version').split('\n')[0]?.split(' ')[1] ?? '',
    receive: receiveOurselves,
  },
  {
    name: 'busboy',
    version: () => packageVersion('busboy'),
    receive: (body) => receiveByBusboy(body, bytesOf(body)),
    receiveChunks: receiveByBusboy,
  },
  {
    name: '@fastify/busboy',
    version: () => packageVersion('@fastify/busboy'),
    receive: (body) => receiveByFastify(body, bytesOf(body)),
    receiveChunks: receiveByFastify,
  },
  {
    name: 'PHP',
    version: () => /PHP (\S+)/.exec(says('/usr/bin/php-cgi', '-v'))?.[1]?.split('-')[0] ?? '',
    receive: (body) => receiveByScript(body, '/usr/bin/php-cgi', join(here, 'upload.php'), []),
  },
  {
    name: 'Perl CGI.pm',
    version: () => says('/usr/bin/perl', '-MCGI', '-e', 'print $CGI::VERSION'),
    receive: (body) => receiveByScript(body, '/usr/bin/perl', join(here, 'upload.pl')),
  },
  {
    name: 'Python cgi',
    version: () =>
      says(
        '/usr/bin/python3',
        '-W',
        'ignore',
        '-c',
        'import cgi, platform; print(platform.python_version())',
      ).trim(),
    receive: (body) => {
      const script = join(here, 'upload.py')
      return receiveByScript(body, '/usr/bin/python3', script, ['-W', 'ignore', script])
    },
  },
]
