// The headers that depend on the request: Allow, CORS (Fetch standard) and those of tus.

import type { Reply } from '../http/reply.ts'
import type { CgiRequest } from '../http/request.ts'
import { unknownProxyText } from '../http/sender.ts'
import type { Settings } from '../settings/settings.ts'
import { tusVersion } from '../tus/headers.ts'
import { tusMethods } from '../tus/tus.ts'

type Dialect = {
  /** All methods, as the header Allow lists them. */
  readonly methods: string
  /** Headers that pages of other sites may send, and those that they may read. */
  readonly allowHeaders: string
  readonly exposeHeaders: string
}

export function dialectOf({ isTus }: CgiRequest): Dialect {
  return isTus ? tusDialect : formDialect
}

/** `methods`: the methods that a 405 names, if not all methods of the dialect. */
export function withHeaders(
  reply: Reply,
  request: CgiRequest,
  settings: Settings,
  methods = dialectOf(request).methods,
): Reply {
  const headers = [...reply.headers]
  if (reply.status === 204 || reply.status === 405) headers.push(['Allow', methods])
  if (request.isTus) headers.push(['Tus-Resumable', tusVersion])
  // For `check --url`, which cannot see the error log.
  if (unknownProxyText(request, settings) !== '') headers.push(['X-Upload-Sender', 'unknown'])
  if (reply.status === 412) headers.push(['Tus-Version', tusVersion])
  if (reply.status === 423) headers.push(['Retry-After', '5'])
  if (settings.allowedOrigins.includes(request.origin)) headers.push(...crossOriginHeaders(request))
  return { ...reply, headers }
}

/**
 * For an allowed site. Credentials are allowed too: a browser that sends them, cookies or a
 * password of the server, would otherwise keep the reply from the page after the file was stored.
 */
function crossOriginHeaders(request: CgiRequest): Reply['headers'] {
  const { methods, allowHeaders, exposeHeaders } = dialectOf(request)
  const always: Reply['headers'] = [
    ['Access-Control-Allow-Origin', request.origin],
    ['Access-Control-Allow-Credentials', 'true'],
    ['Access-Control-Expose-Headers', exposeHeaders],
  ]
  if (request.method !== 'OPTIONS') return always
  return [
    ...always,
    ['Access-Control-Allow-Methods', methods],
    ['Access-Control-Allow-Headers', allowHeaders],
    ['Access-Control-Max-Age', String(preflightSeconds)],
  ]
}

/** Each preflight starts a process. Chromium remembers one for at most two hours. */
const preflightSeconds = 7200

/** What Dropzone, jQuery, Uppy and others send by default. */
const usualHeaders = 'Accept, Authorization, Cache-Control, Content-Type, X-Requested-With'

const formDialect: Dialect = {
  methods: 'GET, HEAD, POST, OPTIONS',
  allowHeaders: `${usualHeaders}, X-Upload-Id`,
  exposeHeaders: 'Upload-Offset, Retry-After',
}

const tusDialect: Dialect = {
  methods: tusMethods,
  allowHeaders:
    `${usualHeaders}, Tus-Resumable, Upload-Length, Upload-Offset, Upload-Metadata, ` +
    'Upload-Checksum, X-HTTP-Method-Override, X-Request-ID, X-Upload-Passphrase, X-Upload-Invite',
  exposeHeaders:
    'Location, Content-Location, Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, ' +
    'Tus-Checksum-Algorithm, Upload-Offset, Upload-Length, Upload-Metadata, Upload-Expires, ' +
    'Retry-After',
}
