// Whether a path is in a directory whose files a web server shows to everyone. In a request the
// server names that directory (DOCUMENT_ROOT). At a terminal only the usual names of such
// directories can tell.

import { sep } from 'node:path'

/** The directory of the site that contains the path; '' when none does. */
export function siteOf(path: string, documentRoot: string): string {
  const root = documentRoot.replace(/\/+$/, '')
  if (root !== '') return path === root || path.startsWith(`${root}/`) ? root : ''
  const parts = path.split(sep)
  const at = parts.findIndex((part, i) => isSiteName(part, parts[i - 1] ?? ''))
  return at < 1 ? '' : parts.slice(0, at + 1).join(sep)
}

/**
 * The usual names. Debian: /var/www/html; cPanel and DirectAdmin: public_html; Plesk: httpdocs;
 * Alpine and others: htdocs.
 */
function isSiteName(part: string, before: string): boolean {
  return (
    /^(public_html|private_html|htdocs|httpdocs|wwwroot)$/.test(part) ||
    (part === 'html' && before === 'www')
  )
}
