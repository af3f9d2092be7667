// Three browsers behind one small door: Chromium (Playwright), Firefox (WebDriver BiDi over its
// WebSocket) and WebKitGTK (classic WebDriver: HTTP and JSON). Each starts once a file of tests,
// and ends with it. What only Chromium is asked for, page.ts asks of Playwright itself.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { chromium } from 'playwright-core'
import { find, missing } from './installed.ts'
import { chromiumArgs } from './page.ts'
import { removeTree } from './program.ts'

export type Tab = {
  open(url: string): Promise<void>
  /** The value of an expression, which may be a promise of something that JSON can say. */
  evaluate<Value>(expression: string): Promise<Value>
  /** Chooses files in the file input that the selector names. */
  choose(selector: string, paths: readonly string[]): Promise<void>
}

export type TestBrowser = {
  readonly name: string
  /** Why it cannot be tested here; false if it can. */
  readonly skip: string | false
  /** The same tab each time; the browser starts at the first call. */
  tab(): Promise<Tab>
  end(): Promise<void>
}

/** Waits for an expression to be true, for as long as a busy machine may need. */
export async function untilTrue(tab: Tab, expression: string): Promise<void> {
  const end = Date.now() + 120_000
  while (Date.now() < end) {
    if (await tab.evaluate<boolean>(`Boolean(${expression})`)) return
    await delay(50)
  }
  const page = await tab.evaluate<string>('document.body.innerText')
  throw new Error(`never came true: ${expression}\n${page}`)
}

export function startableBrowsers(): readonly TestBrowser[] {
  return [
    testBrowser('Chromium', missing('chromium'), openChromium),
    testBrowser('Firefox', missing('firefox-esr'), openFirefox),
    testBrowser('WebKitGTK', missing('WebKitWebDriver') || missing('Xvfb'), openWebKit),
  ]
}

type Opened = { readonly tab: Tab; end(): Promise<void> }

