// The receipt as a page: its number, when, the visitor's own answers, the files and their
// checksums. The script fills the same part of the form page. Nothing here asks the machine for a
// calendar or for the rules of a language (Intl): they take memory, and a reply is made when the
// files have their names already.

import type { TextReply } from '../http/reply.ts'
import type { Receipt, RecordedFile } from '../outcome.ts'
import { formatSize } from '../quantity.ts'
import type { Settings } from '../settings/settings.ts'
import { pages } from './files.ts'
import { page } from './frame.ts'
import { type Fragment, fill, html, trusted } from './html.ts'
import type { Theme } from './theme.ts'

/** What the page shows of a receipt. */
export type Shown = Pick<Receipt, 'receipt' | 'time' | 'answers' | 'files'>

/**
 * `status`: 201 where the files have just been stored. `more`: the address of the form. The page
 * says nothing of the id of a submission: whoever has that may add to it.
 */
export function receiptPage(
  { status, more }: { readonly status: 200 | 201; readonly more: string },
  receipt: Shown,
  settings: Settings,
  theme: Theme,
): TextReply {
  const holes = { done: donePart(theme, receipt, more) }
  return page(status, pages.result, settings, theme, holes, heading(receipt, theme))
}

/** What became of the files; without a receipt, for the script to fill. */
export function donePart(theme: Theme, receipt?: Shown, more = ''): Fragment {
  const { text } = theme.language
  const sums = receipt?.files.map(checksumItem) ?? []
  return trusted(
    fill(pages.done, {
      heading: receipt === undefined ? '' : heading(receipt, theme),
      facts: receipt === undefined ? '' : facts(receipt, theme),
      files: html`${receipt?.files.map((file) => fileItem(file, theme)) ?? ''}`,
      sums: html`${sums}`,
      folded: trusted(sums.some((sum) => sum.html !== '') ? '' : ' hidden'),
      sumsLabel: text('receipt.sums'),
      moreAddress: more,
      more: text('receipt.more'),
      save: text('receipt.save'),
    }),
  )
}

/** Of several files the heading tells no number, since that would need the forms of a language. */
function heading({ files }: Shown, { language: { text } }: Theme): string {
  if (files.length === 0) return text('result.message')
  if (files.length > 1) return text('receipt.heading')
  const forms = text('result.arrived', { count: 1 }).split('|')
  // The six forms of Arabic begin with that for none.
  return forms[forms.length === 6 ? 1 : 0] ?? ''
}

function facts({ receipt, time, answers }: Shown, { language: { text } }: Theme): Fragment {
  const [, year = '', month = '', day = '', hour = '', minute = ''] =
    /^(\d+)-(\d+)-(\d+)T(\d+):(\d+)/.exec(time) ?? []
  const shown = text('receipt.at', { year, month, day, hour, minute })
  return html`${[
    html`<dt>${text('result.receipt')}</dt><dd><code>${receipt}</code></dd>`,
    html`<dt>${text('result.time')}</dt><dd><time datetime="${time}">${shown}</time></dd>`,
    ...answers.map(({ label, value }) => html`<dt>${label}</dt><dd>${value}</dd>`),
  ]}`
}

function fileItem({ stored, name, size, url }: RecordedFile, { language }: Theme): Fragment {
  const shown = html`<bdi class="name">${stored}</bdi>`
  const parts = [
    url === undefined ? shown : html`<a href="${url}">${shown}</a>`,
    html` <span class="meta"><bdi>${formatSize(size, language.text('queue.units'))}</bdi></span>`,
  ]
  // With its folders the name may be longer than what is stored of it.
  if (stored !== name && stored !== name.replace(/.*\//, '')) {
    const [before = '', after = ''] = language.text('result.sentAs').split('{name}')
    parts.push(html` <span class="meta">${before}<bdi>${name}</bdi>${after}</span>`)
  }
  return html`<li>${parts}</li>`
}

function checksumItem({ stored, sha256 }: RecordedFile): Fragment {
  if (sha256 === undefined) return trusted('')
  return html`<li><bdi class="name">${stored}</bdi> <code class="sum">${sha256}</code></li>`
}
