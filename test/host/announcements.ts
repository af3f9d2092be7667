// What a screen reader is told of a page, in order: each announcement of a live region, each move
// of the focus, each change of the text that has the focus. As browsers do, it leaves out regions
// that are not shown.

import type { Page } from 'playwright-core'

/** For `script` of visit(). */
export const recorder = `
  window.told = []
  addEventListener('DOMContentLoaded', () => {
    const regions = '[aria-live], [role=status], [role=alert]'
    const nameOf = (element) => element.ariaLabel || element.labels?.[0]?.textContent ||
      element.textContent.trim()
    const roleOf = (element) => element.role || { A: 'link', BUTTON: 'button', H1: 'heading',
      INPUT: 'input', SUMMARY: 'summary' }[element.tagName] || element.tagName
    const tell = (records, focused) => {
      const changed = records.map(({ target }) => target.closest?.('*') ?? target.parentElement)
      const found = new Set(changed.flatMap((element) => {
        const region = element?.closest(regions)
        return region ?? (element && element === focused ? element : [])
      }))
      for (const element of found) {
        const text = element.textContent.trim()
        const kind = element.role || 'changed'
        if (text !== '' && element.checkVisibility()) told.push(kind + ': ' + text)
      }
    }
    let focused
    const observer = new MutationObserver((records) => tell(records, focused))
    observer.observe(document, { childList: true, characterData: true, subtree: true })
    addEventListener('focusin', ({ target }) => {
      tell(observer.takeRecords())
      focused = target
      told.push('focus: ' + roleOf(target) + ' ' + nameOf(target))
    })
  })
`

/** What was told since the last call, up to what the page does a task after an event. */
export async function told(page: Page): Promise<string[]> {
  const said: string[] = await page.evaluate(
    'new Promise((go) => setTimeout(go)).then(() => told.splice(0))',
  )
  // Without what nobody hears: the blanks of Intl, and the marks of the direction.
  return said.map((line) => line.replace(/\s+/g, ' ').replace(/\p{Cf}/gu, ''))
}
