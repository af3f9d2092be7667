// The CGI environment (RFC 3875 section 4.1) → CgiRequest. Every driver builds its requests from
// such an environment. It refuses nothing and never throws: a malformed value is marked as
// malformed, and app/ answers it. It reads no settings here, and it never reads HTTP_PROXY, which a
// client can set (httpoxy).

import { parseByteCount } from '../quantity.ts'

export type Env = Readonly<Record<string, string | undefined>>

export type CgiRequest = {
  /** What it was made of. */
  readonly env: Env
  /** REQUEST_METHOD; for tus X-HTTP-Method-Override replaces it. */
  readonly method: string
  readonly contentType: string
  /** '' when the body is as it is. */
  readonly contentEncoding: string
  /**
   * CONTENT_LENGTH in bytes; 'absent' when the server set none, 'malformed' when it is not a
   * length.
   */
  readonly contentLength: number | 'absent' | 'malformed'
  /** True if the server passes on a chunked body without a length: it ends where the input ends. */
  readonly isChunked: boolean
  readonly format: ReplyFormat
  readonly acceptLanguage: string
  readonly remoteAddress: string
  /** X-Forwarded-For: whom proxies say they speak for; anybody can send it. */
  readonly forwardedFor: string
  /** The user whom the server authenticated; '' for nobody. */
  readonly remoteUser: string
  /** The part of the address after the program's own path: '' or beginning with a slash. */
  readonly pathInfo: string
  /** True for addresses under `/tus`, which speak the tus protocol (tus.ts). */
  readonly isTus: boolean
  /** From X-Upload-Id or `?upload=`, which servers write into their logs; '' without either. */
  readonly uploadId: string
  /** The tokens of invitations: from `?invite=`, and from X-Upload-Invite. */
  readonly invites: readonly string[]
  /** From X-Upload-Passphrase, percent-encoded; undefined without it. */
  readonly passphrase: string | undefined
  /** Cookie, as sent. */
  readonly cookies: string
  /** What follows the question mark of the address. */
  readonly query: string
  /** From `?submission=`: the receipt that is asked for; '' without. */
  readonly submissionId: string
  /** '' where the header is missing: programs other than browsers send none. */
  readonly origin: string
  /** Sec-Fetch-Site: the browser's word about the page that sent the request. */
  readonly fetchSite: string
  /** Host; where it is missing, the name and port of the server. */
  readonly host: string
  /** True if the server says so. It does not know of a proxy in front of it that ends TLS. */
  readonly isHttps: boolean
}

export type ReplyFormat = 'html' | 'json' | 'text'

export function parseRequest(env: Env): CgiRequest {
  const pathInfo = env['PATH_INFO'] ?? ''
  const query = env['QUERY_STRING'] ?? ''
  const isTus = /^\/tus(\/|$)/.test(pathInfo)
  return {
    env,
    method: (isTus && env['HTTP_X_HTTP_METHOD_OVERRIDE']) || (env['REQUEST_METHOD'] ?? ''),
    contentType: env['CONTENT_TYPE'] ?? '',
    contentEncoding: env['HTTP_CONTENT_ENCODING'] ?? '',
    contentLength: parseContentLength(env['CONTENT_LENGTH'] ?? ''),
    isChunked: /(^|,)[ \t]*chunked[ \t]*$/.test(
      (env['HTTP_TRANSFER_ENCODING'] ?? '').toLowerCase(),
    ),
    format: parseAccept(env['HTTP_ACCEPT'] ?? ''),
    acceptLanguage: env['HTTP_ACCEPT_LANGUAGE'] ?? '',
    remoteAddress: env['REMOTE_ADDR'] ?? '',
    // After an internal redirect Apache passes the user only under the second name. No client can
    // set either.
    remoteUser: env['REMOTE_USER'] || (env['REDIRECT_REMOTE_USER'] ?? ''),
    forwardedFor: env['HTTP_X_FORWARDED_FOR'] ?? '',
    pathInfo,
    isTus,
    uploadId: env['HTTP_X_UPLOAD_ID'] || queryValue(query, 'upload'),
    submissionId: queryValue(query, 'submission'),
    invites: [queryValue(query, 'invite'), env['HTTP_X_UPLOAD_INVITE'] ?? ''].filter(Boolean),
    passphrase: parsePassphrase(env['HTTP_X_UPLOAD_PASSPHRASE']),
    cookies: env['HTTP_COOKIE'] ?? '',
    query,
    origin: env['HTTP_ORIGIN'] ?? '',
    fetchSite: env['HTTP_SEC_FETCH_SITE'] ?? '',
    host: env['HTTP_HOST'] ?? `${env['SERVER_NAME'] ?? ''}:${env['SERVER_PORT'] ?? ''}`,
    isHttps: /^(on|1)$/i.test(env['HTTPS'] ?? '') || env['REQUEST_SCHEME'] === 'https',
  }
}

/** '' when the query has no such name. */
function queryValue(query: string, name: string): string {
  return query.includes(`${name}=`) ? (new URLSearchParams(query).get(name) ?? '') : ''
}

/** What is no percent-encoding counts as it is: it is only compared. */
function parsePassphrase(header: string | undefined): string | undefined {
  try {
    return header && decodeURIComponent(header)
  } catch {
    return header
  }
}

/** RFC 3875 section 4.1.2: a length is digits alone. */
function parseContentLength(text: string): CgiRequest['contentLength'] {
  return text === '' ? 'absent' : (parseByteCount(text) ?? 'malformed')
}

/**
 * The format that Accept names with the highest weight (RFC 9110 section 12.5.1); the first of
 * equals. Wildcards do not count: curl sends nothing else and gets plain text.
 */
function parseAccept(accept: string): ReplyFormat {
  let best: ReplyFormat = 'text'
  let bestWeight = 0
  for (const range of accept.slice(0, 2000).split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    const format = formats.get(type)
    const q = parameters.find((parameter) => parameter.startsWith('q='))
    const weight = q === undefined ? 1 : Number(q.slice(2)) || 0
    if (format !== undefined && weight > bestWeight) {
      best = format
      bestWeight = weight
    }
  }
  return best
}

const formats: ReadonlyMap<string, ReplyFormat> = new Map([
  ['text/html', 'html'],
  ['application/xhtml+xml', 'html'],
  ['application/json', 'json'],
  ['application/problem+json', 'json'],
  ['text/plain', 'text'],
])
