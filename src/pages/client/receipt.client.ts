// The end: what has arrived, under which number, and the visitor's own answers. It stays when the
// page is loaded again, until the visitor sends more.

import { part, setText } from './element.client.ts'
import type { ReceiptFile } from './reply.client.ts'
import { attempt, type Receipt } from './submission.client.ts'
import { say, size } from './words.client.ts'

/** Fills the part of the page that the server fills where scripts do not run. */
export function showReceipt(section: HTMLElement, receipt: Receipt): void {
  const find = (selector: string) => section.querySelector(selector) as HTMLElement
  const count = receipt.files.length
  const heading =
    receipt.heading ?? (count > 0 ? say('result.arrived', { count }) : say('result.message'))
  setText(find('h1'), heading)
  document.title = `${heading} · ${title}`
  find('.receipt').replaceChildren(
    ...factsOf(receipt).flatMap(([name, value]) => [part('dt', '', name), part('dd', '', value)]),
  )
  find('.files').replaceChildren(...receipt.files.map(line))
  const summed = receipt.files.filter(({ sha256 }) => sha256 !== undefined)
  find('details').hidden = summed.length === 0
  find('.sums').replaceChildren(
    ...summed.map(({ stored, sha256 }) => {
      const item = part('li')
      item.append(part('bdi', 'name', stored), ' ', part('code', 'sum', sha256))
      return item
    }),
  )
  const save = find('button') as HTMLButtonElement
  save.hidden = false
  save.onclick = () => download(heading, receipt)
}

export function keepReceipt(receipt: Receipt): void {
  attempt(() => sessionStorage.setItem(key, JSON.stringify(receipt)))
}

export function keptReceipt(): Receipt | undefined {
  return attempt(() => JSON.parse(sessionStorage.getItem(key) ?? '') as Receipt)
}

export function forgetReceipt(): void {
  attempt(() => sessionStorage.removeItem(key))
}

function factsOf({ receipt, time, answers }: Receipt): (readonly [string, string])[] {
  const { lang } = document.documentElement
  const format = new Intl.DateTimeFormat(lang, { dateStyle: 'full', timeStyle: 'short' })
  return [
    ...(receipt === undefined ? [] : [[say('result.receipt'), receipt] as const]),
    [say('result.time'), format.format(new Date(time))],
    ...answers.map(({ label, value }) => [label, value] as const),
  ]
}

function line({ stored, name, size: bytes, url }: ReceiptFile): HTMLElement {
  const item = part('li')
  const shown = part('bdi', 'name', stored)
  const link = part('a')
  if (url !== undefined) link.href = url
  link.append(shown)
  item.append(url === undefined ? shown : link, ' ', part('span', 'meta', size(bytes)))
  const isRenamed = stored !== name && stored !== name.replace(/.*\//, '')
  if (isRenamed) item.append(' ', part('span', 'meta', say('result.sentAs', { name })))
  return item
}

function download(heading: string, receipt: Receipt): void {
  const lines = [
    heading,
    '',
    ...factsOf(receipt).map(([name, value]) => `${name}: ${value}`),
    '',
    ...receipt.files.map(({ stored, size: bytes, sha256 }) =>
      [stored, size(bytes), ...(sha256 === undefined ? [] : [`sha256 ${sha256}`])].join(' · '),
    ),
  ]
  const link = part('a')
  link.href = URL.createObjectURL(new Blob([`${lines.join('\r\n')}\r\n`], { type: 'text/plain' }))
  link.download = `${receipt.receipt ?? 'receipt'}.txt`
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

/** Another page of the same site has another receipt. */
const key = `upload.cgi receipt ${location.pathname}`

const { title } = document
