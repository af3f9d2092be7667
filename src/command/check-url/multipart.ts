// multipart/form-data as a browser sends it (RFC 7578), for `check --url`.

import { randomBytes } from 'node:crypto'

export type Form = {
  /** For the header Content-Type. */
  readonly type: string
  /** The fields; then, with a file name, the headers of a part whose content comes next. */
  readonly start: Buffer
  /** What comes after that content; empty without a file name. */
  readonly end: Buffer
}

export function multipartForm(
  fields: readonly (readonly [name: string, value: string])[],
  filename?: string,
): Form {
  const boundary = `----check${randomBytes(12).toString('hex')}`
  const parts = fields.map(
    ([name, value]) =>
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  )
  const close = `--${boundary}--\r\n`
  const type = `multipart/form-data; boundary=${boundary}`
  if (filename === undefined) {
    return { type, start: Buffer.from(parts.join('') + close), end: Buffer.alloc(0) }
  }
  const head =
    `--${boundary}\r\n` +
    `Content-Disposition: form-data; name="file"; filename="${filename}"\r\n` +
    'Content-Type: application/octet-stream\r\n\r\n'
  return { type, start: Buffer.from(parts.join('') + head), end: Buffer.from(`\r\n${close}`) }
}
