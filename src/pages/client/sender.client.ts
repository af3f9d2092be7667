// Sends one file to the server, by POST in pieces. Each piece is read before it is sent: what a
// browser does with a file that changes meanwhile differs. After a failure that may be temporary,
// the sender waits, longer each time, asks the server how much has arrived and resumes there. What
// the server, or a proxy or firewall in front of it, has refused is not sent again by itself, but
// for pieces that pass when they are smaller, cut (cuts.client.ts), named elsewhere or sent later.

import { sayCancelled } from './cancel.client.ts'
import type { Chosen } from './chosen.client.ts'
import { Cuts } from './cuts.client.ts'
import { concernsAll, failureOf, isPassingStatus, isRefusal } from './failure.client.ts'
import type { Delay, Listener } from './listener.client.ts'
import { askPassphrase } from './passphrase.client.ts'
import { learnSpeed, makeSmaller, neverCutBytes, pieceSize } from './piece-size.client.ts'
import { isUnknown, parsedReply, type Reply, storedOf } from './reply.client.ts'
import { askStatus, fitsPart, formOf, openPost, readPart, type Target } from './request.client.ts'
import { isUnchanged, type Memory, recall } from './resume.client.ts'
import { leaveSubmission, submissionId } from './submission.client.ts'
import { say } from './words.client.ts'

/** Something has arrived, of this file or another. */
let hasPassed = false
export class Sender {
  readonly #file: File
  readonly #path: string
  readonly #target: Target
  readonly #listener: Listener
  #memory: Memory | undefined
  /** Stops the request that is under way. */
  #abort = () => {}
  #timer = 0
  #tries = 0
  /** How many bytes the server has confirmed as stored. */
  #offset = 0
  #pieceBytes = 0
  readonly #cuts = new Cuts()
  #isNamedInPart = false
  /** A firewall refused the piece at the offset; the server is asked whether it refuses all. */
  #isRefused = false
  /** How often a firewall was waited for since the last piece that it let pass. */
  #waits = 0
  /** That of the last piece, and whether it was left for another. */
  #submission = ''
  #isRenewed = false
  /** What an earlier run still waits for is not heard in a later one. */
  #run = 0

  constructor({ file, path }: Chosen, target: Target, listener: Listener) {
    this.#file = file
    this.#path = path
    this.#target = target
    this.#listener = listener
  }

