// Everything that can go wrong with a request and is not a bug: code, HTTP status, the visitor's
// sentence. Codes are public: replies, the log and the README have them. `detail` is for the
// visitor, `cause` for the owner's log only. Only app/app.ts turns a Fault into a reply.

import { type FaultCode, type FaultRow, faultTable } from './fault-table.ts'

/** What a reply tells besides code and detail. */
export type FaultFacts = {
  /** Bytes that are safe: from there the sender resumes. */
  readonly offset?: number
  /** After how many seconds it makes sense to try again: the header Retry-After. */
  readonly retrySeconds?: number
  /** What fills the holes of the sentence, by name. */
  readonly holes?: Readonly<Record<string, string>>
}

export class Fault extends Error {
  readonly code: FaultCode
  readonly status: number
  /** What exactly, in words the visitor may read; '' when the sentence says it all. */
  readonly detail: string
  readonly offset: number | undefined
  readonly retrySeconds: number | undefined
  readonly holes: Readonly<Record<string, string>>

  constructor(
    code: FaultCode,
    detail = '',
    cause?: unknown,
    { offset, retrySeconds, holes = {} }: FaultFacts = {},
  ) {
    super(`${code}: ${detail === '' ? faultSentence(code, holes) : detail}`, { cause })
    this.name = 'Fault'
    this.code = code
    this.status = faultTable()[code][0]
    this.detail = detail
    this.offset = offset
    this.retrySeconds = retrySeconds
    this.holes = holes
  }
}

/** `offset`: how much of the upload is safe; from there the sender resumes. */
export function offsetMismatchFault(offset: number): Fault {
  return new Fault('OFFSET_MISMATCH', `resume at ${offset}`, undefined, { offset })
}

/** `methods`: as the header Allow lists them. */
export function methodNotAllowedFault(methods: string): Fault {
  return new Fault('METHOD_NOT_ALLOWED', '', undefined, { holes: { methods } })
}

/** True if a client should try it again unasked, within minutes. */
export function isPassing(code: FaultCode): boolean {
  const row: FaultRow = faultTable()[code]
  return row[3] === 'passing'
}

/** The English sentence of the table, its holes filled. */
export function faultSentence(code: FaultCode, holes: Fault['holes']): string {
  return faultTable()[code][1].replace(/\{(\w+)\}/g, (hole, name: string) => holes[name] ?? hole)
}
