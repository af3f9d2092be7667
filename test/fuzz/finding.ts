// A finding of the fuzzer as text: to be read, and to be made a case of the parser's tests.

import type { Finding } from './fuzzer.ts'

export function describeFinding({ contentType, body, cuts, problem }: Finding): string {
  return [
    `FINDING: ${problem}`,
    `Content-Type: ${JSON.stringify(contentType)}`,
    `chunks: ${JSON.stringify(cuts)}`,
    `body: ${JSON.stringify(body.toString('latin1'))}`,
    `body, base64: ${body.toString('base64')}`,
    '',
  ].join('\n')
}
