// A visitor at the program's page: the built executable, a line to it (page-proxy.ts), and a page of a real
// Chromium. Every test of the page also shows that the page stayed quiet: nothing on the console, nothing
// against its Content-Security-Policy, no error, and no request but for itself and its uploads.

import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { type Line, startProxy, type VisitorsLine } from './page-proxy.ts'
import { type Receiver, startReceiver, temporary } from './receiver.ts'
import { find, missing } from './servers.ts'

export type Visit = {
  readonly t: TestContext
  readonly page: Page
  readonly receiver: Receiver
  readonly proxy: VisitorsLine
}

export type VisitOptions = {
  /** Settings of the program, UPLOAD_CGI_*. */
  env?: Readonly<Record<string, string>>
  line?: Partial<Line>
  context?: BrowserContextOptions
  /** Runs in the page before anything of its own, unseen by its policy. */
  script?: string
  /** Chromium itself writes to the console when a request fails. */
  mayFail?: boolean
}

export const skip = missing('chromium')

/** A test in which somebody visits the form. */
export function visit(
  name: string,
  options: VisitOptions,
  body: (visit: Visit) => Promise<void>,
): void {
  test(name, { skip, timeout: 60_000 }, async (t) => {
    const receiver = await startReceiver(t, options.env)
    const proxy = await startProxy(t, receiver.url, options.line)
    browser ??= chromium.launch({ executablePath: find('chromium') ?? '', args: chromiumArgs })
    const context = await (await browser).newContext({ locale: 'en', ...options.context })
    t.after(() => context.close())
    await context.addInitScript(watch + (options.script ?? ''))
    const page = await context.newPage()
    page.setDefaultTimeout(10_000)
    const said: string[] = []
    page.on('console', (message) => {
      const isChromiums = /^Failed to load resource/.test(message.text())
      if (!(isChromiums && options.mayFail)) said.push(message.text())
    })
    page.on('pageerror', (error) => said.push(String(error)))
    page.on('request', (request) => {
      const url = request.url()
      if (url !== proxy.url && !/^(blob|data):/.test(url)) said.push(`request ${url}`)
    })
    await page.goto(proxy.url)
    await body({ t, page, receiver, proxy })
    assert.deepEqual(said, [])
  })
}

after(async () => (await browser)?.close())

export const line = (page: Page, name: string) =>
  page.locator('#queue li').filter({ has: page.getByText(name, { exact: true }) })

/** `waiting`, `stored` and so on. */
export async function becomes(page: Page, name: string, state: string): Promise<void> {
  const lines = page.locator(`#queue li[data-state=${state}]`)
  await lines.filter({ has: page.getByText(name, { exact: true }) }).waitFor()
}

export async function choose(page: Page, paths: string | readonly string[]): Promise<void> {
  await page.locator('#file').setInputFiles([paths].flat())
}

export const send = (page: Page) =>
  page.getByRole('button', { name: 'Upload', exact: true }).click()

/** Files of so many bytes, by name; a name may begin with folders. */
export function filesOf(t: TestContext, sizes: Readonly<Record<string, number>>): string[] {
  const home = temporary(t)
  return Object.entries(sizes).map(([name, size]) => {
    const path = join(home, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, bytesOf(name, size))
    return path
  })
}

export function bytesOf(name: string, size: number): Buffer {
  return Buffer.alloc(size, `${name} `)
}

/** What the page says to people who cannot see it, in order. */
export function milestones(page: Page): Promise<string[]> {
  return page.evaluate('window.heard')
}

/** What is in `.incoming` after a while in which it should become empty. */
export async function leftovers({ directory }: Receiver): Promise<string[]> {
  let names: string[] = []
  for (let tries = 0; tries < 100; tries++) {
    names = readdirSync(directory).includes('.incoming')
      ? readdirSync(join(directory, '.incoming'))
      : []
    if (names.length === 0) break
    await delay(100)
  }
  return names
}

export const axe = readFileSync(
  join(import.meta.dirname, '../node_modules/axe-core/axe.min.js'),
  'utf8',
)

/** What axe-core finds in the page as it is now, one line each. Needs `script: axe`. */
export async function flaws(page: Page): Promise<string[]> {
  return page.evaluate(`axe.run(document, { preload: false, runOnly: ${JSON.stringify(axeTags)} })
    .then(({ violations }) => violations.flatMap(({ id, help, nodes }) => nodes.map((node) =>
      id + ' (' + help + '): ' + node.html.slice(0, 200) + ' ' + (node.any[0]?.message ?? ''))))`)
}

const axeTags = ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']

let browser: Promise<Browser> | undefined

const chromiumArgs = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

const watch = `
  addEventListener('securitypolicyviolation', (event) =>
    console.error('policy: ' + event.violatedDirective + ' ' + event.blockedURI))
  window.heard = []
  addEventListener('DOMContentLoaded', () => {
    const status = document.getElementById('status')
    if (status) new MutationObserver(() => status.textContent && heard.push(status.textContent))
      .observe(status, { childList: true, characterData: true, subtree: true })
  })
`
