// Does `success_redirect` lead anywhere? The page of the form names it. Without script a browser
// follows it only to the sites that the policy of the page names, and so not on to a third one.

import { type Finding, fine, warning } from '../../finding.ts'
import { described, Visitor } from './visitor.ts'

/** `url`: the form's. Undefined when nothing is set, or the form is not shown. */
export async function redirectFinding(url: URL): Promise<Finding | undefined> {
  const { text } = await new Visitor(url).send({ method: 'GET', headers: { Accept: 'text/html' } })
  const [, written] = /<form[^>]* data-redirect="([^"]*)"/.exec(text) ?? []
  if (written === undefined) return undefined
  const name = unescaped(written)
  const target = new URL(name.replaceAll('{receipt}', 'CHECK'), url)
  const isSame = target.origin === url.origin
  // Nobody else gets the password of the form's site.
  if (isSame) Object.assign(target, { username: url.username, password: url.password })
  const answer = await new Visitor(target).send({
    method: 'GET',
    more: target.search,
    headers: { Accept: 'text/html' },
  })
  if (answer.status === 0 || answer.status >= 400) {
    const message = `success_redirect leads to ${name}, which fails (${described(answer)})`
    return warning(
      'REDIRECT_BROKEN',
      message,
      'name a page that exists, or remove success_redirect',
    )
  }
  const next = new URL(answer.headers.location ?? '', target)
  if (![url.origin, target.origin].includes(next.origin)) {
    const message = `success_redirect leads to ${name}, and from there to ${next.origin}`
    const remedy = `browsers without script stop there: success_redirect = "${next.href}"`
    return warning('REDIRECT_LEADS_ON', message, remedy)
  }
  return fine('REDIRECT', `success_redirect: ${name} answers`)
}

/** As escapeHtml() in pages/html.ts escapes. */
function unescaped(attribute: string): string {
  return attribute.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
}
