// What people hear who do not see the page, through one live region: milestones, not every tick of
// progress. What is said in another way is not told here as well: the end has a heading that gets
// the focus, and its reasons are an alert.

import { percent, say } from './words.client.ts'

export class Milestones {
  readonly #status: HTMLElement
  #quarter = 0
  #isDelayed = false

  /** `status`: read aloud when it changes. */
  constructor(status: HTMLElement) {
    this.#status = status
  }

  tell(sentence: string): void {
    this.#status.textContent = sentence
  }

  /** `share`: what an earlier run has sent. */
  started(share: number): void {
    this.#quarter = Math.floor(share * 4)
    this.passed()
    this.tell(say('status.started'))
  }

  progressed(share: number): void {
    const quarter = Math.floor(share * 4)
    if (quarter <= this.#quarter || quarter >= 4) return
    this.#quarter = quarter
    this.tell(say('status.progress', { percent: percent(quarter / 4) }))
  }

  /** The connection is there again. */
  passed(): void {
    this.#isDelayed = false
  }

  /** `count`: how many files there are. Of many, the share that is sent says enough. */
  stored(name: string, count: number): void {
    this.passed()
    if (count <= mostNames) this.tell(say('status.stored', { name }))
  }

  failed(name: string): void {
    this.tell(say('status.failed', { name }))
  }

  /** Only the first of several tries is told. */
  waiting(sentence: string): void {
    if (!this.#isDelayed) this.tell(sentence)
    this.#isDelayed = true
  }
}

const mostNames = 10
