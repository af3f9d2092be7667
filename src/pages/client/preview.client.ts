// The small picture beside a file. A browser that shows forty photos of a camera at their size
// needs a gigabyte, so each is made small, one after the other. What the browser cannot show has
// its extension there.

import { part } from './element.client.ts'

let last: Promise<unknown> = Promise.resolve()

export function preview(file: File): HTMLElement {
  const box = part('span', 'preview', /\.(\w{1,4})$/.exec(file.name)?.[1])
  box.setAttribute('aria-hidden', 'true')
  if (/^image\/(png|jpeg|gif|webp|avif|bmp)$/.test(file.type) && file.size <= maxBytes) {
    // A line that is removed meanwhile needs no picture.
    last = last.then(() => (box.isConnected ? draw(file, box) : undefined)).catch(() => {})
  }
  return box
}

async function draw(file: File, box: HTMLElement): Promise<void> {
  const picture = await createImageBitmap(file, { resizeWidth: 88, resizeQuality: 'medium' })
  const canvas = part('canvas')
  canvas.width = picture.width
  canvas.height = picture.height
  canvas.getContext('2d')?.drawImage(picture, 0, 0)
  picture.close()
  box.replaceChildren(canvas)
}

const maxBytes = 25_000_000
