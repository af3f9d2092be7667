// What the form page does where scripts run: it puts the chosen files into a queue, sends them one
// by one and ends in the receipt. `main[data-stage]` tells the style which stage the page is in.
// The build compiles it, with all that it imports, into one script at the end of form.html. It uses
// the ids of that page and the data attributes that page.ts writes. Without scripts the form is an
// ordinary form, which sends everything in one request. The server decides in any case.

import { type Chosen, listenForDropsAndPastes, listenTo, sourceButton } from './chosen.client.ts'
import { part, setText, textButton } from './element.client.ts'
import { sendMessage } from './message.client.ts'
import { Queue, type QueueSums } from './queue.client.ts'
import { forgetReceipt, keepReceipt, keptReceipt, showReceipt } from './receipt.client.ts'
import type { Stored } from './reply.client.ts'
import { unfinishedUploads } from './resume.client.ts'
import type { Stage } from './stage.client.ts'
import {
  closeSubmission,
  leaveSubmission,
  type Receipt,
  submissionId,
} from './submission.client.ts'
import { percent, say, size } from './words.client.ts'

const main = document.querySelector('main') as HTMLElement
const form = element<HTMLFormElement>('form')
const heading = element('heading')
const title = heading.textContent
const pageTitle = document.title
const input = element<HTMLInputElement>('file')
const label = element('label')
const chosenText = element('chosen')
const sources = element('sources')
const done = element('done')
// Not form.dataset, form.action or form.addEventListener: a field of the owner's may have such a
// name, and a form shows its fields as properties of its own.
const setting = (name: string) => Element.prototype.getAttribute.call(form, name)
const number = (name: string, otherwise: number) => Number(setting(`data-${name}`)) || otherwise
const list = (name: string) => setting(`data-${name}`)?.split(' ') ?? []
const hasFinger = matchMedia('(pointer: coarse)').matches
const address = setting('action') || location.href

const target = {
  url: '',
  fields: [] as [string, string][],
  // The request also holds the fields around the piece.
  pieceBytes: Math.min(
    number('chunk-bytes', Infinity),
    number('max-request-bytes', Infinity) - 65_536,
  ),
}

element('hint').hidden = false
for (const limit of document.querySelectorAll<HTMLElement>('[data-bytes]')) {
  limit.textContent = size(Number(limit.dataset['bytes']))
}
// The total is a limit of one request, and the script sends each file in requests of its own.
document.querySelector('[data-total]')?.closest('li')?.remove()
// The queue holds the files. The input only passes them on, so it is empty when the form is sent.
input.required = false
listenTo(input, take)
listenForDropsAndPastes(take)
if ('webkitdirectory' in input && input.multiple && !hasFinger) {
  sources.append(sourceButton(say('queue.folder'), { webkitdirectory: '' }, take))
}
if (hasFinger) {
  const camera = { accept: 'image/*', capture: 'environment' }
  sources.append(sourceButton(say('queue.camera'), camera, take))
}

let latest: QueueSums
const queue = new Queue(
  {
    section: element('queue'),
    problem: element('problem'),
    status: element('status'),
    bar: element('bar'),
    input,
    target,
    show,
  },
  {
    maxFileBytes: number('max-file-bytes', 0),
    maxFiles: number('max-files', Infinity),
    allowExtensions: list('allow-extensions'),
    blockExtensions: list('block-extensions'),
    parallelUploads: number('parallel-uploads', 1),
  },
)
let isSendingMessage = false
/** The submission whose receipt is shown. */
let finished = ''
const kept = keptReceipt()
if (kept !== undefined) {
  main.dataset['stage'] = 'done'
  showReceipt(done, kept)
  // Of what has not arrived as a whole, the rest can be resumed.
  if (kept.heading) done.querySelector('.receipt')?.before(element('unfinished'))
}
showUnfinished()

EventTarget.prototype.addEventListener.call(form, 'submit', (event) => {
  event.preventDefault()
  if (isSendingMessage) return
  target.fields = [...new FormData(form)].filter((pair): pair is [string, string] => {
    return typeof pair[1] === 'string'
  })
  target.url = address
  const isMessage = main.dataset['stage'] === 'choose' && setting('data-files') !== null
  isMessage ? tell() : queue.start()
})
done.querySelector('a')?.addEventListener('click', (event) => {
  event.preventDefault()
  sendMore()
  heading.focus()
})
addEventListener('beforeunload', (event) => {
  if (queue.isUnsent || isSendingMessage || isWritten()) event.preventDefault()
})
// What has arrived is told after a reload, too, when the rest has not.
addEventListener('pagehide', () => {
  const { stored, heading } = latest
  if (main.dataset['stage'] === 'done' || stored.length === 0) return
  keepReceipt({ ...receiptOf(stored), heading })
})

