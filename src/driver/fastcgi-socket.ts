// How the bytes of all connections are read: into one buffer, since what arrives is used before
// anything else can be read. Node would make a buffer for each read, of which some 20 MB lie about
// until V8 looks for garbage. A connection whose bytes come without end lets the others go first
// after each full buffer: libuv would read 32 times in a row. Node's servers have no option for
// either, so the handle of an accepted socket goes to a socket that has (`onread`).

import type { Socket, SocketConstructorOpts } from 'node:net'

type Handled = { _handle: unknown }

/**
 * The socket for a connection that was accepted paused, which must not be used any more. `receive`:
 * called with bytes that are valid only during the call, and may be changed.
 */
export function readInto(
  buffer: Buffer,
  accepted: Socket,
  receive: (bytes: Buffer) => void,
): Socket {
  const { Socket } = process.getBuiltinModule('node:net')
  const { _handle: handle } = accepted as unknown as Handled
  ;(accepted as unknown as Handled)._handle = null
  const callback = (count: number): boolean => {
    const isFull = count === buffer.length
    receive(isFull ? buffer : buffer.subarray(0, count))
    if (isFull) setImmediate(resume)
    return !isFull
  }
  const resume = () => {
    if (!socket.destroyed) socket.resume()
  }
  const options = { handle, allowHalfOpen: true, onread: { buffer, callback } }
  const socket = new Socket(options as SocketConstructorOpts)
  return socket
}
