// The queue of files: what is chosen, what is being sent, and what became of it. It sends at most
// `parallelUploads` files at a time, since a shared host counts every request as a process.

import { Bar } from './bar.client.ts'
import type { Chosen } from './chosen.client.ts'
import { part } from './element.client.ts'
import { type Actions, Item } from './item.client.ts'
import type { Limits } from './limits.client.ts'
import { Milestones } from './milestones.client.ts'
import { refusalOf, tellRefused } from './refused.client.ts'
import type { Stored } from './reply.client.ts'
import type { Target } from './request.client.ts'
import { Sender } from './sender.client.ts'
import { SpeedMeter } from './speed.client.ts'
import {
  counted,
  headingOf,
  isStopped,
  reasonsOf,
  type Stage,
  stageOf,
  sumsOf,
} from './stage.client.ts'
import { filesAndSize, say, size } from './words.client.ts'

export type SendingLimits = Limits & { readonly parallelUploads: number }

export type QueueSums = {
  /** What is in the queue, in words. */
  readonly chosen: string
  readonly stored: readonly Stored[]
  /** What the page would say if it ended here. */
  readonly heading: string
}

type Place = {
  readonly section: HTMLElement
  readonly problem: HTMLElement
  readonly status: HTMLElement
  readonly bar: HTMLElement
  /** Where the focus goes when there is no file any more. */
  readonly input: HTMLElement
  readonly target: Target
  /** Called whenever something changed. */
  show(stage: Stage, sums: QueueSums): void
}

export class Queue {
  readonly #limits: SendingLimits
  readonly #place: Place
  readonly #bar: Bar
  readonly #milestones: Milestones
  #items: Item[] = []
  readonly #refused = part('ul', 'files refused')
  readonly #list = part('ul', 'files')
  #isRunning = false
  #isHeld = false
  #leftOut = 0
  #meter = new SpeedMeter()