  /** Begins, or resumes after pause() or a failure. */
  async start(): Promise<void> {
    this.#tries = 0
    this.#waits = 0
    const run = ++this.#run
    const memory = this.#memory
    if (memory !== undefined) {
      const isSame = await isUnchanged(this.#file, memory)
      if (run !== this.#run) return
      return isSame ? void this.#ask() : this.#changed()
    }
    const isLarge = this.#file.size > neverCutBytes
    const recalled = await recall(this.#file, this.#path, this.#target.url, isLarge)
    this.#memory = recalled
    if (run === this.#run) recalled.isKnown ? this.#ask() : this.#send()
  }

  /** Keeps what is stored. The listener hears nothing more until start(). */
  pause(): void {
    this.#stop()
    this.#abort()
  }

  /** Removes from the server what has arrived. */
  cancel(): void {
    this.pause()
    const id = this.#memory?.id
    this.#memory?.forget()
    this.#memory = undefined
    this.#offset = 0
    if (id !== undefined) sayCancelled(this.#target.url, id)
  }

  #stop(): void {
    this.#run++
    removeEventListener('online', this.#retry)
    clearTimeout(this.#timer)
  }

  readonly #retry = () => {
    this.#stop()
    this.#ask()
  }

  /** Asks how much has arrived. */
  async #ask(): Promise<void> {
    const run = this.#run
    const controller = new AbortController()
    this.#abort = () => controller.abort()
    this.#watch(this.#abort)
    const reply = await askStatus(this.#target.url, this.#memory?.id ?? '', controller.signal)
    if (run !== this.#run) return
    if (reply === 'elsewhere') this.#fail(say('failed.instead'))
    else if (reply === undefined) this.#again(say('failed.network'))
    else this.#heard(reply.status, reply.text, reply.retry, true)
  }

  async #send(): Promise<void> {
    const run = this.#run
    const from = this.#offset
    const { size, type } = this.#file
    const end = Math.min(from + pieceSize(this.#target.pieceBytes), size)
    const read = await readPart(this.#file, from, this.#cuts.endOf(from, end))
    const piece = read && this.#cuts.partOf(from, read)
    const bytes = piece?.byteLength ?? 0
    const isLast = from + bytes >= size
    const isSame = !isLast || from === 0 || (await isUnchanged(this.#file, this.#memory))
    if (run !== this.#run) return
    if (piece === undefined || !isSame) return this.#changed()
    this.#pieceBytes = bytes
    const content = new Blob([piece], { type })
    const id = this.#memory?.id ?? ''
    this.#submission = submissionId()
    const named = { path: this.#path, isNamedInPart: this.#isNamedInPart }
    const form = formOf(this.#target, { id, offset: from, size, content, ...named })
    const request = openPost(this.#target.url)
    const isHeard = () => run === this.#run
    const stalled = () => {
      request.abort()
      this.#again(say('failed.network'))
    }
    this.#abort = () => request.abort()
    request.upload.onprogress = ({ loaded, total }) => {
      if (!isHeard()) return
      this.#watch(stalled)
      // The figures of the browser include the fields around the piece.
      if (total > 0) this.#listener.sent(from + (loaded / total) * bytes, from)
    }
    request.upload.onload = () => {
      if (!isHeard() || !isLast) return
      // However long that takes: the server hashes, and may look for viruses.
      clearTimeout(this.#timer)
      this.#listener.storing()
    }
    const began = performance.now()
    request.onload = () => {
      if (!isHeard()) return
      if (request.status === 202) learnSpeed(bytes, performance.now() - began)
      this.#heard(request.status, request.responseText, request.getResponseHeader('Retry-After'))
    }
    request.onerror = () => isHeard() && this.#again(say('failed.network'))
    this.#watch(stalled)
    request.send(form)
  }

  /** The part that is stored belongs to a file that is no longer there. */
  #changed(): void {
    this.cancel()
    this.#listener.failed(say('failed.changed'), false)
  }

  #heard(status: number, text: string, retryAfter: string | null, isStatus = false): void {
    clearTimeout(this.#timer)
    const reply = parsedReply(status, text, retryAfter)
    const stored = storedOf(reply)
    if (stored !== undefined) {
      hasPassed = true
      this.#memory?.forget()
      return this.#listener.stored(stored)
    }
    const isNew = isUnknown(reply, isStatus)
    const offset = isNew ? 0 : reply.offset
    const isRefused = isStatus && this.#isRefused
    if (isStatus) this.#isRefused = false
    if (typeof offset === 'number' && (status < 300 || isNew || status === 409)) {
      if (isRefused && offset === this.#offset) return void this.#cutRefused()
      return this.#resumeFrom(offset)
    }
    if (typeof reply.code === 'string') this.#refused(reply)
    else if (isRefusal(status)) this.#refusedByFirewall(isStatus)
    else this.#answeredByAnother(reply)
  }

  /** The program's own refusal. */
  #refused(reply: Reply): void {
    const reason = failureOf(reply)
    const why = reply.code === 'UPLOAD_BUSY' ? 'busy' : 'later'
    if (reply.passing) return this.#again(reason, why, reply.retrySeconds)
    if (reply.code === 'REQUEST_TOO_LARGE' && makeSmaller(this.#pieceBytes)) this.#send()
    else if (reply.code === 'SUBMISSION_CLOSED' && !this.#isRenewed) this.#renew()
    else if (reply.code === 'PASSPHRASE_REQUIRED') this.#askPassphrase(reason)
    else this.#fail(reason, concernsAll(reply))
  }

  /** The visitor's cookie has ended: what waits for the passphrase is sent again with it. */
  async #askPassphrase(reason: string): Promise<void> {
    const run = this.#run
    const isRight = await askPassphrase(this.#target.url)
    if (run !== this.#run) return
    isRight ? this.#send() : this.#fail(reason, true)
  }

  /** The submission takes no more files after a day: the file goes into another. */
  #renew(): void {
    this.cancel()
    leaveSubmission(this.#submission)
    this.#isRenewed = true
    this.start()
  }

  /** A proxy, a firewall, a login or a captive portal answered. */
  #answeredByAnother(reply: Reply): void {
    const { status, retrySeconds } = reply
    if (status === 413 && makeSmaller(this.#pieceBytes)) return void this.#send()
    const reason = failureOf(reply)
    // Some firewalls answer 500 to a request that is over their limit.
    if (status === 500) makeSmaller(this.#pieceBytes)
    if (isPassingStatus(status)) this.#again(reason, 'later', retrySeconds)
    else this.#fail(reason)
  }

  /** What let others pass may only count requests. Then it refuses the question, too. */
  #refusedByFirewall(isStatus: boolean): void {
    if (!hasPassed) return isStatus ? this.#fail(say('failed.forbidden')) : void this.#cutRefused()
    if (isStatus) return this.#waitForFirewall('forbidden')
    this.#isRefused = true
    this.#ask()
  }

  async #cutRefused(): Promise<void> {
    const run = this.#run
    const [from, to] = [this.#offset, this.#offset + this.#pieceBytes]
    const piece = await readPart(this.#file, from, to)
    if (run !== this.#run) return
    if (piece === undefined) return this.#changed()
    const found = this.#cuts.cut(from, piece)
    if (found === 'cut') this.#send()
    else if (found === 'too often') this.#fail(say('failed.content'))
    else if (from > 0) this.#waitForFirewall('content')
    else if (!this.#isNamedInPart && fitsPart(this.#path)) {
      this.#isNamedInPart = true
      this.#send()
    } else this.#fail(say('failed.forbidden'))
  }

  #waitForFirewall(sentence: 'content' | 'forbidden'): void {
    const reason = say(`failed.${sentence}`)
    // By chance, since files that wait would else all ask at once again.
    const seconds = 15 + Math.floor(Math.random() * 16)
    if (++this.#waits > mostWaits) this.#fail(reason)
    else this.#again(reason, 'later', seconds)
  }

  #resumeFrom(offset: number): void {
    // An offset that does not grow counts as a failed try: a proxy may lose what we send.
    if (offset > this.#offset) {
      this.#tries = 0
      this.#waits = 0
      hasPassed = true
      this.#cuts.helped()
    } else if (++this.#tries > pauses.length) return this.#fail(say('failed.network'))
    this.#offset = offset
    this.#memory?.keep(offset)
    this.#listener.sent(offset, offset)
    this.#send()
  }

  #again(reason: string, why: Delay = 'again', leastSeconds = 0): void {
    const pause = pauses[this.#tries++]
    if (pause === undefined) return this.#fail(reason)
    const seconds = Math.max(pause, leastSeconds)
    // Some proxies close the connection instead of answering 413, some when a piece takes too long.
    if (this.#tries > 2 && why !== 'busy') makeSmaller(this.#pieceBytes)
    this.#stop()
    this.#listener.waiting(seconds, why)
    this.#timer = setTimeout(this.#retry, seconds * 1000)
    addEventListener('online', this.#retry)
  }

  /** Some lines die without a word: calls `stalled` unless it is called again or a reply comes. */
  #watch(stalled: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(stalled, silenceMilliseconds)
  }

  /** Keeps what is stored: start() resumes there. */
  #fail(reason: string, isForAll = false): void {
    this.#stop()
    this.#listener.failed(reason, isForAll)
  }
}

/** Seconds: more than a minute, after which the server forgets a sender that died. */
const pauses = [1, 2, 4, 8, 16, 30, 30, 30, 30, 30, 30]
const mostWaits = 3
const silenceMilliseconds = 60_000
