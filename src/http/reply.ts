// A reply, and its bytes as a CGI program writes them (RFC 3875 section 6). They always begin with
// a Status line: given a Location without one, Apache would fetch that page itself. A control
// character in a header value becomes a space.

export type Reply = {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Text, or its bytes in UTF-8. */
  readonly body: string | Uint8Array
}

export type TextReply = Reply & { readonly body: string }

/**
 * The reply as bytes, in one or two pieces: header fields that end in CRLF with a blank line, and
 * the body, which a reply to HEAD lacks.
 */
export function encode(reply: Reply, method: string): readonly Uint8Array[] {
  const body = typeof reply.body === 'string' ? Buffer.from(reply.body) : reply.body
  const lines = [
    `Status: ${reply.status} ${statusPhrase(reply.status)}`,
    ...reply.headers.map(([name, value]) => `${name}: ${safeHeaderValue(value)}`),
  ]
  if (reply.status !== 204) lines.push(`Content-Length: ${body.length}`)
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)
  return method === 'HEAD' ? [head] : [head, body]
}

/**
 * The phrase of RFC 9110 section 15. It is also the `title` of a problem+json reply whose type is
 * about:blank.
 */
export function statusPhrase(status: number): string {
  return phrases[status] ?? 'Unknown'
}

/**
 * Values contain text of settings and requests: a line break in one must not start a new header.
 */
function safeHeaderValue(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about
  return value.replace(/[\x00-\x1f\x7f]/g, ' ')
}

/**
 * Under the policy `no-referrer`, browsers would send `Origin: null` with the form's own post, and
 * under `same-origin` with that of a form on another site (Fetch standard, "append a request Origin
 * header"). The policy `strict-origin` tells other sites nothing of an address but its host. The
 * pages have it as an element too, which counts where a server overwrites the header.
 */
export const commonHeaders: Reply['headers'] = [
  ['X-Content-Type-Options', 'nosniff'],
  ['Referrer-Policy', 'strict-origin'],
  ['X-Robots-Tag', 'noindex'],
  ['Cache-Control', 'no-store'],
  ['Vary', 'Accept, Accept-Language, Origin'],
]

const phrases: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  303: 'See Other',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  411: 'Length Required',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  423: 'Locked',
  429: 'Too Many Requests',
  460: 'Checksum Mismatch',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
  507: 'Insufficient Storage',
}
