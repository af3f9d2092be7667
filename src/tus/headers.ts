// Parses the request headers of tus 1.0.0 (https://tus.io/protocols/resumable-upload) from the CGI
// environment. It refuses another version with UNSUPPORTED_TUS. It refuses malformed headers and
// extensions that are not offered with BAD_UPLOAD: ignoring them would store something other than
// what the client meant.

import { Fault } from '../fault.ts'
import type { Env } from '../http/request.ts'
import type { Field } from '../outcome.ts'
import { parseByteCount } from '../quantity.ts'

export type TusHeaders = {
  /**
   * The path that was asked for, as the client knows it: one slash in front, never a host.
   * Undefined where the server does not say it, or where a proxy says that it removes a prefix.
   */
  readonly requestPath: string | undefined
  /** In bytes; undefined when the header is missing. */
  readonly uploadLength: number | undefined
  readonly uploadOffset: number | undefined
  readonly metadata: Metadata
  readonly checksum: Checksum | undefined
}

export type Metadata = {
  /** Upload-Metadata as sent; '' when it is missing. */
  readonly text: string
  /** From `filename`, else `name`, else the end of `relativePath`; '' when there is none. */
  readonly name: string
  /** The folders of `relativePath`, each with a slash after it; '' when there are none. */
  readonly folders: string
  /** From `filetype`, else `type`; '' when there is neither. */
  readonly type: string
  /** The other pairs, as if they were fields of a form. */
  readonly fields: readonly Field[]
  /** The id of the submission that it belongs to; '' for one of its own. */
  readonly submission: string
}

export type Checksum = {
  readonly algorithm: string
  /** As the client sent it, in base64. */
  readonly digest: string
}

export const tusVersion = '1.0.0'

/**
 * The name of each algorithm and the length of its digest in bytes. The protocol requires sha1 of
 * every server.
 */
export const checksumAlgorithms: ReadonlyMap<string, number> = new Map([
  ['sha1', 20],
  ['sha256', 32],
])

/** A request of another version must not be processed, so this check comes first. */
export function requireTusVersion(env: Env): void {
  if (env['HTTP_TUS_RESUMABLE'] !== tusVersion) {
    throw new Fault('UNSUPPORTED_TUS', `Tus-Resumable must be ${tusVersion}`)
  }
}

export function parseTusHeaders(env: Env): TusHeaders {
  if (env['HTTP_UPLOAD_CONCAT'] !== undefined)
    throw badUploadFault('Upload-Concat is not offered here')
  if (env['HTTP_UPLOAD_DEFER_LENGTH'] !== undefined) {
    throw badUploadFault('Upload-Defer-Length is not offered here')
  }
  if (/(^|,)\s*upload-checksum\s*(,|$)/i.test((env['HTTP_TRAILER'] ?? '').slice(0, 1000))) {
    throw badUploadFault('a checksum after the body is not offered here')
  }
  return {
    requestPath: parseRequestPath(env),
    uploadLength: parseBytes(env['HTTP_UPLOAD_LENGTH'], 'Upload-Length'),
    uploadOffset: parseBytes(env['HTTP_UPLOAD_OFFSET'], 'Upload-Offset'),
    metadata: parseMetadata(env['HTTP_UPLOAD_METADATA'] ?? ''),
    checksum: parseChecksum(env['HTTP_UPLOAD_CHECKSUM']),
  }
}

/** Browsers take two slashes in front, or a backslash among them, for the beginning of a host. */
function parseRequestPath(env: Env): string | undefined {
  if ((env['HTTP_X_FORWARDED_PREFIX'] ?? '') !== '') return undefined
  const [target = ''] = (env['REQUEST_URI'] ?? '').split(/[?#]/, 1)
  if (target === '') return undefined
  return `/${target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, '').replace(/^[/\\]+/, '')}`
}

function parseBytes(text: string | undefined, header: string): number | undefined {
  if (text === undefined) return undefined
  const bytes = parseByteCount(text)
  if (bytes === undefined) throw badUploadFault(`${header} must be a number of bytes`)
  return bytes
}

/** Parses `key base64,key base64,key`. A value may be missing; a key may not occur twice. */
export function parseMetadata(text: string): Metadata {
  const pairs = new Map<string, string>()
  if (text.length > maxMetadataLength) throw new Fault('FIELD_TOO_LARGE', 'Upload-Metadata')
  for (const pair of text === '' ? [] : text.split(',')) {
    const [key = '', value = '', ...more] = trimmed(pair).split(' ')
    if (!isVisible(key) || more.length > 0) {
      throw badUploadFault('Upload-Metadata must be pairs of a key and a value in base64')
    }
    if (!isBase64(value)) throw badUploadFault(`Upload-Metadata: the value of ${key} is not base64`)
    if (pairs.has(key)) throw badUploadFault(`Upload-Metadata: ${key} comes twice`)
    pairs.set(key, Buffer.from(value, 'base64').toString())
  }
  const fields = [...pairs]
    .filter(([key]) => !ownKeys.has(key))
    .map(([name, value]) => ({ name, value }))
  // Uppy sends "null" for a file that is in no folder.
  const path = pairs.get('relativePath') ?? ''
  const folders = path.slice(0, path.lastIndexOf('/') + 1)
  const last = folders === '' ? '' : path.slice(folders.length)
  const name = pairs.get('filename') || pairs.get('name') || last
  const type = pairs.get('filetype') || pairs.get('type') || ''
  return { text, name, folders, type, fields, submission: pairs.get('submission') ?? '' }
}

/** Parses `sha1 base64`, the checksum of the body of this request. */
function parseChecksum(text: string | undefined): Checksum | undefined {
  if (text === undefined) return undefined
  const [algorithm = '', digest = '', ...more] = text.split(' ')
  const length = checksumAlgorithms.get(algorithm)
  if (length === undefined) {
    throw badUploadFault(
      `Upload-Checksum: only ${[...checksumAlgorithms.keys()].join(' and ')} are offered`,
    )
  }
  const isWhole = isBase64(digest) && Buffer.from(digest, 'base64').length === length
  if (!isWhole || more.length > 0)
    throw badUploadFault(`Upload-Checksum is not a ${algorithm} in base64`)
  return { algorithm, digest }
}

/** Removes what may be around the elements of a list in a header (RFC 9110 section 5.6.1). */
function trimmed(pair: string): string {
  let [start, end] = [0, pair.length]
  while (start < end && isBlank(pair[start])) start++
  while (end > start && isBlank(pair[end - 1])) end--
  return pair.slice(start, end)
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t'
}

/** ASCII without spaces, control characters and commas: the key is sent back in a header. */
function isVisible(key: string): boolean {
  return /^[!-+\--~]+$/.test(key)
}

/** Base64 of RFC 4648 section 4, with its padding. */
function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)
}

function badUploadFault(detail: string): Fault {
  return new Fault('BAD_UPLOAD', detail)
}

const ownKeys: ReadonlySet<string> = new Set([
  'filename',
  'name',
  'filetype',
  'type',
  'relativePath',
  'submission',
])
/** More than any server accepts in one header. */
const maxMetadataLength = 64 * 1024
