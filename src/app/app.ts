// One request being answered: routes, guards and the one place that decides failure. Called by the drivers
// (cgi.ts), which push the body in and take one reply out. No promise, no stream, no event. A Fault becomes
// its reply, anything else thrown a 500 with an id; what was received is discarded in both cases.

import { Fault } from '../fault.ts'
import type { Reply } from '../http/reply.ts'
import { type CgiRequest, type Env, parseRequest } from '../http/request.ts'
import { complain, logRequest } from '../log.ts'
import { parseBoundary } from '../multipart/header.ts'
import type { Field, MakeReply, Outcome } from '../outcome.ts'
import { formPage } from '../pages/page.ts'
import { loadTheme } from '../pages/theme.ts'
import type { LoadedSettings } from '../settings/settings.ts'
import { Store } from '../storage/store.ts'
import { Partials } from '../storage/unfinished.ts'
import { usableDirectory } from '../storage/usable.ts'
import { parseTusHeaders, requireTusVersion, tusVersion } from '../tus/headers.ts'
import { openTus, tusDialect, tusOffer } from '../tus/tus.ts'
import { FormUpload } from '../upload/form.ts'
import type { Receiver } from '../upload/receiver.ts'
import { emptyReply, faultReply, outcomeReply, standReply } from './answer.ts'
import { debugText, stackOf } from './trace.ts'

export type Exchange = {
  /** What the driver should read; 0 for GET and for what was refused unread; Infinity: to the end. */
  readonly bodyBytes: number
  /** What the client sends, whatever we make of it; Infinity for a chunked body. */
  readonly announcedBytes: number
  /**
   * There is something to do when the rest never comes: to keep it, or to remove it. Servers end a program
   * when its client goes; one that stays sees the end of its input and has a few seconds for that. Not for a
   * body without a length, whose end looks the same when it is cut.
   */
  readonly mindsCut: boolean
  /** The bytes are valid only during the call. False: stop reading, the reply is decided. */
  write(chunk: Buffer): boolean
  /** The body is over. Always a reply, never throws. */
  end(): Reply
  /** Nobody listens any more: removes what was received. */
  abort(): void
}

