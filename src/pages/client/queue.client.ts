// The queue of files: what is chosen, what is being sent, and what became of it. It sends at most
// `parallelUploads` files at a time, since a shared host counts every request as a process. Screen
// readers hear of milestones, not of every tick of progress.

import { type Chosen, isSystemFile } from './chosen.client.ts'
import { type Actions, Item, pace, part } from './item.client.ts'
import { type Limits, refusal } from './limits.client.ts'
import { Sender } from './sender.client.ts'
import { SpeedMeter } from './speed.client.ts'
import { percent, say, size } from './words.client.ts'

export type SendingLimits = Limits & {
  readonly pieceBytes: number
  readonly parallelUploads: number
}

type Place = {
  section: HTMLElement
  status: HTMLElement
  start: HTMLButtonElement
  input: HTMLElement
}

export class Queue {
  readonly #limits: SendingLimits
  readonly #place: Place
  readonly #items: Item[] = []
  readonly #list = document.createElement('ul')
  readonly #progress = document.createElement('progress')
  readonly #sum = part('p', 'sum-up')
  readonly #cancelAll = this.#button('action.cancelAll', () => this.#cancelActive())
  readonly #retryAll = this.#button('action.retryAll', () => this.#retryFailed())
  readonly #clear = this.#button('action.clear', () => this.#clearDone())
  #fields: readonly (readonly [string, string])[] = []
  #to = ''
  #isRunning = false
  #toldQuarter = 0
  #justFailed = ''
  #meter = new SpeedMeter()

