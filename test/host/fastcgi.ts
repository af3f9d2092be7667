// Starts the executable as a FastCGI process and speaks to it as a web server does (FastCGI
// Specification). The records are made and read here, by other code than the program's.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { freshDirectory, type Owner, program } from './program.ts'

export type FastCgiProcess = {
  readonly socket: string
  readonly child: ChildProcess
  /** What it wrote to its own output and error output. */
  output(): string
  /** Ends it by SIGTERM and gives its exit status. */
  stop(): Promise<number | null>
}

export type FastCgiReply = {
  readonly stdout: Buffer
  readonly stderr: string
  /** Of END_REQUEST; undefined when the connection closed before it. */
  readonly protocolStatus: number | undefined
  readonly status: number
  readonly text: string
}

export type FastCgiRequest = {
  readonly params: Readonly<Record<string, string | undefined>>
  readonly body?: Buffer
  /** Bytes of the body in one record; 65,535 unless given. */
  readonly recordBytes?: number
  readonly keepsConnection?: boolean
  readonly id?: number
  /** Closes the connection after so many bytes of the body. */
  readonly cutAt?: number
  /** Sends ABORT_REQUEST after so many bytes of the body. */
  readonly abortAt?: number
}

/** `env`: beside PATH, as settings of the process. It is ended when its owner ends. */
export async function startFastCgi(
  owner: Owner,
  env: Readonly<Record<string, string | undefined>>,
  executable = program,
): Promise<FastCgiProcess> {
  const socket = join(freshDirectory(owner), 'fastcgi.sock')
  const child = spawn(executable, ['fastcgi', '--socket', socket], {
    env: { PATH: '/usr/bin:/bin', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const seen: Buffer[] = []
  child.stdout.on('data', (bytes: Buffer) => seen.push(bytes))
  child.stderr.on('data', (bytes: Buffer) => seen.push(bytes))
  const output = () => Buffer.concat(seen).toString()
  const stop = () => ended(child)
  owner.after(() => child.kill('SIGKILL'))
  await until(
    () => answers(socket),
    () => `no socket: ${child.exitCode} ${output()}`,
  )
  return { socket, child, output, stop }
}

/** A socket on which nobody accepts yet: processes inherit it, as from systemd. */
export type Listening = {
  readonly fd: number
  readonly port: number
  /** Only those that inherited it have it then. */
  close(): void
}

export async function listeningSocket(): Promise<Listening> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle
  const { port } = server.address() as AddressInfo
  return { fd, port, close: () => server.close() }
}

/** One request on a connection of its own: to the path of a socket, or to a port. */
export async function request(
  socket: string | number,
  wanted: FastCgiRequest,
): Promise<FastCgiReply> {
  const connection = new Client(socket)
  try {
    return await connection.request(wanted)
  } finally {
    connection.close()
  }
}

/** A connection on which requests follow one another. */
export class Client {
  readonly socket: Socket
  #bytes = Buffer.alloc(0)
  #isClosed = false
  #wake = () => {}

  constructor(address: string | number) {
    this.socket = typeof address === 'string' ? connect(address) : connect(address, '127.0.0.1')
    this.socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk])
    })
    this.socket.on('error', () => undefined)
    this.socket.on('close', () => {
      this.#isClosed = true
    })
    this.socket.on('end', () => {
      this.#isClosed = true
    })
    for (const event of ['data', 'close', 'end']) this.socket.on(event, () => this.#wake())
  }

  async request(wanted: FastCgiRequest): Promise<FastCgiReply> {
    const { body = Buffer.alloc(0), cutAt, abortAt, id = 1 } = wanted
    this.send(beginRecord(id, wanted.keepsConnection ?? false))
    this.send(streamRecords(params, id, encodeParams(wanted.params), 65_535))
    const end = cutAt ?? abortAt ?? body.length
    this.send(bodyRecords(id, body.subarray(0, end), wanted.recordBytes ?? 65_535))
    if (cutAt !== undefined) this.socket.end()
    else if (abortAt !== undefined) this.send(record(abort, id, Buffer.alloc(0)))
    else this.send(record(stdin, id, Buffer.alloc(0)))
    return this.reply(id)
  }

  send(bytes: Buffer): void {
    if (this.socket.writable) this.socket.write(bytes)
  }

  /** What comes for this request, up to its END_REQUEST or the end of the connection. */
  async reply(id = 1): Promise<FastCgiReply> {
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []]
    let protocolStatus: number | undefined
    const take = () => {
      while (this.#bytes.length >= 8 && protocolStatus === undefined) {
        const length = this.#bytes.readUInt16BE(4)
        const whole = 8 + length + (this.#bytes[6] ?? 0)
        if (this.#bytes.length < whole) return false
        const type = this.#bytes[1]
        const content = this.#bytes.subarray(8, 8 + length)
        if (this.#bytes.readUInt16BE(2) === id) {
          if (type === 6) stdout.push(Buffer.from(content))
          else if (type === 7) stderr.push(Buffer.from(content))
          else if (type === 3) protocolStatus = content[4]
        }
        this.#bytes = this.#bytes.subarray(whole)
      }
      return protocolStatus !== undefined
    }
    while (!take() && !this.#isClosed) await this.#something()
    const all = Buffer.concat(stdout)
    const head = all.indexOf('\r\n\r\n')
    const status = /^Status: (\d+)/.exec(all.toString('latin1', 0, Math.max(0, head)))?.[1]
    return {
      stdout: all,
      stderr: Buffer.concat(stderr).toString(),
      protocolStatus,
      status: Number(status ?? 0),
      text: all.toString('utf8', head + 4),
    }
  }

  /** Resolves when something comes; fails after a minute. */
  #something(): Promise<void> {
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error('no reply')), limitMilliseconds)
      this.#wake = () => {
        clearTimeout(limit)
        resolve()
      }
    })
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  close(): void {
    this.socket.destroy()
  }
}

