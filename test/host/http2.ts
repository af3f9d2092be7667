// HTTP/2 over TLS for tests: a certificate that nobody signed, and a client that can send a part of
// a body and then reset its stream, as a browser does when a visitor cancels.

import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { type ClientHttp2Stream, connect, constants } from 'node:http2'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { freshDirectory } from './program.ts'
import type { Certificate } from './server.ts'

export function makeCertificate(t: TestContext): Certificate {
  const home = freshDirectory(t)
  const [certificate, key] = [join(home, 'certificate.pem'), join(home, 'key.pem')]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const name = ['-subj', '/CN=localhost', '-days', '2']
  const files = ['-keyout', key, '-out', certificate]
  execFileSync('openssl', ['req', '-x509', ...kind, ...name, ...files], { stdio: 'ignore' })
  return { certificate, key }
}

export type Http2Reply = { status: number; headers: Record<string, string>; text: string }

/** One connection; each request is a stream in it. */
export type Http2Client = {
  /** Without a length unless the headers have one. */
  send(method: string, path: string, headers?: Headers, body?: Buffer): Promise<Http2Reply>
  /** Sends the beginning of a body, and gives the stream, which may be reset or ended. */
  begin(path: string, headers: Headers, body: Buffer): Promise<ClientHttp2Stream>
}

type Headers = Readonly<Record<string, string>>

export async function http2Client(t: TestContext, url: string): Promise<Http2Client> {
  const session = connect(url, { rejectUnauthorized: false })
  session.on('error', () => undefined)
  t.after(() => session.destroy())
  await once(session, 'connect')
  const open = (method: string, path: string, headers: Headers) =>
    session.request({ ':method': method, ':path': path, accept: 'application/json', ...headers })
  return {
    async send(method, path, headers = {}, body) {
      const stream = open(method, path, headers)
      // A reply may come before the end of the body, and the stream then be closed.
      stream.on('error', () => undefined)
      if (body === undefined) stream.end()
      else stream.end(body)
      return replyOf(stream)
    },
    async begin(path, headers, body) {
      const stream = open('POST', path, headers)
      stream.on('error', () => undefined)
      await new Promise((done) => stream.write(body, done))
      return stream
    },
  }
}

export async function replyOf(stream: ClientHttp2Stream): Promise<Http2Reply> {
  const [headers] = await once(stream, 'response')
  const text = (await buffer(stream)).toString()
  return { status: headers[constants.HTTP2_HEADER_STATUS], headers, text }
}

/** As when a visitor cancels. */
export async function reset(stream: ClientHttp2Stream): Promise<void> {
  const closed = once(stream, 'close')
  stream.close(constants.NGHTTP2_CANCEL)
  await closed
}
