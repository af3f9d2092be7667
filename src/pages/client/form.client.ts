// What the form page does where scripts run: it puts the chosen files into a queue and sends them
// one by one. The build compiles it, with all that it imports, into one script at the end of
// form.html. It uses the ids of that page and the data attributes that page.ts writes. Without
// scripts the form is an ordinary form, which sends everything in one request. The server decides
// in any case.

import { type Chosen, listenForDropsAndPastes, listenTo, sourceButton } from './chosen.client.ts'
import { Queue } from './queue.client.ts'
import { say, size } from './words.client.ts'

const form = element<HTMLFormElement>('form')
const input = element<HTMLInputElement>('file')
const hint = element('hint')
// Not form.dataset, form.action or form.addEventListener: a field of the owner's may have such a
// name, and a form shows its fields as properties of its own.
const setting = (name: string) => Element.prototype.getAttribute.call(form, name)
const number = (name: string, otherwise: number) => Number(setting(`data-${name}`)) || otherwise
const list = (name: string) => setting(`data-${name}`)?.split(' ') ?? []

const queue = new Queue(
  {
    section: element('queue'),
    status: element('status'),
    start: element<HTMLButtonElement>('send'),
    input,
  },
  {
    maxFileBytes: number('max-file-bytes', 0),
    maxFiles: number('max-files', Infinity),
    allowExtensions: list('allow-extensions'),
    blockExtensions: list('block-extensions'),
    // The request also holds the fields around the piece.
    pieceBytes: Math.min(
      number('chunk-bytes', Infinity),
      number('max-request-bytes', Infinity) - 65_536,
    ),
    parallelUploads: number('parallel-uploads', 1),
  },
)
const take = (chosen: Chosen[]) => {
  if (chosen.length > 0) queue.add(chosen)
}

document.body.classList.add('live')
element('chosen').textContent = say('queue.hint')
hint.hidden = false
for (const limit of document.querySelectorAll<HTMLElement>('[data-bytes]')) {
  limit.textContent = size(Number(limit.dataset['bytes']))
}
// The total is a limit of one request, and the script sends each file in requests of its own.
document.querySelector('[data-total]')?.closest('li')?.remove()
// The queue holds the files. The input only passes them on, so it is empty when the form is sent.
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
