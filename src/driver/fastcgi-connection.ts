// One connection of a web server that speaks FastCGI (records → Exchange → records). It carries one
// request at a time, and others after it where the server keeps it. Nothing is spooled: the bytes
// of a body go to the exchange as they arrive. It refuses a second request at the same time, roles
// other than Responder, more than 64 KiB of parameters, and closes a connection on which something
// else than FastCGI arrives, or on which nobody reads the replies.

import type { Socket } from 'node:net'
import type { Exchange } from '../app/exchange.ts'
import {
  cannotMultiplex,
  encodeEnd,
  encodeReply,
  encodeStderr,
  encodeUnknownType,
  encodeValues,
  ProtocolError,
  parseParams,
  RecordParser,
  type RecordSink,
  responder,
  unknownRole,
} from './fastcgi-record.ts'
import { SpeedGauge } from './speed.ts'

export type Params = Readonly<Record<string, string | undefined>>

/** What a connection needs from the process. */
export type Host = {
  /** Opens the exchange of a request. `say` writes into the web server's error log. */
  open(params: Params, say: (line: Uint8Array) => void): Exchange
  /** Writes to where the process itself complains. Never throws. */
  say(line: Uint8Array): void
  /** The time in ms, from any beginning. */
  milliseconds(): number
}

type Request = {
  readonly id: number
  readonly keepsConnection: boolean
  /** When it began, in ms. */
  readonly since: number
  /** Until all of them are there. */
  params: Buffer[]
  paramsBytes: number
  exchange: Exchange | undefined
  readonly gauge: SpeedGauge
  bodyBytes: number
  isReplied: boolean
}

export class FastCgiConnection implements RecordSink {
  readonly #socket: Socket
  readonly #host: Host
  readonly #parser = new RecordParser(this)
  #request: Request | undefined
  /** When this process began to wait for the server, in ms. */
  #idleSince: number
  #isLast = false

