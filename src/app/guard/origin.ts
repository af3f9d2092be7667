// Refuses posts from pages of other sites (cross-site request forgery). The browser's own word
// decides (Sec-Fetch-Site, W3C Fetch Metadata); without it, Origin (RFC 6454) is compared with the
// address of the request.

import { Fault } from '../../fault.ts'
import type { CgiRequest } from '../../http/request.ts'
import type { Settings } from '../../settings/settings.ts'

/** Throws FOREIGN_ORIGIN. Reading the form is harmless and always allowed. */
export function requireKnownOrigin(request: CgiRequest, { allowedOrigins }: Settings): void {
  const { method, origin } = request
  if (method === 'GET' || method === 'HEAD') return
  if (!isOwn(request) && !allowedOrigins.includes(origin)) throw foreignOriginFault(request)
}

/**
 * No page can set Sec-Fetch-Site and no proxy rewrites it, but not every browser sends it, and none
 * does over plain http. A word other than `same-origin` and `cross-site` never outweighs an Origin.
 */
function isOwn(request: CgiRequest): boolean {
  const { fetchSite, origin, host, isHttps } = request
  if (fetchSite === 'same-origin') return true
  if (fetchSite === 'cross-site') return false
  // Programs such as curl send neither header; browsers send Origin with every post.
  if (origin === '') return fetchSite !== 'same-site'
  const [, scheme, originHost] = /^(https?):\/\/([^\s/?#@]+)$/.exec(origin.toLowerCase()) ?? []
  if (scheme === undefined || originHost === undefined) return false
  // Behind a proxy that ends TLS, the program does not know that visitors use https.
  if (isHttps && scheme === 'http') return false
  const defaultPort = scheme === 'https' ? /:443$/ : /:80$/
  return originHost.replace(defaultPort, '') === host.toLowerCase().replace(defaultPort, '')
}

/** The detail names both sites; the cause tells the owner what to set. */
function foreignOriginFault(request: CgiRequest): Fault {
  const { fetchSite, origin, host, isHttps } = request
  const page = origin === '' ? 'another site' : shown(origin)
  const detail = `page of ${page}, request for ${isHttps ? 'https://' : ''}${shown(host)}`
  const allow = `allowed_origins = ["${page}"]`
  if (!/^https?:/i.test(origin)) {
    const remedy =
      'pages tell no Origin in a sandboxed frame, or under Referrer-Policy: no-referrer; without ' +
      'one they cannot be allowed'
    return new Fault('FOREIGN_ORIGIN', detail, `${detail}: ${remedy}`)
  }
  const remedy =
    fetchSite === 'cross-site' || fetchSite === 'same-site'
      ? `if its pages may post here, set ${allow}`
      : 'if that is where visitors find this page, a proxy changes Host: let it keep Host ' +
        `(Apache: ProxyPreserveHost On; nginx: proxy_set_header Host $http_host), or set ${allow}`
  return new Fault('FOREIGN_ORIGIN', detail, `${detail}: ${remedy}`)
}

function shown(text: string): string {
  return text.slice(0, 200).replace(/[^!-~]/g, '?')
}