function testBrowser(
  name: string,
  skip: string | false,
  open: (home: string, own: Own) => Promise<Opened>,
): TestBrowser {
  const home = mkdtempSync(join(tmpdir(), 'browser-'))
  const started: ChildProcess[] = []
  const own: Own = (command, args, env = {}) => {
    const child = spawn(command, args, {
      env: { PATH: process.env['PATH'], HOME: home, LANG: 'en_US.UTF-8', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that its helpers end with it.
      detached: true,
    })
    started.push(child)
    return child
  }
  let opened: Promise<Opened> | undefined
  return {
    name,
    skip,
    async tab() {
      opened ??= open(home, own)
      return (await opened).tab
    },
    async end() {
      await (await opened?.catch(() => undefined))?.end().catch(() => {})
      for (const child of started.reverse()) await endGroup(child)
      removeTree(home)
    },
  }
}

/** Starts a program that ends with the browser. */
type Own = (
  command: string,
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
) => ChildProcess

async function endGroup(child: ChildProcess): Promise<void> {
  const ended = child.exitCode !== null || child.signalCode !== null
  const exit = ended ? undefined : once(child, 'exit')
  try {
    process.kill(-(child.pid ?? 0), 'SIGKILL')
  } catch {
    // All of its processes have ended.
  }
  await exit
  child.stdout?.destroy()
  child.stderr?.destroy()
}

async function openChromium(): Promise<Opened> {
  const browser = await chromium.launch({
    executablePath: find('chromium') ?? '',
    args: chromiumArgs,
    timeout: startMilliseconds,
  })
  const page = await (await browser.newContext({ locale: 'en' })).newPage()
  page.setDefaultTimeout(120_000)
  const tab: Tab = {
    async open(url) {
      await page.goto(url)
    },
    evaluate: (expression) => page.evaluate(expression),
    choose: (selector, paths) => page.locator(selector).setInputFiles([...paths]),
  }
  return { tab, end: () => browser.close() }
}

async function openFirefox(home: string, own: Own): Promise<Opened> {
  const args = ['--headless', '--no-remote', '--profile', home, '--remote-debugging-port=0']
  const firefox = own(find('firefox-esr') ?? '', args, { MOZ_DISABLE_AUTO_SAFE_MODE: '1' })
  const address = await spoken(firefox, /WebDriver BiDi listening on (ws:\S+)/)
  const call = await bidi(`${address}/session`)
  await call('session.new', { capabilities: {} })
  const { context } = await call('browsingContext.create', { type: 'tab' })
  const evaluate = async (expression: string, options: object = {}) => {
    const target = { context }
    const { type, result, exceptionDetails } = await call('script.evaluate', {
      expression,
      target,
      awaitPromise: true,
      ...options,
    })
    if (type !== 'success') throw new Error(exceptionDetails.text)
    return result
  }
  const tab: Tab = {
    async open(url) {
      await call('browsingContext.navigate', { context, url, wait: 'complete' })
    },
    async evaluate(expression) {
      const { value } = await evaluate(`Promise.resolve(${expression}).then(JSON.stringify)`)
      return value === undefined ? undefined : JSON.parse(value)
    },
    async choose(selector, paths) {
      const { sharedId } = await evaluate(`document.querySelector(${JSON.stringify(selector)})`)
      await call('input.setFiles', { context, element: { sharedId }, files: paths })
    },
  }
  return { tab, end: async () => void (await call('browser.close', {})) }
}

// biome-ignore lint/suspicious/noExplicitAny: replies of another program, one shape a command.
type Reply = any

/** Commands of WebDriver BiDi: the name and parameters of one, its result. */
async function bidi(address: string): Promise<(method: string, params: object) => Promise<Reply>> {
  const socket = new WebSocket(address)
  const open = new Map<number, { resolve(value: Reply): void; reject(error: Error): void }>()
  const fail = () => {
    for (const { reject } of open.values()) reject(new Error('the browser ended'))
  }
  await new Promise((resolve, reject) => {
    socket.onopen = resolve
    socket.onerror = () => reject(new Error(`no WebSocket at ${address}`))
  })
  socket.onclose = fail
  socket.onmessage = ({ data }) => {
    const { id, type, result, error, message } = JSON.parse(String(data))
    const waiting = open.get(id)
    open.delete(id)
    if (type === 'error') waiting?.reject(new Error(`${error}: ${message}`))
    else waiting?.resolve(result)
  }
  let last = 0
  return (method, params) =>
    new Promise((resolve, reject) => {
      open.set(++last, { resolve, reject })
      socket.send(JSON.stringify({ id: last, method, params }))
    })
}

async function openWebKit(_home: string, own: Own): Promise<Opened> {
  const display = own(find('Xvfb') ?? '', ['-displayfd', '1', '-screen', '0', '1280x1024x24'])
  const number = await spoken(display, /^(\d+)\n/)
  const port = await freePort()
  own(find('WebKitWebDriver') ?? '', ['-p', String(port), '--host=127.0.0.1'], {
    DISPLAY: `:${number}`,
    LIBGL_ALWAYS_SOFTWARE: '1',
    NO_AT_BRIDGE: '1',
    WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1',
  })
  const root = `http://127.0.0.1:${port}/session`
  const call = async (path: string, body: object): Promise<Reply> => {
    const reply = await fetch(root + path, { method: 'POST', body: JSON.stringify(body) })
    const { value } = (await reply.json()) as Reply
    if (!reply.ok) throw new Error(`${path}: ${value.error}: ${value.message}`)
    return value
  }
  await answering(`http://127.0.0.1:${port}/status`)
  const options = { binary: miniBrowser(), args: ['--automation'] }
  const capabilities = { alwaysMatch: { 'webkitgtk:browserOptions': options } }
  const { sessionId } = await call('', { capabilities })
  const timeouts = { script: 120_000, pageLoad: 120_000 }
  await call(`/${sessionId}/timeouts`, timeouts)
  const tab: Tab = {
    open: (url) => call(`/${sessionId}/url`, { url }),
    evaluate: (expression) => {
      const script = `const done = arguments[0]
        Promise.resolve(${expression}).then(done, (error) => done(String(error)))`
      return call(`/${sessionId}/execute/async`, { script, args: [] })
    },
    async choose(selector, paths) {
      const found = await call(`/${sessionId}/element`, { using: 'css selector', value: selector })
      const [element] = Object.values(found)
      await call(`/${sessionId}/element/${element}/value`, { text: paths.join('\n') })
    },
  }
  return { tab, end: async () => void (await fetch(`${root}/${sessionId}`, { method: 'DELETE' })) }
}

/** The test browser of WebKitGTK lies in the folder of the library, whose name has its version. */
function miniBrowser(): string {
  for (const library of ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/libexec'])
    for (const folder of existsSync(library) ? readdirSync(library) : []) {
      const file = join(library, folder, 'MiniBrowser')
      if (/^webkit2?gtk/.test(folder) && existsSync(file)) return file
    }
  throw new Error('no MiniBrowser of WebKitGTK')
}

/** Waits until the program writes what the pattern finds, and gives its first group. */
function spoken(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    const hear = (chunk: Buffer) => {
      said += chunk
      const found = pattern.exec(said)?.[1]
      if (found !== undefined) resolve(found)
    }
    child.stdout?.on('data', hear)
    child.stderr?.on('data', hear)
    child.on('error', reject)
    child.on('exit', () => reject(new Error(`${child.spawnfile} ended: ${said.slice(-1000)}`)))
    setTimeout(() => reject(new Error(said.slice(-1000))), startMilliseconds).unref()
  })
}

async function answering(url: string): Promise<void> {
  const end = Date.now() + startMilliseconds
  while (Date.now() < end) {
    const reply = await fetch(url).catch(() => undefined)
    if (reply?.ok) return
    await delay(50)
  }
  throw new Error(`nobody answers at ${url}`)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}

const startMilliseconds = 180_000
