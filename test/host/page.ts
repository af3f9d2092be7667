// A visitor at the program's page: the built executable, a proxy in front of it (http-proxy.ts),
// and a page of a real Chromium. Every test of the page also shows that the page stayed quiet:
// nothing on the console, nothing against its Content-Security-Policy, no error, and no request but
// for itself and its uploads.

import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type Browser,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from 'playwright-core'
import { type HttpProxy, type Network, startHttpProxy } from './http-proxy.ts'
import { find, missing } from './installed.ts'
import { freshDirectory } from './program.ts'
import { type Receiver, startReceiver } from './serve.ts'

export type Visit = {
  readonly t: TestContext
  readonly page: Page
  readonly receiver: Receiver
  readonly proxy: HttpProxy
}

export type VisitOptions = {
  /** Settings of the program, UPLOAD_CGI_*. */
  env?: Readonly<Record<string, string>>
  network?: Partial<Network>
  context?: BrowserContextOptions
  /** Runs in the page before anything of its own, unseen by its policy. */
  script?: string
  /** Chromium itself writes to the console when a request fails. */
  mayFail?: boolean
  /** Something in front leads to another site: Chromium asks there, or says that it may not. */
  mayLeadAway?: boolean
}

export const skip = missing('chromium')

/** A test in which somebody visits the form. */
export function visit(
  name: string,
  options: VisitOptions,
  body: (visit: Visit) => Promise<void>,
): void {
  test(name, { skip, timeout: 600_000 }, async (t) => {
    const receiver = await startReceiver(t, options.env)
    const proxy = await startHttpProxy(t, receiver.url, options.network)
    browser ??= chromium.launch({ executablePath: find('chromium') ?? '', args: chromiumArgs })
    const context = await (await browser).newContext({ locale: 'en', ...options.context })
    t.after(() => context.close())
    await context.addInitScript(watch + (options.script ?? ''))
    const page = await context.newPage()
    page.setDefaultTimeout(150_000)
    const said: string[] = []
    page.on('console', (message) => {
      const isChromiums = /^Failed to load resource/.test(message.text())
      // A form has one passphrase, and no user names.
      const isAdvice = /^\[DOM\] Password forms should have/.test(message.text())
      if (!isAdvice && !(isChromiums && options.mayFail)) said.push(message.text())
    })
    page.on('pageerror', (error) => said.push(String(error)))
    page.on('request', (request) => {
      // The way back from the passphrase ends in `?`.
      const url = request.url().replace(/\?$/, '')
      if (url !== proxy.url && !/^(blob|data):/.test(url)) said.push(`request ${url}`)
    })
    await page.goto(proxy.url)
    await body({ t, page, receiver, proxy })
    if (!options.mayLeadAway) assert.deepEqual(said, [])
  })
}

after(async () => (await browser)?.close())

/** The item of the queue for the file with just this name. */
export function line(page: Page, name: string, state = ''): Locator {
  const whole = new RegExp(`^${name.replace(/\W/g, '\\$&')}$`)
  const lines = page.locator(`#queue li${state === '' ? '' : `[data-state=${state}]`}`)
  return lines.filter({ has: page.locator('bdi', { hasText: whole }) })
}

/** `waiting`, `stored` and so on. */
export async function becomes(page: Page, name: string, state: string): Promise<void> {
  await line(page, name, state).waitFor({ state: 'attached' })
}

export async function choose(page: Page, paths: string | readonly string[]): Promise<void> {
  await page.locator('#file').setInputFiles([paths].flat())
}

export const send = (page: Page) => page.locator('#send').click()

/** All has arrived, and the page says so. */
export async function arrives(page: Page): Promise<void> {
  await page.locator('main[data-stage=done] h1', { hasText: /have arrived|has arrived/ }).waitFor()
}

/** Files of so many bytes, by name; a name may begin with folders. */
export function filesOf(t: TestContext, sizes: Readonly<Record<string, number>>): string[] {
  const home = freshDirectory(t)
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

/** A line of the queue says it, or said it since the page was loaded. */
export function isNoted(page: Page, text: RegExp): Promise<void> {
  return until(page, `noted.some((note) => ${text}.test(note))`)
}

/** The stored files, while something may still be under way. */
export function visible({ directory }: Receiver): string[] {
  return readdirSync(directory).filter((name) => name !== '.upload-cgi')
}

/** What has the focus: its name, else its id, else its tag. */
export function focused(page: Page): Promise<string> {
  return page.evaluate(`{
    const at = document.activeElement
    at.ariaLabel || at.id.replace('send', '') ||
      (/^(A|BUTTON)$/.test(at.tagName) ? at.textContent : at.tagName)
  }`)
}

/**
 * Waits for an expression to be true in the page; Playwright's own way is against the page's
 * policy.
 */
export async function until(page: Page, expression: string): Promise<void> {
  const end = Date.now() + 150_000
  while (Date.now() < end) {
    if (await page.evaluate(`Boolean(${expression})`)) return
    await delay(25)
  }
  throw new Error(`never came true: ${expression}`)
}

/** Waits for what the page does not show to come true. */
export async function comesTrue(isTrue: () => boolean): Promise<void> {
  const end = Date.now() + 150_000
  while (!isTrue()) {
    if (Date.now() > end) throw new Error(`never came true: ${isTrue}`)
    await delay(20)
  }
}

/** One of each kind. */
export const fieldsAsked = [
  { name: 'who', label: 'Your name', required: true },
  { name: 'mail', label: 'E-mail', type: 'email' },
  { name: 'what', label: 'What for', type: 'select', required: true, options: ['Web', 'Print'] },
  { name: 'agreed', label: 'I agree', type: 'checkbox', required: true },
  { name: 'more', label: 'What else', type: 'textarea' },
  { name: 'copies', label: 'Copies', type: 'number' },
  { name: 'due', label: 'Wanted by', type: 'date' },
]

export const axe = readFileSync(
  join(import.meta.dirname, '../../node_modules/axe-core/axe.min.js'),
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

/** A browser that talks to nobody but the page. */
export const chromiumArgs = [
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
  window.noted = []
  addEventListener('DOMContentLoaded', () => {
    const status = document.getElementById('status')
    if (status) new MutationObserver(() => status.textContent && heard.push(status.textContent))
      .observe(status, { childList: true, characterData: true, subtree: true })
    const queue = document.getElementById('queue')
    if (queue) new MutationObserver((records) => {
      for (const { target } of records) {
        const note = (target.closest ? target : target.parentElement)?.closest('.note')
        if (note) noted.push(note.textContent)
      }
    }).observe(queue, { childList: true, characterData: true, subtree: true })
  })
`
