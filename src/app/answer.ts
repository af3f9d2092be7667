// The reply to a program or a person: the outcome of the upload, or the fault, as JSON, as text or
// as one of the pages. Addresses are relative to the request and never built from Host or scheme.

import { type Fault, faultSentence, isPassing } from '../fault.ts'
import { commonHeaders, type Reply, statusPhrase } from '../http/reply.ts'
import type { CgiRequest, ReplyFormat } from '../http/request.ts'
import {
  fileUrl,
  type Outcome,
  type Progress,
  type Receipt,
  type Stored,
  type StoredFile,
} from '../outcome.ts'
import { askPage, errorPage } from '../pages/page.ts'
import { receiptPage } from '../pages/receipt.ts'
import type { Theme } from '../pages/theme.ts'
import type { Settings } from '../settings/settings.ts'
import { answersOf } from '../upload/kept-fields.ts'

/** 201: stored files. 202: a piece. 204: an upload that was cancelled. 200: a receipt. */
export function outcomeReply(
  format: ReplyFormat,
  { stored, partial, closed }: Outcome,
  settings: Settings,
  theme: Theme,
): Reply {
  if (closed !== undefined) return receiptReply(format, closed, settings, theme)
  if (partial === undefined && stored === undefined) return emptyReply()
  const reply =
    stored === undefined
      ? json(202, 'application/json', progressMembers(partial))
      : storedReply(format, stored, partial, settings, theme)
  return withOffset(reply, partial?.offset)
}

/** 200: what is stored of a submission. */
export function receiptReply(
  format: ReplyFormat,
  receipt: Receipt,
  settings: Settings,
  theme: Theme,
): Reply {
  if (format === 'json') return json(200, 'application/json', receipt)
  // Its address without the query is that of the form.
  if (format === 'html') return receiptPage({ status: 200, more: '?' }, receipt, settings, theme)
  const { receipt: id, time, files } = receipt
  return text(
    200,
    files.map((file) => textLine(file, { id, time }, file.url)),
  )
}

/** The state of an upload in pieces, and what was stored once it is finished. Always JSON. */
export function statusReply(
  partial: Progress,
  stored: Stored | undefined,
  settings: Settings,
): Reply {
  const members = stored === undefined ? {} : storedMembers(stored, settings)
  const reply = json(200, 'application/json', { ...progressMembers(partial), ...members })
  return withOffset(reply, partial.offset)
}

/**
 * 201 in the requested format; after a form upload, 303 to the owner's own page if there is one.
 */
function storedReply(
  format: ReplyFormat,
  stored: Stored,
  partial: Progress | undefined,
  settings: Settings,
  theme: Theme,
): Reply {
  if (format === 'json') {
    const upload = partial === undefined ? {} : { upload: partial.upload }
    return json(201, 'application/json', { ...upload, ...storedMembers(stored, settings) })
  }
  if (format === 'text') {
    const lines = stored.files.map((file) =>
      textLine(file, stored, fileUrl(settings, stored, file)),
    )
    return text(201, lines)
  }
  if (settings.successRedirect !== '') {
    const reply = text(303, [])
    const location = settings.successRedirect.replaceAll('{receipt}', stored.receipt)
    return { ...reply, headers: [...reply.headers, ['Location', location]] }
  }
  const { receipt, time, fields } = stored
  const answers = answersOf(fields, settings)
  const shown = { receipt, time, answers, files: withAddresses(stored, settings) }
  return receiptPage({ status: 201, more: '' }, shown, settings, theme)
}

/**
 * A problem of RFC 9457 for programs, a page for people, a line of text for curl. `debug`: as
 * debugText() makes it.
 */
export function faultReply(
  { format, method }: CgiRequest,
  fault: Fault,
  id: string,
  settings: Settings,
  theme: Theme,
  debug: string,
): Reply {
  const pageOf = fault.code === 'PASSPHRASE_REQUIRED' ? askPage : errorPage
  const reply =
    format === 'html'
      ? pageOf(fault, { id, isUpload: method === 'POST', debug }, settings, theme)
      : format === 'json'
        ? problemReply(fault, id, theme, debug)
        : lineReply(fault, id, debug)
  const { offset, retrySeconds } = fault
  return withRetry(withOffset(reply, offset), retrySeconds)
}

function problemReply(fault: Fault, id: string, theme: Theme, debug: string): Reply {
  const { code, status, offset, holes } = fault
  const sentence = theme.language.text(`fault.${code}`, holes)
  const detail = fault.detail === '' ? sentence : `${sentence} (${fault.detail})`
  const title = statusPhrase(status)
  const problem = { type: 'about:blank', title, status, detail, code, id }
  const more = {
    ...(isPassing(code) ? { passing: true } : {}),
    ...(offset === undefined ? {} : { offset }),
    ...(debug === '' ? {} : { debug }),
  }
  return json(status, 'application/problem+json', { ...problem, ...more })
}

/** For programs and logs: always in English. */
function lineReply({ code, status, detail, holes }: Fault, id: string, debug: string): Reply {
  const more = detail === '' ? '' : ` (${detail})`
  const passing = isPassing(code) ? ', passing' : ''
  const line = `${code}: ${faultSentence(code, holes)}${more} [id ${id}${passing}]`
  return text(status, debug === '' ? [line] : [line, debug])
}

/** A reply without a body, for OPTIONS and for an upload that was cancelled. */
export function emptyReply(): Reply {
  return { status: 204, headers: commonHeaders, body: '' }
}

function storedMembers(stored: Stored, settings: Settings) {
  const { id, receipt, time, fields } = stored
  return { id, receipt, time, files: withAddresses(stored, settings), fields }
}

function withAddresses(stored: Stored, settings: Settings) {
  return stored.files.map((file) => {
    const url = fileUrl(settings, stored, file)
    return url === undefined ? file : { ...file, url }
  })
}

function progressMembers(partial: Progress | undefined) {
  const { upload, offset, size } = partial ?? {}
  return { upload, offset, size }
}

/** Adds the offset as a header, for programs that read headers more easily than JSON. */
function withOffset(reply: Reply, offset: number | undefined): Reply {
  if (offset === undefined) return reply
  return { ...reply, headers: [...reply.headers, ['Upload-Offset', String(offset)]] }
}

function withRetry(reply: Reply, seconds: number | undefined): Reply {
  if (seconds === undefined) return reply
  return { ...reply, headers: [...reply.headers, ['Retry-After', String(seconds)]] }
}

/**
 * One stored file, separated by tabs: stored name, bytes, checksum or -, id of the request, time,
 * and the address if there is one.
 */
function textLine(
  file: Pick<StoredFile, 'stored' | 'size' | 'sha256'>,
  stored: Pick<Stored, 'id' | 'time'>,
  url: string | undefined,
): string {
  const columns = [file.stored, file.size, file.sha256 ?? '-', stored.id, stored.time]
  return [...columns, ...(url === undefined ? [] : [url])].join('\t')
}

function json(status: number, type: string, value: unknown): Reply {
  const headers = [['Content-Type', type] as const, ...commonHeaders]
  return { status, headers, body: `${JSON.stringify(value)}\n` }
}

function text(status: number, lines: readonly string[]): Reply {
  const headers = [['Content-Type', 'text/plain; charset=utf-8'] as const, ...commonHeaders]
  return { status, headers, body: lines.map((line) => `${line}\n`).join('') }
}
