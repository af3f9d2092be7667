// What the visitor gets, in the three formats: form, receipt, fault. Called by app.ts.
// Addresses are relative to the request, never built from Host or scheme, and whatever came from outside
// is escaped. The Content-Security-Policy allows what these pages inline, by hash, and nothing else.

import { type Fault, faultSentence } from './fault.ts'
import { type Fragment, fill, html, trusted } from './html.ts'
import { pages } from './pages/index.ts'
import { formatSize } from './quantity.ts'
import type { Env, ReplyFormat } from './request.ts'
import { type Response, statusPhrase } from './response.ts'
import type { Settings } from './settings.ts'
import type { Field, StoredFile } from './upload.ts'

/** The same on the page, in the JSON, in the text and in the log. */
export type Receipt = {
  readonly id: string
  /** ISO 8601, UTC. */
  readonly time: string
  readonly files: readonly StoredFile[]
  readonly fields: readonly Field[]
}

/** `stylesheet`: the owner's, as text; '' for none. */
export function formReply(settings: Settings, stylesheet: string): Response {
  const { title, message, maxFileBytes, maxRequestBytes, maxFiles, allowExtensions } = settings
  const accept = allowExtensions.map((extension) => `.${extension}`).join(',')
  const limits = [
    maxFiles === 1 ? 'One file at a time' : `Up to ${maxFiles} files at once`,
    maxFileBytes > 0 ? `Each file up to ${formatSize(maxFileBytes)}` : '',
    maxRequestBytes > 0 && maxFiles > 1 ? `All together up to ${formatSize(maxRequestBytes)}` : '',
    allowExtensions.length > 0 ? `Only these kinds: ${allowExtensions.join(', ')}` : '',
  ]
  return page(200, pages.form, stylesheet, {
    title,
    message: message === '' ? trusted('') : html`<p class="message">${message}</p>`,
    limits: html`${limits.filter((limit) => limit !== '').map((limit) => html`<li>${limit}</li>`)}`,
    accept: html`${maxFiles > 1 ? trusted(' multiple') : ''}${
      accept === '' ? '' : html` accept="${accept}"`
    }`,
    data: html` data-max-file-bytes="${maxFileBytes}" data-max-request-bytes="${maxRequestBytes}" data-max-files="${maxFiles}"`,
    script: trusted(`<script>${pages.script}</script>`),
  })
}

/** 201 in the format asked for, or 303 to the owner's own page after a form upload. */
export function receiptReply(
  format: ReplyFormat,
  receipt: Receipt,
  settings: Settings,
  stylesheet: string,
): Response {
  if (format === 'json') {
    const { id, time, fields } = receipt
    const files = receipt.files.map((file) => ({ ...file, url: fileUrl(settings, file) }))
    return json(201, 'application/json', { id, time, files, fields })
  }
  if (format === 'text')
    return text(
      201,
      receipt.files.map((file) => textLine(file, receipt, settings)),
    )
  if (settings.successRedirect !== '') {
    const reply = text(303, [])
    return { ...reply, headers: [...reply.headers, ['Location', settings.successRedirect]] }
  }
  const count = receipt.files.length
  return page(201, pages.result, stylesheet, {
    title: settings.title,
    heading: count === 1 ? 'The file is stored' : `${count} files are stored`,
    files: html`${receipt.files.map((file) => receiptItem(file, settings))}`,
    receipt: html`<dt>Receipt</dt><dd>${receipt.id}</dd><dt>Time</dt><dd><time>${receipt.time}</time></dd>`,
  })
}

/** RFC 9457 for programs, a page for people, a line for curl. `debug` has its words when that is on. */
export function faultReply(
  format: ReplyFormat,
  fault: Fault,
  id: string,
  settings: Settings,
  stylesheet: string,
  debug: string,
): Response {
  const { code, status } = fault
  const sentence = faultSentence(code)
  const nothingStored = 'Nothing of this upload was stored.'
  if (format === 'json') {
    const detail = fault.detail === '' ? sentence : `${sentence} (${fault.detail})`
    const title = statusPhrase(status)
    const problem = { type: 'about:blank', title, status, detail, code, id }
    const more = debug === '' ? {} : { debug }
    return json(status, 'application/problem+json', { ...problem, ...more })
  }
  if (format === 'text') {
    const detail = fault.detail === '' ? '' : ` (${fault.detail})`
    return text(status, [
      `${code}: ${sentence}${detail} [id ${id}]`,
      ...(debug === '' ? [] : [debug]),
    ])
  }
  return page(status, pages.error, stylesheet, {
    title: settings.title,
    heading: sentence,
    detail: fault.detail === '' ? trusted('') : html`<p>${fault.detail}</p>`,
    advice: html`<p>${nothingStored}</p>`,
    code,
    id,
    debug:
      debug === ''
        ? trusted('')
        : html`<section class="debug"><h2>Debug</h2><pre>${debug}</pre></section>`,
  })
}

