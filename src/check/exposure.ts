// Whether a path lies where a web server shows files to everyone. Within a request the server says
// which directory that is; at a terminal only the usual names can tell. Called by settings.ts and
// directory.ts.

import { sep } from 'node:path'

/** The directory of the site that the path lies in; '' when it lies in none. */
export function siteOf(path: string, documentRoot: string): string {
  const root = documentRoot.replace(/\/+$/, '')
  if (root !== '') return path === root || path.startsWith(`${root}/`) ? root : ''
  const parts = path.split(sep)
  const at = parts.findIndex((part, i) => isSiteName(part, parts[i - 1] ?? ''))
  return at < 1 ? '' : parts.slice(0, at + 1).join(sep)
}

/**
 * Debian: /var/www/html; cPanel, DirectAdmin: public_html; Plesk: httpdocs; Alpine, others: htdocs.
 */
function isSiteName(part: string, before: string): boolean {
  return (
    /^(public_html|private_html|htdocs|httpdocs|wwwroot)$/.test(part) ||
    (part === 'html' && before === 'www')
  )
}
