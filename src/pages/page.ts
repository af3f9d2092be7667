// The pages of the form and of an error, each filled from its file. Escapes whatever came from
// outside.

import { type Fault, isPassing } from '../fault.ts'
import type { TextReply } from '../http/reply.ts'
import { formatSize } from '../quantity.ts'
import type { Invitation } from '../settings/row.ts'
import type { Settings } from '../settings/settings.ts'
import { control } from './control.ts'
import { pages } from './files.ts'
import { page } from './frame.ts'
import { greeting, invite } from './greeting.ts'
import { type Fragment, fill, html, trusted } from './html.ts'
import { linked } from './link.ts'
import { donePart } from './receipt.ts'
import type { Theme } from './theme.ts'

/**
 * `action`: the address that the form posts to; '' for the address of the page. `debug`: see
 * errorPage(). `invitation`: by which the visitor comes.
 */
export function formPage(
  settings: Settings,
  theme: Theme,
  action = '',
  debug = '',
  invitation?: Invitation,
): TextReply {
  const { maxFiles, allowExtensions } = settings
  const { text } = theme.language
  const isOptional = settings.files === 'optional'
  // This is only for the browser's file dialog. The script checks the lists among the attributes.
  const accept = allowExtensions.map((extension) => `.${extension}`).join(',')
  return page(200, pages.form, settings, theme, {
    mark: mark(theme),
    message: html`${[greeting(invitation, settings, theme), messageOf(settings)]}`,
    attributes: html`${action === '' ? '' : html` action="${action}"`}${scriptSettings(settings)}`,
    limits: limits(settings, theme),
    fields: html`${[
      invite(invitation),
      ...settings.extraFields.map((field) => control(field, theme)),
      isOptional ? trusted(trap) : trusted(''),
    ]}`,
    required: isOptional ? '' : trusted(' required'),
    label: text('form.label'),
    accept: html`${maxFiles > 1 ? trusted(' multiple') : ''}${
      accept === '' ? '' : html` accept="${accept}"`
    }`,
    submit: text(isOptional ? 'form.send' : 'form.submit'),
    // The script fills it when the files have arrived.
    done: donePart(theme),
    dialog: settings.passphrase === '' ? '' : dialog(theme),
    text: scriptText(theme),
    script: trusted(`<script>${pages.script}</script>`),
    debug: debugSection(debug),
  })
}

export type ErrorFacts = {
  /** The id of the request. */
  readonly id: string
  /** False for the request of a page, of which nothing could be stored. */
  readonly isUpload: boolean
  /** What the page shows the owner when the setting is on; '' for nothing. */
  readonly debug: string
}

export function errorPage(
  fault: Fault,
  { id, isUpload, debug }: ErrorFacts,
  settings: Settings,
  theme: Theme,
): TextReply {
  const { text } = theme.language
  const holes = {
    detail: fault.detail === '' ? trusted('') : html`<p>${fault.detail}</p>`,
    advice: advice(fault, isUpload, theme),
    // The page of an error would only lead to itself.
    back: isUpload ? html`<p><a class="button" href="">${text('error.back')}</a></p>` : '',
    codeLabel: text('error.code'),
    idLabel: text('error.id'),
    code: fault.code,
    id,
    debug: debugSection(debug),
  }
  const heading = text(`fault.${fault.code}`, fault.holes)
  return page(fault.status, pages.error, settings, theme, holes, heading)
}

/** Asks for the passphrase, and works without a script. */
export function askPage(
  fault: Fault,
  { id, isUpload, debug }: ErrorFacts,
  settings: Settings,
  theme: Theme,
): TextReply {
  const { text } = theme.language
  const problem = html`<p class="problem" role="alert">${text(`fault.${fault.code}`)}</p>
<dl><dt>${text('error.code')}</dt><dd><code>${fault.code}</code></dd>
<dt>${text('error.id')}</dt><dd><code>${id}</code></dd></dl>`
  return page(fault.status, pages.ask, settings, theme, {
    mark: mark(theme),
    message: messageOf(settings),
    question: question(theme),
    // Whoever only asked for the form has done nothing wrong.
    problem: isUpload ? problem : '',
    debug: debugSection(debug),
  })
}