/** No body: for OPTIONS. */
export function emptyReply(): Response {
  return { status: 204, headers: commonHeaders, body: '' }
}

/** What `debug = true` shows: cause, stack, and the request's environment with secrets masked. */
export function describeForDebugging(fault: Fault, env: Env): string {
  const causes: string[] = []
  for (let cause: unknown = fault; cause !== undefined; ) {
    causes.push(cause instanceof Error ? (cause.stack ?? cause.message) : String(cause))
    cause = cause instanceof Error ? cause.cause : undefined
  }
  const variables = Object.keys(env)
    .sort()
    .map((name) => `${name}=${secret.test(name) ? '(hidden)' : env[name]}`)
  return [...causes, '', ...variables].join('\n')
}

function receiptItem(file: StoredFile, settings: Settings): Fragment {
  const url = fileUrl(settings, file)
  const name = html`<span class="name">${file.stored}</span>`
  return html`<li>${url === undefined ? name : html`<a href="${url}">${name}</a>`} <span class="size">${formatSize(file.size)}</span>${
    file.stored === file.name ? '' : html` <span class="note">sent as “${file.name}”</span>`
  }${file.sha256 === undefined ? '' : html` <code class="sum">sha256 ${file.sha256}</code>`}</li>`
}

/** Tab-separated: stored name, bytes, checksum or -, receipt id, time, address if there is one. */
function textLine(file: StoredFile, receipt: Receipt, settings: Settings): string {
  const url = fileUrl(settings, file)
  const columns = [file.stored, file.size, file.sha256 ?? '-', receipt.id, receipt.time]
  return [...columns, ...(url === undefined ? [] : [url])].join('\t')
}

function fileUrl(settings: Settings, file: StoredFile): string | undefined {
  if (settings.publicUrl === '') return undefined
  return `${settings.publicUrl.replace(/\/$/, '')}/${encodeURIComponent(file.stored)}`
}

function page(
  status: number,
  file: string,
  stylesheet: string,
  holes: Readonly<Record<string, string | Fragment>>,
): Response {
  const owners = stylesheet === '' ? '' : `<style>${stylesheet}</style>`
  const styles = trusted(`<style>${pages.style}</style>${owners}`)
  const styleHashes = [pages.styleHash, ...(stylesheet === '' ? [] : [sha256Source(stylesheet)])]
  const policy = [
    "default-src 'none'",
    `style-src ${styleHashes.map((hash) => `'${hash}'`).join(' ')}`,
    `script-src '${pages.scriptHash}'`,
    "img-src 'self' data:",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ]
  return {
    status,
    headers: [
      ['Content-Type', 'text/html; charset=utf-8'],
      ['Content-Security-Policy', policy.join('; ')],
      ...commonHeaders,
    ],
    body: fill(file, { lang: 'en', styles, ...holes }),
  }
}

function json(status: number, type: string, value: unknown): Response {
  const headers = [['Content-Type', type] as const, ...commonHeaders]
  return { status, headers, body: `${JSON.stringify(value)}\n` }
}

function text(status: number, lines: readonly string[]): Response {
  const headers = [['Content-Type', 'text/plain; charset=utf-8'] as const, ...commonHeaders]
  return { status, headers, body: lines.map((line) => `${line}\n`).join('') }
}

/** For an owner's stylesheet only: the hashes of our own are made at build time. */
function sha256Source(content: string): string {
  const hash = process.getBuiltinModule('node:crypto').createHash('sha256')
  return `sha256-${hash.update(content).digest('base64')}`
}

/**
 * `Referrer-Policy: same-origin` and not `no-referrer`: with that one browsers would send
 * `Origin: null` with the form's own post (Fetch standard, "append a request Origin header").
 */
const commonHeaders: Response['headers'] = [
  ['X-Content-Type-Options', 'nosniff'],
  ['Referrer-Policy', 'same-origin'],
  ['Cache-Control', 'no-store'],
  ['Vary', 'Accept, Origin'],
]

const secret = /auth|cookie|passw|secret|token|key|session|credential/i
