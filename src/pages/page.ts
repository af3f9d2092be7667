// The three pages: form, result, error. Called by app.ts (form) and reply.ts. Whatever came from outside is
// escaped. The Content-Security-Policy allows what a page inlines, by hash, and nothing else.

import type { Fault } from '../fault.ts'
import type { Reply } from '../http/reply.ts'
import { commonHeaders } from '../http/reply.ts'
import type { Stored, StoredFile } from '../outcome.ts'
import { fileUrl } from '../outcome.ts'
import { formatSize } from '../quantity.ts'
import type { ExtraField } from '../settings/row.ts'
import type { Settings } from '../settings/settings.ts'
import { settingsTable } from '../settings/table.ts'
import { pages } from './files.ts'
import { type Fragment, fill, html, trusted } from './html.ts'
import type { Theme } from './theme.ts'

/**
 * `action`: where a form on a page of its own posts to; '' for the address that it came from. `debug`: as in
 * errorPage().
 */
export function formPage(settings: Settings, look: Theme, action = '', debug = ''): Reply {
  const { message, maxFiles, allowExtensions } = settings
  const { text } = look.language
  const accept = allowExtensions.map((extension) => `.${extension}`).join(',')
  return page(200, pages.form, settings, look, {
    mark:
      look.logo === '' ? trusted(pages.mark) : html`<img class="logo" alt="" src="${look.logo}">`,
    message: message === '' ? trusted('') : html`<p class="message">${message}</p>`,
    attributes: html`${action === '' ? '' : html` action="${action}"`}${scriptSettings(settings)}`,
    limits: limits(settings, look),
    fields: html`${settings.extraFields.map((field) => control(field, look))}`,
    label: text('form.label'),
    accept: html`${maxFiles > 1 ? trusted(' multiple') : ''}${
      accept === '' ? '' : html` accept="${accept}"`
    }`,
    submit: text('form.submit'),
    text: scriptText(look),
    script: trusted(`<script>${pages.script}</script>`),
    debug: debugSection(debug),
  })
}

export function resultPage(receipt: Stored, settings: Settings, look: Theme): Reply {
  const { text } = look.language
  return page(201, pages.result, settings, look, {
    heading: text('result.heading'),
    files: html`${receipt.files.map((file) => receiptItem(file, settings, look))}`,
    receipt: html`<dt>${text('result.receipt')}</dt><dd><code>${receipt.id}</code></dd><dt>${text('result.time')}</dt><dd><time>${receipt.time}</time></dd>`,
    more: text('result.more'),
  })
}

/** `debug`: what the owner wants to see on the page; '' for nothing. */
export function errorPage(
  fault: Fault,
  id: string,
  settings: Settings,
  look: Theme,
  debug: string,
): Reply {
  const { text } = look.language
  return page(fault.status, pages.error, settings, look, {
    heading: text(`fault.${fault.code}`, fault.holes),
    detail: fault.detail === '' ? trusted('') : html`<p>${fault.detail}</p>`,
    advice: html`<p>${text('error.nothing')}</p>`,
    back: text('error.back'),
    codeLabel: text('error.code'),
    idLabel: text('error.id'),
    code: fault.code,
    id,
    debug: debugSection(debug),
  })
}

function debugSection(debug: string): Fragment {
  if (debug === '') return trusted('')
  return html`<section class="debug"><h2>Debug</h2><pre>${debug}</pre></section>`
}

/** What the script must know of the settings, as data attributes of the form. */
function scriptSettings(settings: Settings): Fragment {
  const lists = [
    ['allow-extensions', settings.allowExtensions],
    ['block-extensions', settings.blockExtensions],
  ] as const
  const attributes = [
    ['max-file-bytes', settings.maxFileBytes],
    ['max-request-bytes', settings.maxRequestBytes],
    ['max-files', settings.maxFiles],
    ['chunk-bytes', settings.chunkBytes],
    ['parallel-uploads', settings.parallelUploads],
    ...lists.filter(([, list]) => list.length > 0).map(([name, list]) => [name, list.join(' ')]),
  ] as const
  return html`${attributes.map(([name, value]) => html` data-${name}="${value}"`)}`
}