function take(chosen: Chosen[]): void {
  if (chosen.length === 0) return
  if (main.dataset['stage'] === 'done') sendMore()
  queue.add(chosen)
  showUnfinished(chosen)
}

function show(stage: Stage, sums: QueueSums): void {
  const before = main.dataset['stage']
  main.dataset['stage'] = stage
  latest = sums
  const isChoosing = stage === 'choose'
  label.textContent = say(isChoosing ? 'queue.choose' : 'action.add')
  label.className = isChoosing ? 'label button' : 'label link'
  for (const button of sources.children) {
    button.className = isChoosing && hasFinger ? 'button plain' : 'link'
  }
  chosenText.textContent = !isChoosing ? sums.chosen : hasFinger ? '' : say('queue.hint')
  setText(heading, stage === 'partly' ? sums.heading : title)
  // The bar has its own while files are sent, and the receipt its own at the end.
  if (stage === 'partly') document.title = `${sums.heading} · ${pageTitle}`
  else if (stage !== 'sending') document.title = pageTitle
  if (stage === before || (stage !== 'done' && stage !== 'partly')) return
  if (stage !== 'done') return heading.focus()
  finish(receiptOf(sums.stored))
}

/** Somebody has written a text that was not sent. What takes one line is soon written again. */
function isWritten(): boolean {
  const texts = [...document.querySelectorAll<HTMLTextAreaElement>('textarea')]
  return main.dataset['stage'] !== 'done' && texts.some(({ value }) => value !== '')
}

/** Sends the answers alone. */
async function tell(): Promise<void> {
  const [button, problem] = [element('send'), element('problem')]
  const { textContent } = button
  isSendingMessage = true
  problem.textContent = ''
  button.textContent = say('queue.sending')
  const reply = await sendMessage(target)
  isSendingMessage = false
  // Files that were chosen meanwhile follow in the same submission.
  if (main.dataset['stage'] !== 'choose') return
  button.textContent = textContent
  if (typeof reply === 'string') {
    problem.textContent = reply
    return
  }
  main.dataset['stage'] = 'done'
  finish({ ...receiptOf([]), receipt: reply.receipt, time: reply.time ?? '' })
}

/** What the page knows by itself. */
function receiptOf(files: readonly Stored[]): Receipt {
  const given = target.fields.filter(([name, value]) => value !== '' && !name.startsWith('_'))
  const receipt = files.find((one) => one.receipt !== undefined)?.receipt
  return { receipt, time: files.at(-1)?.time ?? '', answers: given.map(labelled), files }
}

async function finish(receipt: Receipt): Promise<void> {
  arrived(receipt)
  ;(done.querySelector('h1') as HTMLElement).focus()
  const id = submissionId()
  // What is sent from now on belongs to another one.
  leaveSubmission(id)
  finished = id
  // A server without receipt numbers knows nothing of submissions.
  const told = receipt.receipt === undefined ? undefined : await closeSubmission(address, id)
  // The visitor did not wait for the reply, and sends more.
  if (finished !== id || main.dataset['stage'] !== 'done') return
  if (told !== undefined) arrived(told)
  const next = setting('data-redirect')
  if (!next) return
  const shown = told?.receipt ?? receipt.receipt ?? ''
  location.assign(next.replaceAll('{receipt}', encodeURIComponent(shown)))
}

function arrived(receipt: Receipt): void {
  keepReceipt(receipt)
  showReceipt(done, receipt)
}

function labelled([name, value]: readonly [string, string]) {
  const its = document.querySelector(`label[for="field-${CSS.escape(name)}"]`)
  return { label: its?.firstChild?.textContent?.trim() ?? name, value }
}

/** An e-mail address is asked for once; what else was written was for the files before. */
function sendMore(): void {
  forgetReceipt()
  element('problem').before(element('unfinished'))
  const mail = document.querySelector<HTMLInputElement>('#fields [type="email"]')
  const written = mail?.value ?? ''
  HTMLFormElement.prototype.reset.call(form)
  if (mail !== null) mail.value = written
  queue.clear()
  showUnfinished()
}

/** What can be resumed, but for what was chosen again. */
function showUnfinished(chosen: readonly Chosen[] = []): void {
  const lines = unfinishedUploads(address)
    .filter((one) => !chosen.some(({ file, path }) => one.matches(file, path)))
    .map((one) => {
      const line = part('p', 'hint')
      const name = one.name
      const text = say('queue.unfinished', { name, percent: percent(one.share) })
      const forget = textButton(say('action.forget'), 'link', () => {
        one.forget()
        line.remove()
        input.focus()
      })
      line.append(text, ' ', forget)
      return line
    })
  element('unfinished').replaceChildren(...lines)
}

function element<Kind extends HTMLElement>(id: string): Kind {
  return document.getElementById(id) as Kind
}
