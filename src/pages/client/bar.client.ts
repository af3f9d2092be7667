// The bar that is always in view: what can be done next, and while files are sent how far they are.
// The same figure is in the title of the page, and the screen stays on where the browser can do so.

import { part, setText, textButton } from './element.client.ts'
import type { Sums } from './stage.client.ts'
import { percent, say, size, time } from './words.client.ts'

export type Pace = {
  /** Bytes; 0 while the speed is not known. */
  readonly perSecond: number
  /** Something is being sent: not all is paused. */
  readonly isMoving: boolean
}

export class Bar {
  readonly #bar: HTMLElement
  readonly #send: HTMLElement
  readonly #progress = part('progress')
  readonly #share = part('span')
  readonly #pace = part('span', 'quiet')
  readonly #pause: HTMLButtonElement
  readonly #sending: readonly HTMLElement[]

  constructor(bar: HTMLElement, pause: () => void, cancel: () => void) {
    this.#bar = bar
    this.#send = bar.firstElementChild as HTMLElement
    bar.tabIndex = -1
    bar.role = 'group'
    bar.ariaLabel = say('queue.total')
    this.#progress.setAttribute('aria-label', say('queue.total'))
    this.#pause = textButton('', 'button plain', pause)
    const text = part('p')
    text.append(this.#share, part('br'), this.#pace)
    const cancelAll = textButton(say('action.cancelAll'), 'button plain', cancel)
    this.#sending = [this.#progress, text, this.#pause, cancelAll]
    for (const element of this.#sending) element.hidden = true
    bar.append(...this.#sending)
    document.addEventListener('visibilitychange', () => keepScreenOn(!text.hidden))
  }

  /** A bar that is in view already moves nothing. */
  focus(): void {
    const { bottom } = this.#bar.getBoundingClientRect()
    this.#bar.focus({ preventScroll: bottom <= innerHeight })
  }

  /** What the button does that is there while nothing is sent. */
  showAction(text: string): void {
    this.#show(false)
    setText(this.#send, text)
  }

  showSums({ sentBytes, totalBytes, share }: Sums, { perSecond, isMoving }: Pace): void {
    this.#show(true)
    const done = percent(share)
    this.#progress.value = share
    this.#share.textContent = say('queue.of', { percent: done, size: size(totalBytes) })
    const pace = isMoving ? paceOf(perSecond, totalBytes - sentBytes) : [say('queue.paused')]
    this.#pace.textContent = [...pace, say('queue.open')].join(' · ')
    setText(this.#pause, say(isMoving ? 'action.pauseAll' : 'action.resumeAll'))
    document.title = `${done} · ${title}`
  }

  #show(isSending: boolean): void {
    if (this.#send.hidden === isSending) return
    for (const element of this.#sending) element.hidden = !isSending
    this.#send.hidden = isSending
    keepScreenOn(isSending)
  }
}

/** Speed and time left, as far as they are known. */
function paceOf(perSecond: number, leftBytes: number): string[] {
  if (perSecond <= 0) return []
  const left = leftBytes / perSecond
  const speed = say('queue.perSecond', { size: size(perSecond) })
  return left >= 1 ? [speed, say('queue.left', { time: time(left) })] : [speed]
}

let lock: Promise<WakeLockSentinel | undefined> | undefined

/** The browser takes the lock away when the page is out of sight. */
function keepScreenOn(isOn: boolean): void {
  lock?.then((held) => held?.release()).catch(() => {})
  lock = isOn ? navigator.wakeLock?.request('screen').catch(() => undefined) : undefined
}

const { title } = document
