// The ways in which files come to the page: the file input, a folder, the camera, dropping,
// pasting. Each way gives one list of files; other things that are dropped or pasted are left
// alone. What cannot be read in a folder is in the list too, so that the page can say so.

import { part, textButton } from './element.client.ts'

export type Chosen = {
  readonly file: File
  /** The name with its folders, as far as the browser tells them. */
  readonly path: string
  /** A file or folder of which the browser gives nothing but the name. */
  readonly isUnreadable?: boolean
}

/** What systems put into folders by themselves: nobody means to send it. */
export function isSystemFile(path: string): boolean {
  return /\/(\.DS_Store|Thumbs\.db|desktop\.ini)$/i.test(path)
}

/** Listens on the whole page: a file dropped beside the form would otherwise replace the page. */
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

/** A button that opens a file dialog of another kind: a folder, the camera. */
export function sourceButton(
  label: string,
  attributes: Readonly<Record<string, string>>,
  take: (files: Chosen[]) => void,
): HTMLButtonElement {
  const input = part('input')
  input.type = 'file'
  input.hidden = true
  for (const [name, value] of Object.entries(attributes)) input.setAttribute(name, value)
  listenTo(input, take)
  const button = textButton(label, 'link', () => input.click())
  button.append(input)
  return button
}

/** Empties the input after each choice, so that the same file can be chosen again. */
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

/** Takes the entries at once, since they are gone after the event, and reads folders after that. */
async function filesIn(dragged: DataTransfer): Promise<Chosen[]> {
  const entries = [...dragged.items].map((item) => item.webkitGetAsEntry?.() ?? null)
  if (entries.every((entry) => !entry?.isDirectory)) return listed(dragged.files)
  const found: Chosen[] = []
  for (const entry of entries) if (entry !== null) await collect(entry, found)
  return found
}

async function collect(entry: FileSystemEntry, found: Chosen[]): Promise<void> {
  const path = entry.fullPath.replace(/^\//, '')
  try {
    if (entry.isFile) {
      const read = entry as FileSystemFileEntry
      found.push({ file: await new Promise<File>((...done) => read.file(...done)), path })
      return
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader()
    for (;;) {
      // Gives a part of the folder at a time; an empty part is the end.
      const entries = await new Promise<FileSystemEntry[]>((...done) => reader.readEntries(...done))
      if (entries.length === 0) return
      for (const inner of entries) await collect(inner, found)
    }
  } catch {
    found.push({ file: new File([], entry.name), path, isUnreadable: true })
  }
}