/** Never throws: whatever is wrong with the environment becomes a reply. */
export function open(env: Env, settings: LoadedSettings): Exchange {
  const startedAt = process.hrtime.bigint()
  const request = parseRequest(env)
  const id = newId()
  let receiver: Receiver | undefined
  let receivedBytes = 0
  let reply: Reply | undefined
  let fault: Fault | undefined
  let outcome: Outcome = {}

  function fail(error: unknown): void {
    receiver?.abort()
    fault = error instanceof Fault ? error : new Fault('INTERNAL', '', error)
    if (fault.status >= 500) complain(id, explain(fault, settings))
    try {
      const debug = settings.debug ? debugText(fault, env, settings) : ''
      const look = loadTheme(settings, request.acceptLanguage, id)
      const faulty = faultReply(request.format, fault, id, settings, look, debug)
      reply = withHeaders(faulty, request, settings)
    } catch (bug) {
      complain(id, `INTERNAL: ${bug instanceof Error ? stackOf(bug) : bug}`)
      reply = lastResort
    }
  }

  function finish(): void {
    if (receiver === undefined) return
    const { contentLength, format } = request
    if (contentLength !== 'absent' && receivedBytes !== contentLength) {
      throw new Fault('INCOMPLETE_BODY', `${receivedBytes} of ${contentLength} bytes arrived`)
    }
    const look = loadTheme(settings, request.acceptLanguage, id)
    reply = endBody(receiver, request, (accepted, own) => {
      const plain = own ?? outcomeReply(format, accepted, settings, look)
      const made = withHeaders(plain, request, settings)
      outcome = accepted
      return made
    })
  }

  try {
    const answer = route(request, env, settings, id)
    if ('status' in answer) reply = withHeaders(answer, request, settings)
    else receiver = answer
  } catch (error) {
    fail(error)
  }
  const { contentLength, isChunked } = request
  const announcedBytes =
    typeof contentLength === 'number' ? contentLength : isChunked ? Infinity : 0
  return {
    bodyBytes: receiver === undefined ? 0 : announcedBytes,
    announcedBytes,
    mindsCut: receiver !== undefined && (request.isTus || typeof contentLength === 'number'),
    write(chunk) {
      if (reply !== undefined || receiver === undefined) return false
      const { maxRequestBytes } = settings
      const room = maxRequestBytes > 0 ? maxRequestBytes - receivedBytes : chunk.length
      receivedBytes += chunk.length
      try {
        if (chunk.length > room) {
          // What is wrong before the limit is told first, however the chunks are cut.
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
    end() {
      try {
        if (reply === undefined) finish()
      } catch (error) {
        fail(error)
      }
      const decided = reply ?? lastResort
      logRequest(
        {
          time: new Date().toISOString(),
          id,
          method: request.method.slice(0, 20),
          status: decided.status,
          code: fault?.code,
          bytes: receivedBytes,
          milliseconds: Number((process.hrtime.bigint() - startedAt) / 1_000_000n),
          address: request.remoteAddress,
          user: request.remoteUser || undefined,
          files: outcome.receipt?.files.map(({ stored, size, sha256 }) => ({
            stored,
            size,
            sha256,
          })),
          pieces: outcome.partial?.pieces,
          seconds: outcome.partial?.seconds,
          fields: loggedFields(outcome.receipt?.fields ?? []),
        },
        settings.logFile,
      )
      return decided
    },
    abort() {
      receiver?.abort()
    },
  }
}

/** The reply to a request without a body, or what will receive it. Throws what is refused. */
function route(
  request: CgiRequest,
  env: Env,
  settings: LoadedSettings,
  id: string,
): Reply | Receiver {
  const { method, isTus } = request
  if (method === 'OPTIONS') return isTus ? tusOffer(settings) : emptyReply()
  const { methods } = dialectOf(request)
  if (!methods.split(', ').includes(method)) {
    throw new Fault('METHOD_NOT_ALLOWED', '', undefined, { methods })
  }
  if (isTus) requireTusVersion(env)
  if (settings.problems.length > 0) throw new Fault('NOT_CONFIGURED')
  const isForeign = request.hasForeignOrigin && !settings.allowedOrigins.includes(request.origin)
  const isSafe = method === 'GET' || method === 'HEAD'
  if (!isSafe && isForeign) throw new Fault('FOREIGN_ORIGIN')
  if (settings.requireUser && request.remoteUser === '') throw new Fault('USER_REQUIRED')
  const documentRoot = env['DOCUMENT_ROOT'] ?? ''
  const programFile = env['SCRIPT_FILENAME'] || process.execPath
  const store = new Store(settings, usableDirectory(settings, documentRoot, programFile))
  if (isTus) return openTus(id, request, parseTusHeaders(env), store)
  if (isSafe) {
    if (request.uploadId !== '') return stand(request.uploadId, store)
    const debug = settings.debug ? debugText(undefined, env, settings) : ''
    return formPage(settings, loadTheme(settings, request.acceptLanguage, id), '', debug)
  }
  const boundary = requireBoundary(request)
  requireLength(request, settings)
  store.requireSpace(typeof request.contentLength === 'number' ? request.contentLength : 0)
  return new FormUpload(id, boundary, settings, store)
}

/** Who does not know the id learns nothing. */
function stand(id: string, store: Store): Reply {
  if (!/^[0-9A-Fa-f]{32}$/.test(id)) throw new Fault('NO_SUCH_UPLOAD')
  const upload = id.toLowerCase()
  const { header, offset, stored } = new Partials(store).look(upload)
  return standReply({ upload, offset, size: header.size }, stored, store.settings)
}

function requireBoundary(request: CgiRequest): string {
  const boundary = parseBoundary(request.contentType)
  if (boundary === undefined) throw new Fault('NOT_MULTIPART')
  if ('problem' in boundary) throw new Fault('BAD_MULTIPART', `Content-Type: ${boundary.problem}`)
  return boundary.value
}

function requireLength({ contentLength, isChunked }: CgiRequest, settings: LoadedSettings): void {
  if (contentLength === 'malformed') throw new Fault('BAD_LENGTH')
  if (contentLength === 'absent') {
    if (!isChunked) throw new Fault('LENGTH_REQUIRED')
    return
  }
  if (contentLength === 0) throw new Fault('NOTHING_UPLOADED')
  const { maxRequestBytes } = settings
  if (maxRequestBytes > 0 && contentLength > maxRequestBytes) throw new Fault('REQUEST_TOO_LARGE')
}

/** Without a declared length only the close delimiter tells a whole body from one that was cut. */
function endBody(receiver: Receiver, request: CgiRequest, accept: MakeReply<Reply>): Reply {
  try {
    return receiver.end(accept)
  } catch (error) {
    const isCut = request.contentLength === 'absent' && error instanceof Fault
    if (isCut && error.code === 'BAD_MULTIPART') throw new Fault('INCOMPLETE_BODY', error.detail)
    throw error
  }
}

/** For the owner: what is wrong and what to do. */
function explain(fault: Fault, settings: LoadedSettings): string {
  const [problem] = settings.problems
  if (fault.code === 'NOT_CONFIGURED' && problem !== undefined) {
    const more = settings.problems.length > 1 ? ` (and ${settings.problems.length - 1} more)` : ''
    return `NOT_CONFIGURED: ${problem.where}: ${problem.problem}: ${problem.remedy}${more}`
  }
  const { cause } = fault
  if (cause === undefined) return fault.message
  const isBug = fault.code === 'INTERNAL' && cause instanceof Error
  return `${fault.code}: ${isBug ? stackOf(cause) : String(cause)}`
}

function withHeaders(reply: Reply, request: CgiRequest, settings: LoadedSettings): Reply {
  const headers = [...reply.headers]
  const { methods, asked, told } = dialectOf(request)
  if (reply.status === 204 || reply.status === 405) headers.push(['Allow', methods])
  if (request.isTus) headers.push(['Tus-Resumable', tusVersion])
  if (reply.status === 412) headers.push(['Tus-Version', tusVersion])
  if (reply.status === 423) headers.push(['Retry-After', '5'])
  if (settings.allowedOrigins.includes(request.origin)) {
    headers.push(
      ['Access-Control-Allow-Origin', request.origin],
      ['Access-Control-Allow-Methods', methods],
      ['Access-Control-Allow-Headers', asked],
      ['Access-Control-Expose-Headers', told],
    )
  }
  return { ...reply, headers }
}

/** What visitors wrote, for the owner: 20 fields and 2000 characters at most. */
function loggedFields(
  fields: readonly Field[],
): readonly (readonly [string, string])[] | undefined {
  if (fields.length === 0) return undefined
  const logged: (readonly [string, string])[] = []
  let room = 2000
  for (const { name, value } of fields) {
    const pair = [name.slice(0, 64), value.slice(0, 200)] as const
    room -= pair[0].length + pair[1].length
    if (room < 0 || logged.length === 20) break
    logged.push(pair)
  }
  return logged
}

/** Tells requests apart in replies and log: milliseconds, then 40 random bits, in base 36. No secret. */
function newId(): string {
  const random = Math.floor(Math.random() * 2 ** 40)
  return `${Date.now().toString(36)}-${random.toString(36).padStart(8, '0')}`
}

function dialectOf({ isTus }: CgiRequest) {
  return isTus ? tusDialect : formDialect
}

/** Methods, and the headers that pages of other sites may send and read. */
const formDialect = {
  methods: 'GET, HEAD, POST, OPTIONS',
  asked: 'Content-Type',
  told: 'FormUpload-Offset',
}

/** Should even the fault's page fail. */
const lastResort: Reply = {
  status: 500,
  headers: [['Content-Type', 'text/plain; charset=utf-8']],
  body: 'INTERNAL\n',
}