/** Leads to the program's own page, which asks for the passphrase, by itself and by a button. */
export function awayPage(address: string, settings: Settings, theme: Theme): TextReply {
  const { text } = theme.language
  const made = page(200, pages.away, settings, theme, {
    mark: mark(theme),
    message: messageOf(settings),
    text: text('ask.text'),
    address,
    label: text('ask.submit'),
  })
  const { html: refresh } = html`<meta http-equiv="refresh" content="0; url=${address}">`
  return { ...made, body: made.body.replace('</head>', () => `${refresh}\n</head>`) }
}

/** By which the script asks for the passphrase when the cookie has ended. */
function dialog(theme: Theme): Fragment {
  const holes = { question: question(theme), cancel: theme.language.text('ask.cancel') }
  return trusted(fill(pages.dialog, holes))
}

function question({ language: { text } }: Theme): Fragment {
  const [explained, label, submit] = [text('ask.text'), text('ask.label'), text('ask.submit')]
  return trusted(fill(pages.question, { text: explained, label, submit }))
}

/** What was stored, and what to do next. */
function advice({ code, status }: Fault, isUpload: boolean, { language }: Theme): Fragment {
  const { text } = language
  const says: Fragment[] = isUpload ? [html`${text('error.nothing')}`] : []
  if (status >= 500 || isPassing(code)) says.push(html`${text('error.later')}`)
  else if (status === 403) says.push(html`${text('error.ask')}`)
  else if (isUpload) says.push(html`${text('error.again')}`)
  // Not after other errors: it cannot know what is wrong there.
  if (code === 'NOT_CONFIGURED' || code === 'DIRECTORY_UNUSABLE') {
    const [before = '', after = ''] = text('error.owner').split('{command}')
    says.push(html`${before}<code>upload.cgi check</code>${after}`)
  }
  return html`${says.map((sentence) => html`<p>${sentence}</p>`)}`
}

function debugSection(debug: string): Fragment {
  if (debug === '') return trusted('')
  return html`<section class="debug"><h2>Debug</h2><pre>${debug}</pre></section>`
}

function mark(theme: Theme): Fragment {
  return trusted(theme.logo === '' ? pages.mark : '')
}

function messageOf({ message }: Settings): Fragment {
  return message === '' ? trusted('') : html`<p class="message">${linked(message)}</p>`
}

/** The settings that the script needs, as data attributes of the form. */
function scriptSettings(settings: Settings): Fragment {
  const lists = [
    ['allow-extensions', settings.allowExtensions],
    ['block-extensions', settings.blockExtensions],
  ] as const
  const attributes = [
    ...(settings.successRedirect === '' ? [] : [['redirect', settings.successRedirect] as const]),
    ['max-file-bytes', settings.maxFileBytes],
    ['max-request-bytes', settings.maxRequestBytes],
    ['max-files', settings.maxFiles],
    ...(settings.files === 'optional' ? [['files', 'optional'] as const] : []),
    ['chunk-bytes', settings.chunkBytes],
    ['parallel-uploads', settings.parallelUploads],
    ...lists.filter(([, list]) => list.length > 0).map(([name, list]) => [name, list.join(' ')]),
  ] as const
  return html`${attributes.map(([name, value]) => html` data-${name}="${value}"`)}`
}

/** The script replaces the sizes with those that the browser writes in the visitor's language. */
function limits(settings: Settings, theme: Theme): Fragment {
  const { maxFileBytes, maxRequestBytes, maxFiles, allowExtensions } = settings
  const { text } = theme.language
  const sized = (key: string, bytes: number) => {
    const [before = '', after = ''] = text(key).split('{size}')
    const kind = key === 'limit.total' ? trusted(' data-total') : ''
    const size = formatSize(bytes, text('queue.units'))
    return html`${before}<bdi data-bytes="${bytes}"${kind}>${size}</bdi>${after}`
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

/**
 * The sentences of the script as a data block, which the policy does not treat as a script. `<` is
 * escaped, since it could end the block.
 */
function scriptText(theme: Theme): Fragment {
  const sentences = theme.language.sections(
    'result.',
    'queue.',
    'action.',
    'refused.',
    'failed.',
    'status.',
  )
  return trusted(sentences.replaceAll('<', '\\u003c'))
}
/** A field that people do not see: what comes without a file and fills it was sent by a program. */
const trap =
  '<input class="unseen" name="_website" tabindex="-1" autocomplete="off" aria-hidden="true">'
