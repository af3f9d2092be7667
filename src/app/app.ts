// Answers one request, and is the one place that decides failure: a Fault becomes its reply,
// anything else thrown becomes a 500 with an id, and in both cases what was received is discarded.
// There is no promise, stream or event: drivers push the body in and take one reply out.

import { steadyMilliseconds } from '../clock.ts'
import { Fault, isPassing } from '../fault.ts'
import { encode, type Reply } from '../http/reply.ts'
import type { CgiRequest } from '../http/request.ts'
import { unknownProxyText } from '../http/sender.ts'
import { complaintsOf, logRequest } from '../log.ts'
import type { Outcome, Receipt } from '../outcome.ts'
import { formPage } from '../pages/page.ts'
import { loadTheme, type Theme } from '../pages/theme.ts'
import type { Invitation } from '../settings/row.ts'
import type { LoadedSettings, Settings } from '../settings/settings.ts'
import type { Receiver } from '../upload/receiver.ts'
import { faultReply, outcomeReply, receiptReply } from './answer.ts'
import type { Receiving, Route } from './call.ts'
import type { Exchange, Kept, Program } from './exchange.ts'
import { withHeaders } from './headers.ts'
import { reserveMemory } from './memory.ts'
import { logLine } from './request-log.ts'
import { debugText, ownersText } from './trace.ts'

type Decided = { readonly status: number; readonly bytes: readonly Uint8Array[] }

/** Never throws: whatever is wrong with the environment becomes a reply. */
export function open(
  request: CgiRequest,
  settings: LoadedSettings,
  program: Program,
  route: Route,
): Exchange {
  const startedAt = steadyMilliseconds()
  const id = newId()
  const complain = complaintsOf(id, program.say)
  let receiver: Receiver | undefined
  let receiving: Receiving | undefined
  let receivedBytes = 0
  let decided: Decided | undefined
  let fault: Fault | undefined
  let outcome: Outcome = { storedNow: false }

  const theme = () => loadTheme(settings, request.acceptLanguage, complain)
  const debug = (error?: Fault) => debugText(error, request.env, settings, program)

  /** Encodes the reply, and only then counts it as decided. */
  function decide(reply: Reply, methods?: string): void {
    // Not request.method: X-HTTP-Method-Override does not change what the server expects.
    const method = request.env['REQUEST_METHOD'] ?? ''
    const bytes = encode(withHeaders(reply, request, settings, methods), method)
    decided = { status: reply.status, bytes }
  }

  function fail(error: unknown): void {
    try {
      receiver?.abort()
      outcome = { storedNow: false }
      fault = error instanceof Fault ? error : new Fault('INTERNAL', '', error)
      // Nobody has to fix what passes by itself, and a flood of it would fill the log.
      const isOwners = fault.status >= 500 && !isPassing(fault.code)
      if (isOwners || fault.cause !== undefined) complain(ownersText(fault, settings, program))
      const reply = faultReply(request, fault, id, settings, theme(), debug(fault))
      decide(reply, fault.holes['methods'])
    } catch (bug) {
      complain(`INTERNAL: ${bug instanceof Error ? program.stackOf(bug) : bug}`)
      decided = lastResort
    }
  }

  function finish(receiver: Receiver): void {
    const { contentLength, format } = request
    if (contentLength !== 'absent' && receivedBytes !== contentLength) {
      throw new Fault('INCOMPLETE_BODY', `${receivedBytes} of ${contentLength} bytes arrived`)
    }
    const shown = theme()
    const reserve = reserveMemory(receiver.echoedText)
    endBody(receiver, request, (accepted, reply) => {
      reserve.free()
      decide(reply ?? outcomeReply(format, accepted, settings, shown))
      outcome = accepted
    })
  }

  try {
    const shownReceipt = (receipt: Receipt) =>
      receiptReply(request.format, receipt, settings, theme())
    const formReply = (invitation: Invitation | undefined) => {
      const shown = theme()
      const make = () => formPage(settings, shown, '', debug(), invitation)
      return invitation === undefined ? keptForm(settings, shown, program.kept, make) : make()
    }
    const answer = route({
      id,
      request,
      settings,
      programFile: program.file,
      directories: program.kept?.directories,
      formReply,
      receiptReply: shownReceipt,
    })
    if ('reply' in answer) {
      decide(answer.reply)
      outcome = answer.outcome ?? outcome
    } else {
      receiving = answer
      receiver = answer.receiver
      const unknownProxy = unknownProxyText(request, settings)
      if (unknownProxy !== '') complain(unknownProxy)
    }
  } catch (error) {
    fail(error)
  }
  const { contentLength, isChunked } = request
  const announcedBytes =
    typeof contentLength === 'number' ? contentLength : isChunked ? Infinity : 0
  return {
    bodyBytes: receiver === undefined ? 0 : announcedBytes,
    announcedBytes,
    outlivesCut: receiver !== undefined && (request.isTus || typeof contentLength === 'number'),
    write(chunk) {
      if (decided !== undefined || receiver === undefined) return false
      const { maxRequestBytes } = settings
      const room = maxRequestBytes > 0 ? maxRequestBytes - receivedBytes : chunk.length
      receivedBytes += chunk.length
      try {
        if (chunk.length > room) {
          // An error before the limit is reported first, however the chunks are cut.
          receiver.write(chunk.subarray(0, room))
          throw new Fault('REQUEST_TOO_LARGE')
        }
        receiver.write(chunk)
        return true
      } catch (error) {
        fail(error)
        return false
      }
    },
    refuseSlow() {
      if (decided === undefined) fail(new Fault('TOO_SLOW'))
    },
    end() {
      try {
        if (decided === undefined && receiver !== undefined) finish(receiver)
      } catch (error) {
        fail(error)
      }
      const { status, bytes } = decided ?? lastResort
      const milliseconds = Math.floor(steadyMilliseconds() - startedAt)
      if (settings.logFile === '') return bytes
      const size = { receivedBytes, milliseconds }
      const line = logLine({ id, request, settings, status, fault, outcome, ...size })
      logRequest(line, settings, complain)
      return bytes
    },
    get outlivesReply() {
      return receiving !== undefined && fault === undefined && settings.notify.length > 0
    },
    afterReply() {
      if (receiving === undefined || fault !== undefined) return
      try {
        if (receiving.lookAfter(complain, outcome.closed !== undefined)) program.deliver()
      } catch (error) {
        // What is due stays due.
        complain(error instanceof Fault ? ownersText(error, settings, program) : String(error))
      }
    },
    abort() {
      try {
        if (decided === undefined) receiver?.abort()
      } catch (bug) {
        complain(`INTERNAL: ${bug instanceof Error ? program.stackOf(bug) : bug}`)
      }
    },
  }
}