  constructor(place: Place, limits: SendingLimits) {
    this.#place = place
    this.#limits = limits
    this.#milestones = new Milestones(place.status)
    const pause = () => (this.#isMoving() ? this.#pauseAll() : this.#resumeAll())
    this.#bar = new Bar(place.bar, pause, () => this.#cancelAll())
    this.#list.ariaLabel = say('queue.list')
    place.section.append(this.#refused, this.#list)
    this.#show()
  }

  /** True if leaving the page would lose something. */
  get isUnsent(): boolean {
    return this.#items.some(({ isOpen, state }) => isOpen || state === 'failed')
  }

  add(chosen: readonly Chosen[]): void {
    const { maxFileBytes, maxFiles } = this.#limits
    this.#leftOut = 0
    const refused: Item[] = []
    for (const one of chosen) {
      const reason = refusalOf(one, this.#items, this.#limits)
      const isOver = reason === 'count'
      const lines = this.#items.filter((item) => item.isOver).length
      if (reason === 'system' || (isOver && lines >= mostLinesOfTooMany)) {
        this.#leftOut++
        continue
      }
      const item = new Item(one, this.#actions)
      item.isOver = isOver
      this.#items.push(item)
      const list = reason === '' ? this.#list : this.#refused
      list.append(item.line)
      if (reason === '') continue
      refused.push(item)
      item.set('refused', say(`refused.${reason}`, { size: size(maxFileBytes), count: maxFiles }))
    }
    if (refused.length > 0) this.#tellRefused(refused)
    this.#next()
    if (counted(this.#items).length + this.#leftOut > 0) this.#milestones.tell(this.#chosen())
  }

  /** Sends what waits, and what failed or was cancelled before. */
  start(): void {
    if (!this.#items.some(({ state }) => state === 'waiting')) {
      for (const item of this.#items) if (isStopped(item)) item.set('waiting')
    }
    this.#run()
    this.#bar.focus()
  }

  /** Begins with an empty list. */
  clear(): void {
    this.#items = []
    for (const list of [this.#list, this.#refused]) list.replaceChildren()
    this.#leftOut = 0
    this.#place.problem.textContent = ''
    this.#milestones.tell('')
    this.#show()
  }

  readonly #actions: Actions = {
    cancel: (item) => {
      item.drop()
      this.#next()
    },
    pause: (item) => {
      item.hold()
      this.#next()
    },
    resume: (item) => this.#actions.retry(item),
    remove: (item) => {
      const at = this.#items.indexOf(item)
      this.#items.splice(at, 1)
      item.line.remove()
      this.#admit()
      if (item.state === 'refused') this.#tellRefused()
      this.#show()
      this.#focusNear(at)
    },
    retry: (item) => {
      item.set('waiting')
      if (this.#place.target.url === '') this.#show()
      else this.#run()
    },
    refocus: (item) => {
      // Which buttons there are is known only after the other handlers of this event.
      setTimeout(() => {
        if (document.activeElement === document.body) this.#focusNear(this.#items.indexOf(item))
      })
    },
  }

  /** Files that were too many take the places that others left. */
  #admit(): void {
    for (const item of this.#items.filter(({ isOver }) => isOver)) {
      if (refusalOf(item, this.#items, this.#limits) !== '') return
      item.isOver = false
      item.set('waiting')
      this.#list.append(item.line)
      this.#tellRefused()
    }
  }

  #tellRefused(added: readonly Item[] = []): void {
    tellRefused({ problem: this.#place.problem, list: this.#refused }, this.#items, added)
  }

  #run(): void {
    this.#isHeld = false
    if (!this.#isRunning) {
      this.#isRunning = true
      this.#meter = new SpeedMeter()
      this.#place.problem.textContent = ''
      this.#milestones.started(sumsOf(this.#items).share)
    }
    this.#next()
  }

  /** Focuses the file there, else the next, else the one before; else what can be done next. */
  #focusNear(at: number): void {
    const [before, after] = [this.#items.slice(0, at).reverse(), this.#items.slice(at)]
    if ([...after, ...before].some((item) => item.focus())) return
    if (this.#items.length > 0) this.#bar.focus()
    else this.#place.input.focus()
  }

  #next(): void {
    if (this.#isRunning && !this.#isHeld) {
      for (const item of this.#items) {
        const active = this.#items.filter(({ isActive }) => isActive).length
        if (active >= this.#limits.parallelUploads) break
        if (item.state === 'waiting') this.#send(item)
      }
    }
    if (this.#isRunning && this.#items.every(({ isOpen }) => !isOpen)) this.#finish()
    this.#show()
  }

  #send(item: Item): void {
    const hadFocus = item.line.contains(document.activeElement)
    item.set('sending')
    if (hadFocus) item.focus()
    item.sender ??= new Sender(item, this.#place.target, {
      sent: (bytes, safeBytes) => {
        // What an earlier visit sent is no speed of this one.
        if (bytes === safeBytes) this.#meter.skip(bytes - item.sentBytes)
        if (safeBytes > item.safeBytes) this.#milestones.passed()
        item.sentBytes = bytes
        item.safeBytes = safeBytes
        item.showProgress()
        this.#showSums()
      },
      storing: () => {
        item.sentBytes = item.file.size
        item.set('storing')
        this.#showSums()
      },
      waiting: (seconds, why) => {
        item.sentBytes = item.safeBytes
        item.set('sending')
        this.#milestones.waiting(item.showPause(seconds, why))
      },
      stored: (stored) => {
        item.showStored(stored)
        this.#milestones.stored(stored.stored, this.#items.length)
        this.#next()
      },
      failed: (reason, concernsAll) => {
        item.sentBytes = item.safeBytes
        item.set('failed', reason)
        this.#milestones.failed(item.path)
        if (concernsAll) this.#failWaiting(reason)
        this.#next()
      },
    })
    item.sender.start()
  }

  /** What the server said of one file holds for all: they need not hear it again. */
  #failWaiting(reason: string): void {
    for (const item of this.#items) if (item.state === 'waiting') item.set('failed', reason)
  }

  #finish(): void {
    this.#isRunning = false
    const stopped = this.#items.filter(isStopped)
    this.#list.prepend(...stopped.map(({ line }) => line))
    this.#place.problem.textContent = reasonsOf(stopped)
  }

  #pauseAll(): void {
    this.#isHeld = true
    for (const item of this.#items) if (item.isActive) item.hold()
    this.#show()
  }

  #resumeAll(): void {
    for (const item of this.#items) if (item.state === 'paused') item.set('waiting')
    this.#run()
  }

  #cancelAll(): void {
    for (const item of this.#items) if (item.isOpen) item.drop()
    this.#next()
  }

  #isMoving(): boolean {
    return !this.#isHeld && this.#items.some((item) => item.isActive || item.state === 'waiting')
  }

  #chosen(): string {
    const { files, size: bytes } = filesAndSize(counted(this.#items))
    const leftOut = this.#leftOut > 0 ? [say('status.leftOut', { count: this.#leftOut })] : []
    return [files, bytes, ...leftOut].join(' · ')
  }

  #show(): void {
    const stage = stageOf(this.#items, this.#isRunning)
    this.#place.section.hidden = this.#items.length === 0
    const waiting = this.#items.filter(({ state }) => state === 'waiting')
    if (stage === 'sending') this.#showSums()
    else if (stage === 'partly') this.#bar.showAction(say('action.retryAll'))
    else if (stage === 'ready') this.#bar.showAction(say('action.upload', filesAndSize(waiting)))
    else this.#bar.showAction(say('action.send'))
    const stored = this.#items.flatMap((item) => item.stored ?? [])
    this.#place.show(stage, { chosen: this.#chosen(), stored, heading: headingOf(this.#items) })
  }

  #showSums(): void {
    const sums = sumsOf(this.#items)
    const isMoving = this.#isMoving()
    const perSecond = isMoving ? this.#meter.perSecond(sums.sentBytes) : 0
    this.#bar.showSums(sums, { perSecond, isMoving })
    this.#milestones.progressed(sums.share)
  }
}

/** A folder may have a hundred thousand files. */
const mostLinesOfTooMany = 100
