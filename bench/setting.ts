// The setting that all parts of the bench share: its directories, its requests and their bodies.

import { randomBytes } from 'node:crypto'
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Command } from './measure.ts'
import type { Peers } from './peers.ts'

export type Setting = {
  /** A directory in memory, removed at the end. */
  readonly home: string
  readonly directory: string
  readonly peers: Peers
  /** An executable that does nothing, packaged as ours is. */
  readonly empty: string
  readonly isQuick: boolean
}

export const program = resolve(import.meta.dirname, '../build/upload.cgi')
export const boundary = '----WebKitFormBoundary7MA4YWxkTrZu0gWx'

/** The command that runs upload.cgi. With the settings `plain` it leaves out what no peer does. */
export function ours(name: string, settings: Readonly<Record<string, string>> = {}): Command {
  return { name, words: [program], env: settings }
}

export const plain = { UPLOAD_CGI_DURABLE: 'false', UPLOAD_CGI_CHECKSUM: 'none' }

export function requestEnv(setting: Setting, method: string, length = 0): Record<string, string> {
  return {
    ...setting.peers.env,
    GATEWAY_INTERFACE: 'CGI/1.1',
    SERVER_PROTOCOL: 'HTTP/1.1',
    REQUEST_METHOD: method,
    QUERY_STRING: '',
    HTTP_ACCEPT: 'text/html',
    UPLOAD_CGI_DIRECTORY: setting.directory,
    UPLOAD_CGI_MAX_FILE_SIZE: '0',
    UPLOAD_CGI_MAX_REQUEST_SIZE: '0',
    UPLOAD_CGI_ON_CONFLICT: 'overwrite',
    ...(length > 0
      ? {
          CONTENT_TYPE: `multipart/form-data; boundary=${boundary}`,
          CONTENT_LENGTH: String(length),
        }
      : {}),
  }
}

export type Body = { readonly path: string; readonly bytes: number }

/** Files of so many random bytes each, as a browser would send them. */
export function bodyFile(setting: Setting, name: string, sizes: readonly number[]): Body {
  const path = join(setting.home, name)
  const chunk = randomBytes(1 << 20)
  const fd = openSync(path, 'w')
  let bytes = 0
  const put = (part: Buffer) => {
    for (let at = 0; at < part.length; ) at += writeSync(fd, part, at)
    bytes += part.length
  }
  sizes.forEach((size, i) => {
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${i}.bin"\r\n`
    put(Buffer.from(`${head}Content-Type: application/octet-stream\r\n\r\n`))
    for (let left = size; left > 0; left -= chunk.length) put(chunk.subarray(0, left))
    put(Buffer.from('\r\n'))
  })
  put(Buffer.from(`--${boundary}--\r\n`))
  closeSync(fd)
  return { path, bytes }
}

export function textFile(setting: Setting, name: string, text: string | Buffer): Body {
  const path = join(setting.home, name)
  writeFileSync(path, text)
  return { path, bytes: Buffer.byteLength(text) }
}