/**
 * The form is the same for all visitors of a language, unless the page shows what the owner may
 * change at any time, which is in files of its own, or the request itself.
 */
function keptForm(
  settings: Settings,
  { languageCode }: Theme,
  kept: Kept | undefined,
  make: () => Reply,
): Reply {
  const isOwn = settings.stylesheet !== '' || settings.logo !== '' || settings.debug
  if (kept === undefined || isOwn) return make()
  const known = kept.forms.get(languageCode)
  if (known !== undefined) return known
  const made = make()
  const form = { ...made, body: Buffer.from(made.body) }
  kept.forms.set(languageCode, form)
  return form
}

/**
 * Without a declared length, only the close delimiter distinguishes a whole body from a cut one.
 * With one, all its bytes are here: what is missing then was never sent.
 */
function endBody(
  receiver: Receiver,
  request: CgiRequest,
  accept: (outcome: Outcome, reply?: Reply) => void,
): void {
  try {
    receiver.end(accept)
  } catch (error) {
    const isWhole = request.contentLength !== 'absent' && error instanceof Fault
    if (isWhole && error.code === 'INCOMPLETE_BODY') throw new Fault('BAD_MULTIPART', error.detail)
    throw error
  }
}

/**
 * An id that distinguishes requests in replies and in the log: milliseconds, then 40 random bits,
 * in base 36. It is not secret.
 */
function newId(): string {
  const random = Math.floor(Math.random() * 2 ** 40)
  return `${Date.now().toString(36)}-${random.toString(36).padStart(8, '0')}`
}

/** The reply if even the page of the fault fails. */
const lastResort: Decided = {
  status: 500,
  bytes: encode(
    {
      status: 500,
      headers: [['Content-Type', 'text/plain; charset=utf-8']],
      body: 'INTERNAL\n',
    },
    'GET',
  ),
}
