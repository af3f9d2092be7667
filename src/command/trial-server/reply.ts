// What a CGI program writes → an HTTP reply (RFC 3875 section 6). Refuses a program that sends no
// header block, a malformed one, or one over 64 KiB.

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Readable } from 'node:stream'

/** Rejects, with nothing sent, when what the program writes is no CGI reply. */
export async function sendReply(
  stdout: Readable,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { head, rest } = await readHead(stdout)
  writeHead(head, request, response)
  // Up to here nothing was awaited since the head: the stream has a reader again, and loses
  // nothing.
  if (rest.length > 0) response.write(rest)
  stdout.once('end', () => drained(request, response).then(() => response.end()))
  stdout.pipe(response, { end: false })
}

/** The server's own reply, where the program has none. */
export async function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
): Promise<void> {
  request.resume()
  await drained(request, response)
  if (response.headersSent) return
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' })
  response.end(`${status} ${sentences[status]}\n`)
}

async function readHead(stdout: Readable): Promise<{ head: string; rest: Buffer }> {
  let seen: Buffer = Buffer.alloc(0)
  for await (const chunk of stdout.iterator({ destroyOnReturn: false })) {
    seen = Buffer.concat([seen, chunk])
    const blank = /(?:^|\n)\r?\n/.exec(seen.toString('latin1', 0, maxHeadBytes + 1))
    const headBytes = blank === null ? seen.length : blank.index + blank[0].length
    if (headBytes > maxHeadBytes) {
      throw new Error('the header block of the program is over 64 KiB')
    }
    if (blank !== null) {
      return { head: seen.toString('latin1', 0, headBytes), rest: seen.subarray(headBytes) }
    }
  }
  throw new Error('the program ended without a complete header block')
}

/** RFC 3875 section 6.3. Throws what is wrong. The server frames the body, not the program. */
function writeHead(head: string, request: IncomingMessage, response: ServerResponse): void {
  const lines = head.split(/\r?\n/).filter((line) => line !== '')
  const headers: string[] = []
  let status = /^location:/im.test(head) ? '302' : '200'
  for (const line of lines) {
    const [, name = '', value = ''] = /^([^\s:]+):[ \t]*(.*)$/.exec(line) ?? []
    const key = name.toLowerCase()
    const isBadStatus = key === 'status' && !/^[2-5]\d\d( |$)/.test(value)
    if (key === '' || key === 'transfer-encoding' || isBadStatus) {
      throw new Error(`the program sent the header line ${JSON.stringify(line)}`)
    }
    const isLength = key === 'content-length' && request.method === 'HEAD'
    if (key === 'status') status = value
    else if (isLength || !ownHeaders.has(key)) headers.push(name, value)
  }
  if (lines.length === 0) throw new Error('the header block of the program is empty')
  const code = Number(status.slice(0, 3))
  response.writeHead(code, status.slice(4) || (STATUS_CODES[code] ?? ''), headers)
}

/**
 * Resolves when a reply may end. Ending it while the client still sends would reset a connection
 * that closes after the reply, so this waits for the end of the request's body, or for 2 s of
 * silence: some clients stop sending on an error.
 */
async function drained(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const staysOpen = response.shouldKeepAlive && request.httpVersion !== '1.0'
  if (request.complete || request.destroyed || staysOpen) return
  await new Promise<void>((done) => {
    const timer = setTimeout(done, silenceMilliseconds).unref()
    request.on('data', () => timer.refresh())
    request.once('end', done).once('close', done)
  })
}

const maxHeadBytes = 64 * 1024
const silenceMilliseconds = 2000
/** Headers that only the server sets. */
const ownHeaders = new Set(['connection', 'content-length', 'keep-alive', 'trailer', 'upgrade'])
const sentences: Readonly<Record<number, string>> = {
  400: 'The address is malformed.',
  404: 'There is nothing here. The upload page is at /',
  421:
    'This server does not answer to the name in the address. Open it by its IP address or as ' +
    'localhost, or start it with --host and that name too.',
  502: 'The program gave no complete answer. The reason is in the terminal.',
}
