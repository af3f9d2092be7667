// The queue of files: what is chosen, what is being sent, and what became of it. It sends at most
// `parallelUploads` files at a time, since a shared host counts every request as a process. Screen
// readers hear of milestones, not of every tick of progress.

import { Bar } from './bar.client.ts'
import { type Chosen, isSystemFile } from './chosen.client.ts'
import { type Actions, Item, part } from './item.client.ts'
import { type Limits, refusal } from './limits.client.ts'
import { tellRefused } from './refused.client.ts'
import type { Stored } from './reply.client.ts'
import type { Target } from './request.client.ts'
import { Sender } from './sender.client.ts'
import { SpeedMeter } from './speed.client.ts'
import { bytesOf, counted, isStopped, type Stage, stageOf } from './stage.client.ts'
import { filesAndSize, percent, say, size } from './words.client.ts'

export type SendingLimits = Limits & { readonly parallelUploads: number }

type Place = {
  readonly section: HTMLElement
  readonly problem: HTMLElement
  readonly status: HTMLElement
  readonly bar: HTMLElement
  /** Where the focus goes when there is no file any more. */
  readonly input: HTMLElement
  readonly target: Target
  /** Called whenever something changed. `chosen`: what is in the queue, in words. */
  show(stage: Stage, chosen: string, stored: readonly Stored[], count: number): void
}

export class Queue {
  readonly #limits: SendingLimits
  readonly #place: Place
  readonly #bar: Bar
  #items: Item[] = []
  readonly #refused = part('ul', 'files refused')
  readonly #list = part('ul', 'files')
  #isRunning = false
  #isHeld = false
  #leftOut = 0
  #toldQuarter = 0
  #meter = new SpeedMeter()

  constructor(place: Place, limits: SendingLimits) {
    this.#place = place
    this.#limits = limits
    const pause = () => (this.#isMoving() ? this.#pauseAll() : this.#resumeAll())
    this.#bar = new Bar(place.bar, pause, () => this.#cancelAll())
    this.#list.ariaLabel = say('queue.list')
    place.section.append(this.#refused, this.#list)
    this.#show()
  }

  /** True if leaving the page would lose something. */
  get isUnsent(): boolean {
    return this.#items.some((item) => item.isOpen)
  }

  add(chosen: readonly Chosen[]): void {
    const { maxFileBytes, maxFiles } = this.#limits
    this.#leftOut = 0
    const refused: Item[] = []
    for (const one of chosen) {
      const reason = isSystemFile(one.path) ? 'system' : this.#refusal(one)
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
    if (refused.length > 0) tellRefused(this.#place.problem, this.#items, refused)
    this.#next()
    this.#tell(this.#chosen())
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
    this.#list.replaceChildren()
    this.#refused.replaceChildren()
    this.#leftOut = 0
    this.#place.problem.textContent = ''
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
      if (item.state === 'refused') tellRefused(this.#place.problem, this.#items)
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

  #refusal({ file, path, isUnreadable }: Chosen): string {
    if (isUnreadable) return 'unreadable'
    const others = counted(this.#items)
    const isTwice = others.some((item) => {
      const { size: bytes, lastModified } = item.file
      return item.path === path && bytes === file.size && lastModified === file.lastModified
    })
    return isTwice ? 'twice' : refusal(file, others.length, this.#limits)
  }

  /** Files that were too many take the places that others left. */
  #admit(): void {
    for (const item of this.#items.filter(({ isOver }) => isOver)) {
      if (this.#refusal(item) !== '') return
      item.isOver = false
      item.set('waiting')
      this.#list.append(item.line)
      tellRefused(this.#place.problem, this.#items)
    }
  }

  #run(): void {
    this.#isHeld = false
    if (!this.#isRunning) {
      this.#isRunning = true
      this.#toldQuarter = 0
      this.#meter = new SpeedMeter()
      this.#place.problem.textContent = ''
      this.#tell(say('status.started'))
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
    if (this.#isRunning && !this.isUnsent) this.#finish()
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
        item.showPause(seconds, why)
      },
      stored: (stored) => {
        item.showStored(stored)
        this.#tell(say('status.stored', { name: stored.stored }))
        this.#next()
      },
      failed: (reason, concernsAll) => {
        item.sentBytes = item.safeBytes
        item.set('failed', reason)
        this.#tell(say('status.failed', { name: item.path, reason }))
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
    const reasons = new Set(stopped.map(({ reason }) => reason).filter((reason) => reason !== ''))
    this.#place.problem.textContent = [...reasons].slice(0, 3).join(' · ')
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
    this.#tell(say('queue.cancelled'))
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
    const all = this.#items.filter(({ state }) => state !== 'refused')
    this.#place.show(stage, this.#chosen(), stored, all.length)
  }

  #showSums(): void {
    const { sentBytes, totalBytes } = bytesOf(this.#items)
    const isMoving = this.#isMoving()
    const perSecond = isMoving ? this.#meter.perSecond(sentBytes) : 0
    this.#bar.showSums({ sentBytes, totalBytes, perSecond, isMoving })
    const quarter = totalBytes > 0 ? Math.floor((sentBytes / totalBytes) * 4) : 0
    if (quarter > this.#toldQuarter && quarter < 4) {
      this.#toldQuarter = quarter
      this.#tell(say('status.progress', { percent: percent(quarter / 4) }))
    }
  }

  #tell(sentence: string): void {
    this.#place.status.textContent = sentence
  }
}

/** A folder may have a hundred thousand files. */
const mostLinesOfTooMany = 100