  constructor(place: Place, limits: SendingLimits) {
    this.#place = place
    this.#limits = limits
    this.#list.className = 'files'
    this.#progress.setAttribute('aria-label', say('queue.total'))
    const heading = part('h2', '', say('queue.list'))
    const actions = part('p', 'all')
    actions.append(this.#cancelAll, this.#retryAll, this.#clear)
    place.section.append(heading, this.#list, this.#progress, this.#sum, actions)
    this.#show()
  }

  /** True if leaving the page would interrupt an upload. */
  get isBusy(): boolean {
    return this.#isRunning && this.#items.some((item) => item.isActive || item.state === 'waiting')
  }

  add(chosen: readonly Chosen[]): void {
    const { maxFileBytes, maxFiles } = this.#limits
    const holes = { size: size(maxFileBytes), count: maxFiles }
    let open = this.#items.filter(({ state }) => state !== 'refused' && state !== 'stored').length
    let leftOut = 0
    let tooMany = 0
    for (const one of chosen) {
      if (isSystemFile(one.path)) {
        leftOut++
        continue
      }
      const refused = one.isUnreadable ? 'unreadable' : refusal(one.file, open, this.#limits)
      if (refused === 'count' && ++tooMany > mostLinesOfTooMany) {
        leftOut++
        continue
      }
      const item = new Item(one, this.#actions)
      if (refused === '') open++
      else item.set('refused', say(`refused.${refused}`, holes))
      this.#items.push(item)
      this.#list.append(item.line)
    }
    const waiting = this.#items.filter(({ state }) => state === 'waiting')
    const bytes = waiting.reduce((sum, { file }) => sum + file.size, 0)
    const told = say('status.chosen', { count: waiting.length, size: size(bytes) })
    this.#tell(leftOut > 0 ? `${told}. ${say('status.leftOut', { count: leftOut })}` : told)
    this.#show()
    this.#next()
  }

  start(fields: readonly (readonly [string, string])[], to: string): void {
    this.#fields = fields
    this.#to = to
    this.#run()
    this.#items.find((item) => item.isActive)?.focus()
  }

  readonly #actions: Actions = {
    cancel: (item) => {
      item.sender?.cancel()
      item.sender = undefined
      item.sentBytes = item.safeBytes = 0
      item.set('cancelled')
      this.#next()
    },
    pause: (item) => {
      item.sender?.pause()
      item.sentBytes = item.safeBytes
      item.set('paused')
      this.#next()
    },
    resume: (item) => this.#actions.retry(item),
    remove: (item) => {
      const at = this.#items.indexOf(item)
      this.#items.splice(at, 1)
      item.line.remove()
      this.#show()
      this.#focusNear(at)
    },
    retry: (item) => {
      item.set('waiting')
      if (this.#to === '') this.#show()
      else this.#run()
    },
    refocus: (item) => {
      // Which buttons there are is known only after the other handlers of this event.
      setTimeout(() => {
        if (document.activeElement === document.body) this.#focusNear(this.#items.indexOf(item))
      })
    },
  }

  #run(): void {
    this.#isRunning = true
    this.#toldQuarter = 0
    this.#meter = new SpeedMeter()
    this.#tell(say('status.started'))
    this.#next()
  }

  /** Focuses the file there, else the next, else the one before; else what can be done next. */
  #focusNear(at: number): void {
    const [before, after] = [this.#items.slice(0, at).reverse(), this.#items.slice(at)]
    if ([...after, ...before].some((item) => item.focus())) return
    const buttons = [this.#retryAll, this.#clear]
    const next = buttons.find((button) => !button.hidden) ?? this.#place.input
    next.focus()
  }

  #next(): void {
    if (this.#isRunning) {
      for (const item of this.#items) {
        const active = this.#items.filter(({ isActive }) => isActive).length
        if (active >= this.#limits.parallelUploads) break
        if (item.state === 'waiting') this.#send(item)
      }
      if (!this.isBusy) this.#finish()
    }
    this.#show()
  }

  #send(item: Item): void {
    const hadFocus = item.line.contains(document.activeElement)
    item.set('sending')
    if (hadFocus) item.focus()
    const { pieceBytes } = this.#limits
    item.sender ??= new Sender(
      item,
      { url: this.#to, fields: this.#fields, pieceBytes },
      {
        sent: (bytes, safeBytes) => {
          item.sentBytes = bytes
          item.safeBytes = safeBytes
          item.showProgress(
            this.#meter.perSecond(this.#sentBytes()) /
              this.#items.filter(({ isActive }) => isActive).length,
          )
          this.#showTotal()
        },
        storing: () => {
          item.sentBytes = item.file.size
          item.set('storing')
          this.#showTotal()
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
        failed: (reason) => {
          item.sentBytes = item.safeBytes
          item.set('failed', reason)
          this.#justFailed = say('status.failed', { name: item.path, reason })
          this.#tell(this.#justFailed)
          this.#next()
          this.#justFailed = ''
        },
      },
    )
    item.sender.start()
  }

  #finish(): void {
    this.#isRunning = false
    const count = (state: string) => this.#items.filter((item) => item.state === state).length
    const [stored, failed] = [count('stored'), count('failed') + count('refused')]
    // One sentence with both: the sum alone would replace the reason before it is heard.
    if (failed > 0) this.#tell(`${this.#justFailed} ${say('status.partly', { stored, failed })}`)
    else if (stored > 0) this.#tell(say('status.done'))
  }

  #retryFailed(): void {
    for (const item of this.#items) if (item.state === 'failed') item.set('waiting')
    this.#run()
    this.#focusNear(0)
  }

  #clearDone(): void {
    for (const item of [...this.#items]) {
      if (item.isActive || ['waiting', 'paused'].includes(item.state)) continue
      this.#items.splice(this.#items.indexOf(item), 1)
      item.line.remove()
    }
    this.#tell('')
    this.#show()
    this.#place.input.focus()
  }

  #cancelActive(): void {
    this.#isRunning = false
    for (const item of this.#items) if (item.isActive) this.#actions.cancel(item)
    this.#show()
    if (this.#place.start.disabled) this.#focusNear(0)
    else this.#place.start.focus()
  }

  #sentBytes(): number {
    return this.#counted().reduce((sum, item) => sum + sentOf(item), 0)
  }

  #counted(): Item[] {
    return this.#items.filter(({ state }) => state !== 'refused' && state !== 'cancelled')
  }

  #show(): void {
    const has = (state: string) => this.#items.some((item) => item.state === state)
    this.#place.section.hidden = this.#items.length === 0
    this.#place.start.disabled = this.#isRunning || !has('waiting')
    this.#place.start.hidden = this.#isRunning
    // Everybody else sees the bars move: meanwhile the milestones are for screen readers alone.
    this.#place.status.classList.toggle('unseen', this.#isRunning)
    this.#cancelAll.hidden = !this.#isRunning
    this.#retryAll.hidden = this.#isRunning || !has('failed')
    this.#clear.hidden = this.#isRunning || !['stored', 'failed', 'refused', 'cancelled'].some(has)
    this.#showTotal()
  }

  #showTotal(): void {
    const counted = this.#counted()
    const total = counted.reduce((sum, { file }) => sum + file.size, 0)
    const sent = this.#sentBytes()
    const share = total > 0 ? sent / total : 0
    this.#progress.value = share
    this.#progress.hidden = !this.#isRunning
    const stored = counted.filter(({ state }) => state === 'stored').length
    const speed = this.#isRunning ? this.#meter.perSecond(sent) : 0
    this.#sum.textContent = [
      `${say('queue.total')}: ${stored}/${counted.length}`,
      this.#isRunning ? `${size(sent)} / ${size(total)}` : size(total),
      ...pace(speed, (total - sent) / speed),
    ].join(' · ')
    const quarter = Math.floor(share * 4)
    if (this.#isRunning && quarter > this.#toldQuarter && quarter < 4) {
      this.#toldQuarter = quarter
      this.#tell(say('status.progress', { percent: percent(quarter / 4) }))
    }
  }

  #tell(sentence: string): void {
    this.#place.status.textContent = sentence.trim()
  }

  #button(key: string, action: () => void): HTMLButtonElement {
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'source'
    button.textContent = say(key)
    button.onclick = action
    return button
  }
}

function sentOf(item: Item): number {
  return item.state === 'stored' ? item.file.size : item.sentBytes
}

/** A folder may have a hundred thousand files. */
const mostLinesOfTooMany = 100