  constructor(socket: Socket, host: Host) {
    this.#socket = socket
    this.#host = host
    this.#idleSince = host.milliseconds()
    socket.on('close', () => this.#cut())
    // Without a listener a broken connection would end the process. The close follows.
    socket.on('error', () => undefined)
    socket.on('end', () => {
      this.#cut()
      // To end a stream again makes an error, even if nobody asks for it.
      if (!socket.writableEnded) socket.end()
    })
  }

  /** `chunk`: bytes that arrived, valid only during the call, in which they are moved. */
  receive(chunk: Buffer): void {
    const before = this.#request?.exchange
    const waited = this.#host.milliseconds() - this.#idleSince
    try {
      this.#parser.write(chunk)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.#host.say(Buffer.from(`upload.cgi: not FastCGI: ${error.message}\n`))
      this.#socket.destroy()
      return
    }
    // What was waited for before a request, or for its parameters, is not the time of its body.
    const isBody = this.#request?.exchange === before
    this.#judgeSpeed(chunk.length, isBody ? waited : 0)
    this.#idleSince = this.#host.milliseconds()
  }

  /** Answers one more request at most: the server may have sent one that is not read yet. */
  finish(): void {
    this.#isLast = true
  }

  /** Closes where no request is being answered. */
  closeIfIdle(): void {
    if (this.#request === undefined) this.#socket.destroy()
    // The server would lose a reply that it did not read before the rest of its body was refused.
    else if (this.#request.isReplied) this.#socket.end()
  }

  /** Closes where the server has begun something and then been silent for too long. */
  closeIfStuck(): void {
    const isIdle = this.#request === undefined
    const isBody = this.#request?.exchange !== undefined && !this.#request.isReplied
    // A connection that is kept may be idle, and for a body the server has a time limit itself.
    if ((isIdle && !this.#socket.writableEnded) || isBody) return
    const isBeginning = this.#request !== undefined && this.#request.exchange === undefined
    const since = isBeginning ? this.#request?.since : this.#idleSince
    if (this.#host.milliseconds() - (since ?? 0) > patienceMilliseconds) this.#socket.destroy()
  }

  get #isAnswering(): boolean {
    return this.#request !== undefined && !this.#request.isReplied
  }

  #judgeSpeed(bytes: number, waited: number): void {
    const { exchange, gauge, isReplied } = this.#request ?? {}
    if (exchange === undefined || gauge === undefined) return
    gauge.count(bytes, waited)
    if (!gauge.isSlow) return
    if (isReplied) this.#socket.destroy()
    else {
      exchange.refuseSlow()
      this.#reply()
    }
  }

  begin(id: number, role: number, keepsConnection: boolean): void {
    this.#requireReader()
    if (this.#isAnswering) {
      // A server that begins a request anew while it is being answered is not understood.
      if (id === this.#request?.id) throw new ProtocolError('a request that began twice')
      this.#socket.write(encodeEnd(id, cannotMultiplex))
      return
    }
    if (role !== responder) {
      this.#socket.write(encodeEnd(id, unknownRole))
      if (!keepsConnection) this.#socket.end()
      return
    }
    if (this.#socket.writableEnded) return
    this.#request = {
      id,
      keepsConnection,
      since: this.#host.milliseconds(),
      params: [],
      paramsBytes: 0,
      exchange: undefined,
      gauge: new SpeedGauge(),
      bodyBytes: 0,
      isReplied: false,
    }
  }

  params(id: number, bytes: Buffer): void {
    const request = this.#request
    if (request?.id !== id || request.exchange !== undefined) return
    request.paramsBytes += bytes.length
    if (request.paramsBytes > maxParamsBytes) {
      throw new ProtocolError(`parameters of more than ${maxParamsBytes} bytes`)
    }
    request.params.push(Buffer.from(bytes))
    // A part of one byte takes a hundred.
    if (request.params.length > mostParts) request.params = [Buffer.concat(request.params)]
  }

  paramsEnd(id: number): void {
    const request = this.#request
    if (request?.id !== id || request.exchange !== undefined) return
    const params = Object.fromEntries(parseParams(Buffer.concat(request.params)))
    request.params = []
    request.exchange = this.#host.open(params, (line) => this.#complain(id, line))
    if (request.exchange.bodyBytes === 0) this.#reply()
  }

  stdin(id: number, bytes: Buffer): void {
    const request = this.#request
    if (request?.id !== id || request.exchange === undefined || request.isReplied) return
    const { exchange } = request
    const chunk = bytes.subarray(0, exchange.bodyBytes - request.bodyBytes)
    request.bodyBytes += chunk.length
    const goesOn = exchange.write(chunk)
    if (!goesOn || request.bodyBytes === exchange.bodyBytes) this.#reply()
  }

  stdinEnd(id: number): void {
    const request = this.#request
    if (request?.id !== id || request.exchange === undefined) return
    if (!request.isReplied) this.#reply()
    this.#request = undefined
  }

  abort(id: number): void {
    if (this.#request?.id !== id) return
    const isUnanswered = this.#isAnswering
    this.#cut()
    if (isUnanswered) for (const bytes of encodeReply(id, [])) this.#socket.write(bytes)
    this.#request = undefined
    if (this.#isLast) this.#socket.end()
  }

  getValues(names: readonly string[]): void {
    this.#requireReader()
    this.#socket.write(encodeValues(new Map([...values].filter(([name]) => names.includes(name)))))
  }

  unknownType(type: number): void {
    this.#requireReader()
    this.#socket.write(encodeUnknownType(type))
  }

  /** A server reads what it asked for before it asks for more. */
  #requireReader(): void {
    if (this.#socket.writableLength <= maxUnreadBytes) return
    throw new ProtocolError('nobody reads the replies')
  }

  #reply(): void {
    const request = this.#request
    if (request?.exchange === undefined || request.isReplied) return
    const { id, exchange, keepsConnection } = request
    request.isReplied = true
    const socket = this.#socket
    // One write for all pieces.
    socket.cork()
    for (const bytes of encodeReply(id, exchange.end())) socket.write(bytes)
    // Called when all of it is out.
    socket.write('', () => exchange.afterReply())
    if (keepsConnection && !this.#isLast) socket.uncork()
    // The rest of a refused body is still read: a server that sends it would lose the reply.
    else socket.end()
  }

  /** The client left, or the server did: what came is kept or removed. */
  #cut(): void {
    const request = this.#request
    this.#request = undefined
    if (request?.exchange === undefined || request.isReplied) return
    const { exchange } = request
    request.isReplied = true
    if (!exchange.outlivesCut) return exchange.abort()
    exchange.end()
    exchange.afterReply()
  }

  #complain(id: number, line: Uint8Array): void {
    if (this.#socket.writable) this.#socket.write(encodeStderr(id, line))
    else this.#host.say(line)
  }
}

/** Of all parameters of a request. Servers bound the headers of a client to far less. */
const maxParamsBytes = 64 * 1024
const mostParts = 100
const maxUnreadBytes = 64 * 1024
const patienceMilliseconds = 60_000
/** What a server may ask for (section 4.1). */
const values: ReadonlyMap<string, string> = new Map([['FCGI_MPXS_CONNS', '0']])
