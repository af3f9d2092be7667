// An HTTP request → the meta-variables of a CGI program (RFC 3875 section 4.1) and those that
// Apache adds, as UTF-8. Refuses addresses with bad percent escapes or NUL (400), and every path
// but `/` and `/upload.cgi` with what follows it (404).

import type { IncomingMessage } from 'node:http'
import { dirname, join, posix } from 'node:path'
import type { Env } from '../../http/request.ts'
import { trialServerName } from '../../http/site.ts'

export type Variables = Record<string, string>

/** `program` is absolute; `pathInfo` is percent-decoded, empty or beginning with a slash. */
export type Place = {
  readonly program: string
  readonly scriptName: string
  readonly pathInfo: string
}

/** Or the HTTP status of the refusal. */
export function placeOf(request: IncomingMessage, program: string): Place | number {
  const [target = ''] = (request.url ?? '/').split('?', 1)
  let path: string
  try {
    path = decodeURIComponent(bytesAsUtf8(target.replace(/^https?:\/\/[^/]*/i, '') || '/'))
  } catch {
    return 400
  }
  if (path.includes('\0')) return 400
  if (path === '/') return { program, scriptName: path, pathInfo: '' }
  const scriptName = '/upload.cgi'
  if (path !== scriptName && !path.startsWith(`${scriptName}/`)) return 404
  return { program, scriptName, pathInfo: path.slice(scriptName.length) }
}

export function requestVariables(request: IncomingMessage, place: Place): Variables {
  const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = request.socket
  const uri = bytesAsUtf8(request.url ?? '/')
  const query = uri.indexOf('?')
  const host = /^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d*)?$/.exec(request.headers.host ?? '')
  const variables: Variables = {
    ...headerVariables(request),
    GATEWAY_INTERFACE: 'CGI/1.1',
    PATH_INFO: place.pathInfo,
    QUERY_STRING: query < 0 ? '' : uri.slice(query + 1),
    REMOTE_ADDR: withoutMapping(remoteAddress),
    REMOTE_HOST: withoutMapping(remoteAddress),
    REMOTE_PORT: String(remotePort),
    REQUEST_METHOD: request.method ?? 'GET',
    REQUEST_URI: uri,
    SCRIPT_FILENAME: place.program,
    SCRIPT_NAME: place.scriptName,
    SERVER_NAME: host?.[1] ?? withoutMapping(localAddress),
    SERVER_PORT: String(localPort),
    SERVER_PROTOCOL: `HTTP/${request.httpVersion}`,
    SERVER_SOFTWARE: trialServerName,
  }
  // normalize() keeps `/../..` at the root, so this never points above the program's directory.
  if (place.pathInfo !== '') {
    variables['PATH_TRANSLATED'] = join(dirname(place.program), posix.normalize(place.pathInfo))
  }
  return variables
}

/** What a program keeps of the server's own environment: PATH and UPLOAD_CGI_*. */
export function inheritedVariables(env: Env): Env {
  const names = Object.keys(env).filter((name) => /^(PATH$|UPLOAD_CGI_)/.test(name))
  return Object.fromEntries(names.map((name) => [name, env[name]]))
}

function headerVariables(request: IncomingMessage): Variables {
  const headers = request.headersDistinct
  const variables: Variables = {}
  for (const [name, values = []] of Object.entries(headers)) {
    // Only letters, digits and dashes, for `x_foo` and `x-foo` would have one variable. `proxy`
    // would become HTTP_PROXY, which HTTP libraries obey (CVE-2016-5385). Programs never see
    // `authorization`.
    if (!/^[a-z0-9-]+$/.test(name) || name === 'proxy' || name === 'authorization') continue
    if (name === 'content-length' && headers['transfer-encoding'] !== undefined) continue
    const isContent = name === 'content-length' || name === 'content-type'
    const variable = name.toUpperCase().replaceAll('-', '_')
    const value = bytesAsUtf8(values.join(name === 'cookie' ? '; ' : ', '))
    variables[isContent ? variable : `HTTP_${variable}`] = value
  }
  return variables
}

/** An IPv4 address that a socket for both families shows as IPv6. */
function withoutMapping(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address
}

/** node:http reads bytes as Latin-1; variables are written as UTF-8. */
function bytesAsUtf8(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8')
}
