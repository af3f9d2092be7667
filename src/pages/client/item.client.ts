// One file of the queue: its state, and its row on the page. The name of each button contains the
// name of its file. When a change of state removes the focused button, the next button gets the
// focus.

import type { Chosen } from './chosen.client.ts'
import type { Delay } from './listener.client.ts'
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
  readonly line = document.createElement('li')
  state: State = 'waiting'
  /** Bytes that left the browser. */
  sentBytes = 0
  /** Bytes that the server has confirmed as stored. */
  safeBytes = 0
  /** Kept through pauses and failures, since it knows how much of the file has arrived. */
  sender: Sender | undefined
  readonly #actions: Actions
  readonly #progress = document.createElement('progress')
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
    this.line.append(preview(file), part('bdi', 'name', path), meta, this.#progress, this.#buttons)
    this.set('waiting')
  }

  get isActive(): boolean {
    return this.state === 'sending' || this.state === 'storing'
  }

  set(state: State, note = ''): void {
    this.state = state
    this.line.dataset['state'] = state
    const safe = state === 'paused' ? this.#safe() : []
    this.#note.textContent = note || [say(`queue.${state}`), ...safe].join(' · ')
    this.#progress.hidden = !this.isActive && state !== 'paused'
    if (state === 'storing') this.#progress.removeAttribute('value')
    else this.#progress.value = this.#share()
    this.#showButtons()
  }

  /** `perSecond`: bytes; 0 while the speed is not known. */
  showProgress(perSecond: number): void {
    this.#progress.value = this.#share()
    const left = (this.file.size - this.sentBytes) / perSecond
    const parts = [percent(this.#share()), ...this.#safe(), ...pace(perSecond, left)]
    this.#note.textContent = parts.join(' · ')
  }

  showPause(seconds: number, why: Delay): void {
    const sentence = say(`queue.${why}`, { time: time(seconds) })
    this.#note.textContent = [sentence, ...this.#safe()].join(' · ')
  }

  showStored({ stored, url, sha256 }: Stored): void {
    this.set('stored', say('queue.storedAs', { name: stored }))
    if (url !== undefined) {
      const link = document.createElement('a')
      link.href = url
      link.textContent = this.#note.textContent
      this.#note.replaceChildren(link)
    }
    if (sha256 !== undefined) this.line.append(part('code', 'sum', `sha256 ${sha256}`))
  }

  #share(): number {
    return this.file.size > 0 ? this.sentBytes / this.file.size : 0
  }

  /** How much is stored for certain: bytes that were sent may still be on their way. */
  #safe(): string[] {
    return this.safeBytes > 0 ? [say('queue.safe', { size: size(this.safeBytes) })] : []
  }

  /** Focuses the first button; false if there is none. */
  focus(): boolean {
    const button = this.#buttons.querySelector('button')
    button?.focus()
    return button !== null
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

/** Speed and time left, as far as they are known. */
export function pace(perSecond: number, secondsLeft: number): string[] {
  if (perSecond <= 0) return []
  const speed = say('queue.perSecond', { size: size(perSecond) })
  return secondsLeft >= 1 ? [speed, say('queue.left', { time: time(secondsLeft) })] : [speed]
}

export function part(tag: string, className: string, text = ''): HTMLElement {
  const element = document.createElement(tag)
  element.className = className
  element.textContent = text
  return element
}

function iconButton(label: string, path: string, action: () => void): HTMLButtonElement {
  const button = document.createElement('button')
  button.type = 'button'
  button.className = 'icon'
  button.title = label
  button.setAttribute('aria-label', label)
  button.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${path}"/></svg>`
  button.onclick = action
  return button
}

function preview(file: File): HTMLElement {
  const box = part('span', 'preview')
  if (!/^image\/(png|jpeg|gif|webp|avif|bmp)$/.test(file.type) || file.size > maxPreviewBytes) {
    const extension = /\.(\w{1,4})$/.exec(file.name)?.[1] ?? ''
    box.textContent = extension
    box.setAttribute('aria-hidden', 'true')
    return box
  }
  const image = document.createElement('img')
  image.alt = ''
  image.src = URL.createObjectURL(file)
  image.onload = image.onerror = () => URL.revokeObjectURL(image.src)
  box.append(image)
  return box
}

const maxPreviewBytes = 25_000_000
const cross = 'M6 6l12 12M18 6L6 18'
const icons = {
  cancel: cross,
  remove: cross,
  pause: 'M9 6v12M15 6v12',
  resume: 'M8 5l10 7-10 7z',
  retry: 'M19 12a7 7 0 1 1-2-4.9M19 3v5h-5',
}
