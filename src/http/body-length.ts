// Whether the body of a request may be read at all, by the length that it announces.

import { Fault } from '../fault.ts'
import type { CgiRequest } from './request.ts'

/** The bytes that are announced, 0 for none. Throws BAD_LENGTH and REQUEST_TOO_LARGE. */
export function requireBodyLength(
  { contentLength }: CgiRequest,
  { maxRequestBytes }: { readonly maxRequestBytes: number },
): number {
  if (contentLength === 'malformed') throw new Fault('BAD_LENGTH')
  const bytes = contentLength === 'absent' ? 0 : contentLength
  if (maxRequestBytes > 0 && bytes > maxRequestBytes) throw new Fault('REQUEST_TOO_LARGE')
  return bytes
}
