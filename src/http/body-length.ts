// Decides by the announced length whether the body of a request may be read. It refuses a length
// that is malformed and one over `max_request_size`.

import { Fault } from '../fault.ts'
import type { CgiRequest } from './request.ts'

/** The announced bytes; 0 when none are announced. Throws BAD_LENGTH and REQUEST_TOO_LARGE. */
export function requireBodyLength(
  { contentLength }: CgiRequest,
  { maxRequestBytes }: { readonly maxRequestBytes: number },
): number {
  if (contentLength === 'malformed') throw new Fault('BAD_LENGTH')
  const bytes = contentLength === 'absent' ? 0 : contentLength
  if (maxRequestBytes > 0 && bytes > maxRequestBytes) throw new Fault('REQUEST_TOO_LARGE')
  return bytes
}
