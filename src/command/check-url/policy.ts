// The Content-Security-Policy of the form as it arrives (W3C CSP Level 3). A browser obeys every
// one that is there, so one of the whole site, beside the program's own or in its place, can take
// the form its style and its script.

import { type Finding, warning } from '../../finding.ts'
import { Visitor } from './visitor.ts'

/** `url`: the form's. Undefined when only the program's own is there, or the form is not shown. */
export async function policyFinding(url: URL): Promise<Finding | undefined> {
  const answer = await new Visitor(url).send({ method: 'GET', headers: { Accept: 'text/html' } })
  if (answer.status !== 200) return undefined
  // Several headers arrive as one, with commas between them, which no directive has.
  const all = String(answer.headers['content-security-policy'] ?? '').split(',')
  const others = all.map((one) => one.trim()).filter((one) => !one.startsWith(beginning))
  if (others.length === 0) return undefined
  const [other = ''] = others
  const what = others.length < all.length ? 'adds another' : 'has another'
  const message =
    `the server ${what} Content-Security-Policy for the form (${other.slice(0, 100)}): browsers ` +
    'may block its style, its script and its uploads'
  const path = url.pathname.replace(/[.]/g, '\\$&')
  const remedy =
    'leave this address out where the header is set: Header set Content-Security-Policy "…" ' +
    `"expr=%{REQUEST_URI} !~ m#^${path}#" (Apache); a location of its own without that ` +
    'add_header (nginx)'
  return warning('POLICY_CHANGED', message, remedy)
}

/** Of the program's own (pages/policy.ts); nobody else knows the hash. */
const beginning = "default-src 'none'; style-src 'sha256-"
