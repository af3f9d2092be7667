// Addresses in the owner's message become links: of pages (http, https) and of mailboxes. A page
// opens in a tab of its own, so that chosen files stay chosen. A stop or bracket after an address
// belongs to the sentence.

import { type Fragment, html } from './html.ts'

export function linked(text: string): Fragment {
  const parts: Fragment[] = []
  let at = 0
  for (const { 0: found, index } of text.matchAll(addresses)) {
    const address = found.replace(sentenceEnd, '')
    parts.push(html`${text.slice(at, index)}`, link(address))
    at = index + address.length
  }
  return html`${[...parts, html`${text.slice(at)}`]}`
}

function link(address: string): Fragment {
  if (!/^https?:/i.test(address)) return html`<a href="mailto:${address}">${address}</a>`
  return html`<a href="${address}" target="_blank" rel="noopener">${address}</a>`
}

const addresses = /https?:\/\/[^\s<>"“”«»。、，]+|[\w.+-]+@[a-z\d-]+(?:\.[a-z\d-]+)+/gi
const sentenceEnd = /[.,:;!?'’)\]]+$/
