// What programs get, and which of the pages (page.ts) people get: receipt and fault in the three formats.
// Called by app.ts. Addresses are relative to the request, never built from Host or scheme.

import { type Fault, faultSentence, OffsetMismatch } from '../fault.ts'
import { commonHeaders, type Reply, statusPhrase } from '../http/reply.ts'
import type { ReplyFormat } from '../http/request.ts'
import { fileUrl, type Outcome, type Progress, type Stored, type StoredFile } from '../outcome.ts'
import { errorPage, resultPage } from '../pages/page.ts'
import type { Theme } from '../pages/theme.ts'
import type { Settings } from '../settings/settings.ts'

/** 201 for what is stored, 202 for a piece, 204 for an upload that was cancelled. */
export function outcomeReply(
  format: ReplyFormat,
  { receipt, partial }: Outcome,
  settings: Settings,
  look: Theme,
): Reply {
  if (partial === undefined && receipt === undefined) return emptyReply()
  const reply =
    receipt === undefined
      ? json(202, 'application/json', progressOf(partial))
      : receiptReply(format, receipt, partial, settings, look)
  return partial === undefined ? reply : withOffset(reply, partial.offset)
}

/** How an upload in pieces stands; with the receipt once it is stored. Always JSON. */
export function standReply(
  partial: Progress,
  receipt: Stored | undefined,
  settings: Settings,
): Reply {
  const members = receipt === undefined ? {} : receiptMembers(receipt, settings)
  const reply = json(200, 'application/json', { ...progressOf(partial), ...members })
  return withOffset(reply, partial.offset)
}

/** 201 in the format asked for, or 303 to the owner's own page after a form upload. */
function receiptReply(
  format: ReplyFormat,
  receipt: Stored,
  partial: Progress | undefined,
  settings: Settings,
  look: Theme,
): Reply {
  if (format === 'json') {
    const upload = partial === undefined ? {} : { upload: partial.upload }
    return json(201, 'application/json', { ...upload, ...receiptMembers(receipt, settings) })
  }
  if (format === 'text')
    return text(
      201,
      receipt.files.map((file) => textLine(file, receipt, settings)),
    )
  if (settings.successRedirect !== '') {
    const reply = text(303, [])
    return { ...reply, headers: [...reply.headers, ['Location', settings.successRedirect]] }
  }
  return resultPage(receipt, settings, look)
}

/** RFC 9457 for programs, a page for people, a line for curl. `debug` has its words when that is on. */
export function faultReply(
  format: ReplyFormat,
  fault: Fault,
  id: string,
  settings: Settings,
  look: Theme,
  debug: string,
): Reply {
  const reply =
    format === 'html'
      ? errorPage(fault, id, settings, look, debug)
      : format === 'json'
        ? problemReply(fault, id, look, debug)
        : lineReply(fault, id, debug)
  return fault instanceof OffsetMismatch ? withOffset(reply, fault.offset) : reply
}

function problemReply(fault: Fault, id: string, look: Theme, debug: string): Reply {
  const { code, status, holes } = fault
  const sentence = look.language.text(`fault.${code}`, holes)
  const detail = fault.detail === '' ? sentence : `${sentence} (${fault.detail})`
  const title = statusPhrase(status)
  const problem = { type: 'about:blank', title, status, detail, code, id }
  const offset = fault instanceof OffsetMismatch ? { offset: fault.offset } : {}
  const more = debug === '' ? offset : { ...offset, debug }
  return json(status, 'application/problem+json', { ...problem, ...more })
}

/** For programs and logs: English, whatever the language. */
function lineReply({ code, status, detail, holes }: Fault, id: string, debug: string): Reply {
  const more = detail === '' ? '' : ` (${detail})`
  const line = `${code}: ${faultSentence(code, holes)}${more} [id ${id}]`
  return text(status, debug === '' ? [line] : [line, debug])
}

/** No body: for OPTIONS, and for an upload that was cancelled. */
export function emptyReply(): Reply {
  return { status: 204, headers: commonHeaders, body: '' }
}

function receiptMembers({ id, time, files, fields }: Stored, settings: Settings) {
  const described = files.map((file) => ({ ...file, url: fileUrl(settings, file) }))
  return { id, time, files: described, fields }
}

function progressOf(partial: Progress | undefined) {
  const { upload, offset, size } = partial ?? {}
  return { upload, offset, size }
}

/** For programs that read headers more easily than JSON. */
function withOffset(reply: Reply, offset: number): Reply {
  return { ...reply, headers: [...reply.headers, ['Upload-Offset', String(offset)]] }
}

/** Tab-separated: stored name, bytes, checksum or -, receipt id, time, address if there is one. */
function textLine(file: StoredFile, receipt: Stored, settings: Settings): string {
  const url = fileUrl(settings, file)
  const columns = [file.stored, file.size, file.sha256 ?? '-', receipt.id, receipt.time]
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