export function beginRecord(id: number, keepsConnection: boolean, role = 1): Buffer {
  return record(1, id, Buffer.from([0, role, keepsConnection ? 1 : 0, 0, 0, 0, 0, 0]))
}

/** Each stream ends with a record without content. */
export function streamRecords(type: number, id: number, bytes: Buffer, size: number): Buffer {
  return Buffer.concat([cutRecords(type, id, bytes, size), record(type, id, Buffer.alloc(0))])
}

export function bodyRecords(id: number, bytes: Buffer, size: number): Buffer {
  return cutRecords(stdin, id, bytes, size)
}

/** The padding is that of the specification's example: up to the next multiple of eight. */
export function record(type: number, id: number, content: Buffer): Buffer {
  const padding = (8 - (content.length % 8)) % 8
  const header = Buffer.from([1, type, id >> 8, id & 255, 0, 0, padding, 0])
  header.writeUInt16BE(content.length, 4)
  return Buffer.concat([header, content, Buffer.alloc(padding)])
}

/** Undefined values are left out. */
export function encodeParams(values: Readonly<Record<string, string | undefined>>): Buffer {
  return Buffer.concat(
    Object.entries(values).flatMap(([name, value]) =>
      value === undefined
        ? []
        : [
            encodeLength(Buffer.byteLength(name)),
            encodeLength(Buffer.byteLength(value)),
            Buffer.from(name + value),
          ],
    ),
  )
}

export const params = 4
export const stdin = 5
const abort = 2

function cutRecords(type: number, id: number, bytes: Buffer, size: number): Buffer {
  const records: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) {
    records.push(record(type, id, bytes.subarray(at, at + size)))
  }
  return Buffer.concat(records)
}

function encodeLength(length: number): Buffer {
  if (length < 128) return Buffer.from([length])
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(0x8000_0000 + length)
  return bytes
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return child.exitCode
  child.kill('SIGTERM')
  const [code] = await once(child, 'exit')
  return code
}

/** Looks again and again, for a minute at most. */
export async function until(
  isTrue: () => boolean | Promise<boolean>,
  complaint: () => string,
): Promise<void> {
  const limit = Date.now() + limitMilliseconds
  while (!(await isTrue())) {
    if (Date.now() > limit) throw new Error(complaint())
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

const limitMilliseconds = 60_000
