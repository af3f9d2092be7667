// The frame that all pages share: head, style, the owner's logo and title. The
// Content-Security-Policy of each page allows what the page itself contains, by hash, and nothing
// else (policy.ts).

import type { TextReply } from '../http/reply.ts'
import { commonHeaders } from '../http/reply.ts'
import type { Settings } from '../settings/settings.ts'
import { settingsTable } from '../settings/table.ts'
import { pages } from './files.ts'
import { type Fragment, fill, html, trusted } from './html.ts'
import { policy } from './policy.ts'
import type { Theme } from './theme.ts'

/**
 * `content`: a page file, and what fills its holes. `heading`: the first that people see and hear,
 * in the title of the window, too; '' where it is the owner's title.
 */
export function page(
  status: number,
  content: string,
  settings: Settings,
  theme: Theme,
  holes: Readonly<Record<string, string | Fragment>>,
  heading = '',
): TextReply {
  const { language, style } = theme
  const rules = [...policy(style, settings.successRedirect), framing(content)]
  const styles = [pages.style, hasOptions(settings, theme) ? pages.options : '', style]
  const isOwn = settings.title !== defaultTitle
  const title = isOwn ? settings.title : language.text('title')
  const logo = theme.logo === '' ? '' : html`<img class="logo" alt="" src="${theme.logo}">`
  // Pages without a hole for it do not show it.
  const brand = html`${logo}${isOwn ? html`<p class="brand">${title}</p>` : ''}`
  return {
    status,
    headers: [
      ['Content-Type', 'text/html; charset=utf-8'],
      ['Content-Language', language.code],
      ['Content-Security-Policy', rules.join('; ')],
      ...commonHeaders,
    ],
    body: fill(pages.frame, {
      lang: language.code,
      direction: language.direction,
      title: heading === '' ? title : `${heading} · ${title}`,
      styles: trusted(styles.map((css) => css && `<style>${css}</style>`).join('')),
      content: trusted(fill(content, { title, brand, heading, ...holes })),
    }),
  }
}

/** Whether pages have anything that options.css is for. */
function hasOptions(settings: Settings, theme: Theme): boolean {
  const { title, extraFields, passphrase, debug } = settings
  const isPlain = theme.logo === '' && title === defaultTitle && passphrase === '' && !debug
  return !isPlain || extraFields.length > 0
}

/** A site's own form may post into a frame of its own page, which then shows result or error. */
function framing(content: string): string {
  return `frame-ancestors ${content === pages.form ? "'none'" : "'self'"}`
}

const defaultTitle = settingsTable.find(({ key }) => key === 'title')?.default
