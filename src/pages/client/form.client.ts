// What the form page does where scripts run: files become a queue that is sent file by file. Runs in the
// browser, inlined at the end of form.html, whose ids and data attributes it uses. Without it the form is an
// ordinary form that does the same in one request; the server decides in any case.

import { type Chosen, listenForDropsAndPastes, listenTo, sourceButton } from './chosen.client.ts'
import { Queue } from './queue.client.ts'
import { say, size } from './words.client.ts'

const form = element<HTMLFormElement>('form')
const input = element<HTMLInputElement>('file')
const hint = element('hint')
// A field of the owner's may be called `dataset`, and would then hide the form's own.
const setting = (name: string) => Element.prototype.getAttribute.call(form, name)
const number = (name: string) => Number(setting(`data-${name}`)) || Number.POSITIVE_INFINITY

const queue = new Queue(
  {
    section: element('queue'),
    status: element('status'),
    start: element<HTMLButtonElement>('send'),
    input,
  },
  {
    fileBytes: number('max-file-bytes'),
    // Around a piece there are the fields.
    pieceBytes: Math.min(number('chunk-bytes'), number('max-request-bytes') - 65_536),
    files: number('max-files'),
    parallel: Number(setting('data-parallel-uploads')) || 1,
    kinds: input.accept === '' ? [] : input.accept.toLowerCase().split(','),
    blocked: setting('data-block-extensions')?.split(' ') ?? [],
  },
)
const take = (chosen: Chosen[]) => {
  if (chosen.length > 0) queue.add(chosen)
}

document.body.classList.add('live')
hint.textContent = say('queue.hint')
hint.hidden = false
for (const limit of document.querySelectorAll<HTMLElement>('[data-bytes]')) {
  limit.textContent = size(Number(limit.dataset['bytes']))
}
// That is a limit of one request, and the script sends each file in requests of its own.
document.querySelector('[data-total]')?.closest('li')?.remove()
// The queue holds the files; the input is a way to it, and empty when the form is sent.
input.required = false
listenTo(input, take)
listenForDropsAndPastes(take)
const sources = element('sources')
if ('webkitdirectory' in input && input.multiple) {
  sources.append(sourceButton(say('queue.folder'), { webkitdirectory: '' }, take))
}
if (matchMedia('(pointer: coarse)').matches) {
  const camera = { accept: 'image/*', capture: 'environment' }
  sources.append(sourceButton(say('queue.camera'), camera, take))
}

EventTarget.prototype.addEventListener.call(form, 'submit', (event) => {
  event.preventDefault()
  const fields = [...new FormData(form)].filter((pair): pair is [string, string] => {
    return typeof pair[1] === 'string'
  })
  queue.start(fields, setting('action') || location.href)
})
addEventListener('beforeunload', (event) => {
  if (queue.isBusy) event.preventDefault()
})

function element<Kind extends HTMLElement>(id: string): Kind {
  return document.getElementById(id) as Kind
}