/** The script writes sizes again as the visitor's language does. */
function limits(settings: Settings, look: Theme): Fragment {
  const { maxFileBytes, maxRequestBytes, maxFiles, allowExtensions } = settings
  const { text } = look.language
  const sized = (key: string, bytes: number) => {
    const [before = '', after = ''] = text(key).split('{size}')
    const kind = key === 'limit.total' ? trusted(' data-total') : ''
    return html`${before}<span data-bytes="${bytes}"${kind}>${formatSize(bytes)}</span>${after}`
  }
  const lines: Fragment[] = [
    maxFiles === 1 ? html`${text('limit.one')}` : html`${text('limit.files', { count: maxFiles })}`,
  ]
  if (maxFileBytes > 0) lines.push(sized('limit.size', maxFileBytes))
  if (maxRequestBytes > 0 && maxFiles > 1) lines.push(sized('limit.total', maxRequestBytes))
  const kinds = allowExtensions.join(', ')
  if (kinds !== '') lines.push(html`${text('limit.kinds', { kinds })}`)
  return html`${lines.map((line) => html`<li>${line}</li>`)}`
}

function control(field: ExtraField, look: Theme): Fragment {
  const { name, type, required, options } = field
  const { text } = look.language
  const id = `field-${name}`
  const label = html`<label for="${id}">${field.label}${
    required ? html` <small>(${text('form.required')})</small>` : ''
  }</label>`
  const attributes = html` id="${id}" name="${name}"${required ? trusted(' required') : ''}`
  if (type === 'checkbox') {
    return html`<div class="field"><input type="checkbox" value="yes"${attributes}>${label}</div>`
  }
  if (type === 'select') {
    const choices = options.map((option) => html`<option>${option}</option>`)
    return html`<div class="field">${label}<select${attributes}><option value="">${text('form.choose')}</option>${choices}</select></div>`
  }
  const kind =
    type === 'email' ? trusted(' type="email" autocomplete="email"') : trusted(' type="text"')
  return html`<div class="field">${label}<input${kind}${attributes}></div>`
}

/** A data block, which no policy takes for a script; `<` could end it. */
function scriptText(look: Theme): Fragment {
  const sentences = look.language.sections('queue.', 'action.', 'refused.', 'failed.', 'status.')
  return trusted(sentences.replaceAll('<', '\\u003c'))
}

function receiptItem(file: StoredFile, settings: Settings, look: Theme): Fragment {
  const url = fileUrl(settings, file)
  const name = html`<bdi class="name">${file.stored}</bdi>`
  const [before = '', after = ''] = look.language.text('result.sentAs').split('{name}')
  return html`<li>${url === undefined ? name : html`<a href="${url}">${name}</a>`} <span class="size">${formatSize(file.size)}</span>${
    file.stored === file.name
      ? ''
      : html` <span class="note">${before}<bdi>${file.name}</bdi>${after}</span>`
  }${file.sha256 === undefined ? '' : html` <code class="sum">sha256 ${file.sha256}</code>`}</li>`
}

function page(
  status: number,
  file: string,
  settings: Settings,
  look: Theme,
  holes: Readonly<Record<string, string | Fragment>>,
): Reply {
  const { language, style } = look
  const owners = style === '' ? '' : `<style>${style}</style>`
  const isDefaultTitle = settings.title === defaultTitle
  return {
    status,
    headers: [
      ['Content-Type', 'text/html; charset=utf-8'],
      ['Content-Language', language.code],
      ['Content-Security-Policy', [...policy(style), "frame-ancestors 'none'"].join('; ')],
      ...commonHeaders,
    ],
    body: fill(file, {
      lang: language.code,
      direction: language.direction,
      title: isDefaultTitle ? language.text('title') : settings.title,
      styles: trusted(`<style>${pages.style}</style>${owners}`),
      ...holes,
    }),
  }
}

/**
 * The Content-Security-Policy, but for what only a header can say. `style`: the owner's; `origin`: where the
 * form posts to, '' for the page's own.
 */
export function policy(style: string, origin = ''): string[] {
  const target = origin === '' ? "'self'" : origin
  const hashes = [pages.styleHash, ...(style === '' ? [] : [sha256Source(style)])]
  return [
    "default-src 'none'",
    `style-src ${hashes.map((hash) => `'${hash}'`).join(' ')}`,
    `script-src '${pages.scriptHash}'`,
    "img-src 'self' data: blob:",
    `connect-src ${target}`,
    `form-action ${target}`,
    "base-uri 'none'",
  ]
}

/** For the owner's style only: the hashes of ours are made at build time. */
function sha256Source(content: string): string {
  const hash = process.getBuiltinModule('node:crypto').createHash('sha256')
  return `sha256-${hash.update(content).digest('base64')}`
}

const defaultTitle = settingsTable.find(({ key }) => key === 'title')?.default
