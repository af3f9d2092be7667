// Refuses bodies that are packed (RFC 9110 section 8.4): nothing here unpacks them, and the
// boundary of the form would not be found in them. A server that unpacks the body itself leaves the
// length of the packed one, so that it is refused too.

import { Fault } from '../../fault.ts'
import type { CgiRequest } from '../../http/request.ts'

/** Throws ENCODED_BODY. */
export function requirePlainBody({ method, contentEncoding }: CgiRequest): void {
  if (method === 'GET' || method === 'HEAD' || contentEncoding === '') return
  if (contentEncoding.toLowerCase() !== 'identity') {
    throw new Fault('ENCODED_BODY', 'Content-Encoding is not identity')
  }
}
