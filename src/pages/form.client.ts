// What the form page does beyond HTML, where scripts run: lists the chosen files with their sizes,
// says before sending which of them the limits forbid, takes dropped files, and sends only once.
// Runs in the browser, inlined at the end of form.html, whose ids and data attributes it uses. The
// form stays an ordinary form: without this it works the same, and the server decides in any case.

const form = document.querySelector('form') as HTMLFormElement
const input = element<HTMLInputElement>('file')
const send = element<HTMLButtonElement>('send')
const problem = element('problem')
const status = element('status')
const maxFileBytes = limit('maxFileBytes')
const maxRequestBytes = limit('maxRequestBytes')
const maxFiles = limit('maxFiles')

element('hint').textContent = 'Drop them on this page, or choose them.'
input.addEventListener('change', () => show())
form.addEventListener('submit', () => {
  send.disabled = true
  status.textContent = 'Sending… Please keep this page open.'
})
// Also after "back": the browser may bring the page as it was left, with the button disabled.
addEventListener('pageshow', () => show())
addEventListener('dragover', drag)
addEventListener('dragleave', drag)
addEventListener('drop', drag)

/** Takes what is dropped anywhere on the page; beside the form, it would otherwise replace the page. */
function drag(event: DragEvent): void {
  const dragged = event.dataTransfer
  if (!dragged?.types.includes('Files')) return
  event.preventDefault()
  document.body.classList.toggle('dragging', event.type === 'dragover')
  if (event.type !== 'drop' || send.disabled) return
  // A folder looks like a file here, but the browser could not read it when sending.
  if ([...dragged.items].some((item) => item.webkitGetAsEntry()?.isDirectory)) {
    return show('Folders cannot be sent: choose the files inside them.')
  }
  input.files = dragged.files
  show()
}

/** Brings the page up to date with what is chosen; `note` is said beside what is found wrong. */
function show(note = ''): void {
  const files = [...(input.files ?? [])]
  const bytes = files.reduce((sum, file) => sum + file.size, 0)
  const faults = files.map(faultOf)
  element('chosen').replaceChildren(...files.map((file, i) => line(file, faults[i] ?? '')))

  const wrong: string[] = []
  if (faults.join('') !== '') wrong.push('Files marked in the list cannot be sent.')
  if (files.length > maxFiles) {
    wrong.push(`${count(files.length)} are chosen; at most ${maxFiles} can be sent at once.`)
  }
  if (bytes > maxRequestBytes) {
    wrong.push(`Together they have ${size(bytes)}; at most ${size(maxRequestBytes)} can be sent.`)
  }
  if (wrong.length > 0) wrong.push('Please choose again.')
  // The browser itself holds back a form with such an input.
  input.setCustomValidity(wrong.join(' '))
  problem.textContent = [note, ...wrong].join(' ').trim()
  status.textContent = files.length > 0 ? `${count(files.length)} chosen, ${size(bytes)}` : ''
  send.disabled = false
}

function faultOf(file: File): string {
  if (file.size > maxFileBytes) return `Too large: at most ${size(maxFileBytes)}`
  const kinds = input.accept.toLowerCase().split(',')
  const name = file.name.toLowerCase()
  // `accept` guides the file dialog only, and dropped files never pass it.
  if (input.accept && !kinds.some((kind) => name.endsWith(kind))) return 'This kind is not accepted'
  return ''
}

function line(file: File, fault: string): HTMLElement {
  const item = document.createElement('li')
  const texts = { name: file.name, size: size(file.size), problem: fault }
  for (const [name, text] of Object.entries(texts)) {
    const span = document.createElement('span')
    span.className = name
    span.textContent = text
    item.append(span, ' ')
  }
  return item
}

function count(files: number): string {
  return files === 1 ? '1 file' : `${files} files`
}

/** Decimal, as the limits are: 1 MB is 10^6 bytes. */
function size(bytes: number): string {
  const step = Math.min(Math.floor(Math.log10(bytes || 1) / 3), 4)
  return new Intl.NumberFormat(document.documentElement.lang, {
    style: 'unit',
    unit: `${['', 'kilo', 'mega', 'giga', 'tera'][step]}byte`,
    unitDisplay: step === 0 ? 'long' : 'short',
    maximumFractionDigits: 1,
  }).format(bytes / 1000 ** step)
}

/** A limit that the server wrote on the form; 0 means there is none. */
function limit(name: string): number {
  return Number(form.dataset[name]) || Number.POSITIVE_INFINITY
}

function element<Kind extends HTMLElement>(id: string): Kind {
  return document.getElementById(id) as Kind
}
