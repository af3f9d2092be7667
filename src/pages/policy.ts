// The Content-Security-Policy of the pages (W3C CSP Level 3). It allows the style and the script
// that a page contains, by their hashes; pictures of the page's own site; and requests to the
// address that the form posts to. It refuses everything else. Chromium and WebKit ask form-action
// also of the address to which the reply to a form leads, so it names the site of
// `success_redirect`.

import { openHash } from '../hash.ts'
import { pages } from './files.ts'

/**
 * All directives that a `<meta>` element can hold too, and so not frame-ancestors. `style`: the
 * owner's CSS, '' for none. `redirect`: `success_redirect`. `origin`: that of the address that the
 * form posts to, '' for the page's own.
 */
export function policy(style: string, redirect: string, origin = ''): string[] {
  const target = origin === '' ? "'self'" : origin
  const thanks = redirect.startsWith('http') ? ` ${new URL(redirect).origin}` : ''
  const hashes = [
    pages.styleHash,
    pages.optionsHash,
    ...(style === '' ? [] : [sha256Source(style)]),
  ]
  return [
    "default-src 'none'",
    `style-src ${hashes.map((hash) => `'${hash}'`).join(' ')}`,
    `script-src '${pages.scriptHash}'`,
    "img-src 'self' data: blob:",
    `connect-src ${target}`,
    `form-action ${target}${thanks}`,
    "base-uri 'none'",
  ]
}

/** Only for the owner's style: the build has made the hashes of ours. */
function sha256Source(content: string): string {
  const hash = openHash('sha256')
  hash.update(Buffer.from(content))
  return `sha256-${hash.digest('base64')}`
}
