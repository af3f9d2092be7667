// How the bytes of all connections are read: into one buffer, since what arrives is used before
// anything else can be read. Node would make a buffer for each read, of which some 20 MB lie about
// until V8 looks for garbage. A connection whose bytes come without end lets the others go first
// after each full buffer: libuv would read 32 times in a row. Node's servers have no option for
// either, so the handle of an accepted socket goes to a socket that has (`onread`).

import type { Socket, SocketConstructorOpts } from 'node:net'

type Handled = { _handle: unknown }

/** One for a process. */
export class Reading {
  readonly #buffer: Buffer
  /** Those that filled the buffer. */
  #paused: Socket[] = []
  #hasNew = false
  #isDelayed = false

  constructor(bytes: number) {
    this.#buffer = Buffer.allocUnsafeSlow(bytes)
  }

  /**
   * The socket for a connection that was accepted paused, which must not be used any more.
   * `receive`: called with bytes that are valid only during the call, and may be changed.
   */
  begin(accepted: Socket, receive: (bytes: Buffer) => void): Socket {
    const { Socket } = process.getBuiltinModule('node:net')
    const { _handle: handle } = accepted as unknown as Handled
    ;(accepted as unknown as Handled)._handle = null
    const buffer = this.#buffer
    const callback = (count: number): boolean => {
      const isFull = count === buffer.length
      receive(isFull ? buffer : buffer.subarray(0, count))
      if (isFull) this.#pause(socket)
      return !isFull
    }
    const options = { handle, allowHalfOpen: true, onread: { buffer, callback } }
    const socket = new Socket(options as SocketConstructorOpts)
    this.#hasNew = true
    return socket
  }

  #pause(socket: Socket): void {
    if (this.#paused.push(socket) === 1) setImmediate(() => this.#resume())
  }

  /**
   * The bytes of a connection are there only in the turn of the event loop after it was accepted,
   * and are mostly a request for a page: the others wait once more, but never twice in a row.
   */
  #resume(): void {
    this.#isDelayed = this.#hasNew && !this.#isDelayed
    this.#hasNew = false
    if (this.#isDelayed) return void setImmediate(() => this.#resume())
    const paused = this.#paused
    this.#paused = []
    for (const socket of paused) if (!socket.destroyed) socket.resume()
  }
}
