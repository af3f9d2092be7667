// The ways in which files come to the page: the file input, a folder, the camera, dropping, pasting. Called
// by form.client.ts, which gets the files of each way, and nothing else, in one list.

export type Chosen = { readonly file: File; readonly path: string }

/** Folders beyond this are not read on: the page is for people. */
const maxFound = 2000

/** Anywhere on the page: beside the form, a dropped file would replace the page. */
export function listenForDropsAndPastes(take: (files: Chosen[]) => void): void {
  const drag = (event: DragEvent) => {
    const dragged = event.dataTransfer
    if (!dragged?.types.includes('Files')) return
    event.preventDefault()
    const isInside =
      event.type === 'dragover' || (event.type === 'dragleave' && event.relatedTarget)
    document.body.classList.toggle('dragging', Boolean(isInside))
    if (event.type === 'drop') filesIn(dragged).then(take)
  }
  for (const type of ['dragover', 'dragleave', 'drop'] as const) addEventListener(type, drag)
  addEventListener('paste', ({ clipboardData }) => {
    if (clipboardData?.files.length) take(listed(clipboardData.files))
  })
}

/** A button that opens a file dialog of its own kind: a folder, the camera. */
export function sourceButton(
  label: string,
  attributes: Readonly<Record<string, string>>,
  take: (files: Chosen[]) => void,
): HTMLButtonElement {
  const input = document.createElement('input')
  input.type = 'file'
  input.hidden = true
  for (const [name, value] of Object.entries(attributes)) input.setAttribute(name, value)
  listenTo(input, take)
  const button = document.createElement('button')
  button.type = 'button'
  button.className = 'source'
  button.textContent = label
  button.onclick = () => input.click()
  button.append(input)
  return button
}

/** Emptied after each choice, so that the same file can be chosen again. */
export function listenTo(input: HTMLInputElement, take: (files: Chosen[]) => void): void {
  input.addEventListener('click', (event) => event.stopPropagation())
  input.addEventListener('change', () => {
    take(listed(input.files))
    input.value = ''
  })
}

function listed(files: FileList | null): Chosen[] {
  return [...(files ?? [])].map((file) => ({ file, path: file.webkitRelativePath || file.name }))
}

/** The entries must be taken before the event is over; reading them takes its time. */
async function filesIn(dragged: DataTransfer): Promise<Chosen[]> {
  const entries = [...dragged.items].map((item) => item.webkitGetAsEntry?.() ?? null)
  if (entries.every((entry) => !entry?.isDirectory)) return listed(dragged.files)
  const found: Chosen[] = []
  for (const entry of entries) if (entry !== null) await collect(entry, found)
  return found
}

async function collect(entry: FileSystemEntry, found: Chosen[]): Promise<void> {
  if (found.length >= maxFound) return
  if (entry.isFile) {
    const read = entry as FileSystemFileEntry
    const file = await new Promise<File | undefined>((resolve) =>
      read.file(resolve, () => resolve(undefined)),
    )
    if (file !== undefined) found.push({ file, path: entry.fullPath.replace(/^\//, '') })
    return
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  for (;;) {
    // A part of the folder at a time; an empty one is its end.
    const entries = await new Promise<FileSystemEntry[]>((resolve) =>
      reader.readEntries(resolve, () => resolve([])),
    )
    if (entries.length === 0) return
    for (const inner of entries) await collect(inner, found)
  }
}
