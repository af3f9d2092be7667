// Does a file pass in which a line begins with two hyphens? The default rules of ModSecurity take
// it for the beginning of another part, and refuse the request. Mails, keys and every third large
// binary file have such a line.

import { type Finding, fine, warning } from '../../finding.ts'
import { type Answer, described, ownWords } from './visitor.ts'

/** The content of such a file. */
export const hyphens = 'upload.cgi check\n--x\n'

export function linesFinding(answer: Answer): Finding {
  if (answer.status === 202 || ownWords(answer) !== undefined) {
    return fine('CONTENT', 'files with lines that begin with two hyphens pass')
  }
  const message =
    `a firewall refuses files in which a line begins with two hyphens (${described(answer)}): ` +
    'mails, keys and every third large binary file'
  const remedy =
    'the page and upload.sh get through, by cutting such files there; for other senders: the ' +
    'exception in docs/servers.md, "Apache with ModSecurity", or ask the host for it'
  return warning('CONTENT_REFUSED', message, remedy)
}
