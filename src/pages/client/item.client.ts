// One file of the queue: its state, and its row on the page. The name of each button contains the
// name of its file. When a change of state removes the focused button, the next button gets the
// focus.

import type { Chosen } from './chosen.client.ts'
import { part, textButton } from './element.client.ts'
import type { Delay } from './listener.client.ts'
import { preview } from './preview.client.ts'
import type { Stored } from './reply.client.ts'
import type { Sender } from './sender.client.ts'
import { percent, say, size, time } from './words.client.ts'

export type State =
  | 'waiting'
  | 'sending'
  | 'paused'
  | 'storing'
  | 'stored'
  | 'failed'
  | 'refused'
  | 'cancelled'

export type Actions = {
  cancel(item: Item): void
  pause(item: Item): void
  /** After a pause. */
  resume(item: Item): void
  remove(item: Item): void
  retry(item: Item): void
  /** The button that had the focus is gone, and no other button took its place. */
  refocus(item: Item): void
}

export class Item {
  readonly file: File
  readonly path: string
  readonly line = part('li')
  state: State = 'waiting'
  /** Why it failed or is refused. */
  reason = ''
  /** It is refused only because there are too many. */
  isOver = false
  /** Bytes that left the browser. */
  sentBytes = 0
  /** Bytes that the server has confirmed as received. */
  safeBytes = 0
  stored: Stored | undefined
  /** Kept through pauses and failures, since it knows how much of the file has arrived. */
  sender: Sender | undefined
  readonly #actions: Actions
  readonly #progress = part('progress')
  readonly #note = part('span', 'note')
  readonly #buttons = part('span', 'actions')

  constructor({ file, path }: Chosen, actions: Actions) {
    this.file = file
    this.path = path
    this.#actions = actions
    this.#progress.setAttribute('aria-label', path)
    const meta = part('span', 'meta')
    // Without the blank, Arabic letters of the two texts would join.
    meta.append(part('span', 'size', size(file.size)), ' ', this.#note)
    this.line.append(preview(file), nameOf(path), meta, this.#progress, this.#buttons)
    this.set('waiting')
  }

  get isActive(): boolean {
    return this.state === 'sending' || this.state === 'storing'
  }

  /** It is to be sent, and is not yet. */
  get isOpen(): boolean {
    return this.isActive || this.state === 'waiting' || this.state === 'paused'
  }

  set(state: State, reason = ''): void {
    this.state = state
    this.reason = reason
    this.line.dataset['state'] = state
    const safe = state === 'paused' || state === 'failed' ? this.#safe() : []
    this.#note.textContent = [reason || say(`queue.${state}`), ...safe].join(' · ')
    this.#progress.hidden = !this.isActive && state !== 'paused'
    if (state === 'storing') this.#progress.removeAttribute('value')
    else this.#progress.value = this.#share()
    this.#showButtons()
  }

  showProgress(): void {
    this.#progress.value = this.#share()
    this.#note.textContent = [percent(this.#share()), ...this.#safe()].join(' · ')
  }

  /** Returns the sentence that says why. */
  showPause(seconds: number, why: Delay): string {
    const sentence = say(`queue.${why}`, { time: time(seconds) })
    this.#note.textContent = [sentence, ...this.#safe()].join(' · ')
    return sentence
  }

  showStored(stored: Stored): void {
    this.stored = stored
    this.set('stored')
    if (stored.stored !== this.file.name && stored.stored !== this.path) {
      this.#note.append(` · ${say('queue.storedAs', { name: stored.stored })}`)
    }
  }

  /** What has arrived is kept. */
  hold(): void {
    this.sender?.pause()
    this.sentBytes = this.safeBytes
    this.set('paused')
  }

  /** What has arrived is removed. */
  drop(): void {
    this.sender?.cancel()
    this.sender = undefined
    this.sentBytes = this.safeBytes = 0
    this.set('cancelled')
  }

  /** Focuses the first button; false if there is none. */
  focus(): boolean {
    const button = this.#buttons.querySelector('button')
    button?.focus()
    return button !== null
  }

  #share(): number {
    return this.file.size > 0 ? this.sentBytes / this.file.size : 0
  }

  /** How much has arrived for certain: bytes that were sent may still be on their way. */
  #safe(): string[] {
    return this.safeBytes > 0 ? [say('queue.safe', { size: size(this.safeBytes) })] : []
  }

  #showButtons(): void {
    const hadFocus = this.#buttons.contains(document.activeElement)
    const list = {
      waiting: ['remove'],
      sending: ['pause', 'cancel'],
      paused: ['resume', 'cancel'],
      storing: ['cancel'],
      stored: [],
      failed: ['retry', 'remove'],
      refused: ['remove'],
      cancelled: ['retry', 'remove'],
    } as const
    this.#buttons.replaceChildren(
      ...list[this.state].map((name: keyof typeof icons) => {
        const label = say(`action.${name}`, { name: this.path })
        return iconButton(label, icons[name], () => this.#actions[name](this))
      }),
    )
    if (hadFocus && !this.focus()) this.#actions.refocus(this)
  }
}

/** In two parts: of a name that is too long for its line, the style keeps the extension. */
function nameOf(path: string): HTMLElement {
  const name = part('bdi', 'name')
  const [, stem = path, extension = ''] = /^(.+)(\.[^./]{1,9})$/.exec(path) ?? []
  name.append(part('span', '', stem), part('span', '', extension))
  name.title = path
  return name
}

function iconButton(label: string, path: string, action: () => void): HTMLButtonElement {
  const button = textButton('', 'icon', action)
  button.title = label
  button.setAttribute('aria-label', label)
  button.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${path}"/></svg>`
  return button
}

const cross = 'M6 6l12 12M18 6L6 18'
const icons = {
  cancel: cross,
  remove: cross,
  pause: 'M9 6v12M15 6v12',
  resume: 'M8 5l10 7-10 7z',
  retry: 'M19 12a7 7 0 1 1-2-4.9M19 3v5h-5',
}
