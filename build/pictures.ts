// npm run pictures: makes the pictures of docs/screenshots.md, and those of the README, from the
// page of the built executable in Chromium: each stage, on a desktop and on a phone, light and
// dark. The files are made here and always have the same sizes; one of them is refused.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const root = resolve(import.meta.dirname, '..')
const home = mkdtempSync(join(tmpdir(), 'upload-cgi-pictures-'))
mkdirSync(join(home, 'uploads'))
const args = ['serve', '--port', '0', '--directory', join(home, 'uploads')]
const server = spawn(join(root, 'build/upload.cgi'), args, {
  env: { PATH: process.env['PATH'] },
  stdio: ['ignore', 'pipe', 'inherit'],
})
const [said] = await once(server.stdout, 'data')
const url = /http:\S+/.exec(String(said))?.[0] ?? ''
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
})
const desktop = { viewport: { width: 800, height: 820 } }
const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }
try {
  await pictures('form', { ...desktop, colorScheme: 'light' })
  await pictures('form-dark', { ...desktop, colorScheme: 'dark' })
  await pictures('form-phone', { ...phone, colorScheme: 'light' })
  await pictures('form-phone-dark', { ...phone, colorScheme: 'dark' })
} finally {
  await browser.close()
  server.kill()
  rmSync(home, { recursive: true })
}

/** The stage in which files are sent has the name alone, since the README shows it. */
async function pictures(name: string, options: BrowserContextOptions): Promise<void> {
  rmSync(join(home, 'uploads'), { recursive: true, force: true })
  mkdirSync(join(home, 'uploads'))
  const context = await browser.newContext({ locale: 'en', ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(120_000)
  const picture = (stage: string) =>
    page.screenshot({ path: join(root, 'docs', `${name}${stage}.png`) })
  await page.goto(url)
  await picture('-choose')
  const sizes = { 'Minutes of May.pdf': 184_000, 'Plan.odt': 52_000, 'page.php': 900 }
  const chosen = Object.entries({ 'Summer concert.mp4': 24e6, ...sizes })
  await page.locator('#file').setInputFiles(chosen.map(([file, bytes]) => made(file, bytes)))
  await page.locator('main[data-stage=ready]').waitFor()
  await picture('-ready')
  const line = await context.newCDPSession(page)
  await line.send('Network.enable')
  const speed = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 4e6 }
  await line.send('Network.emulateNetworkConditions', speed)
  await page.locator('#send').click()
  while (
    !(await page.evaluate(`document.querySelector('[data-state=sending] progress')?.value > 0.4`))
  );
  await picture('')
  await page.locator('main:is([data-stage=done], [data-stage=partly])').waitFor()
  await picture('-done')
  await picturesOfFailure(page, picture)
  await context.close()
}

/** One of two files is answered by a server that asks for a sign-in; then a form without a file. */
async function picturesOfFailure(
  page: Page,
  picture: (stage: string) => Promise<unknown>,
): Promise<void> {
  await page.goto(url)
  await page.evaluate('sessionStorage.clear()')
  await page.reload()
  let posts = 0
  await page.route('**/*', (route) => {
    const isRefused = route.request().method() === 'POST' && ++posts === 1
    return isRefused ? route.fulfill({ status: 401 }) : route.continue()
  })
  const chosen = Object.entries({ 'Minutes of June.pdf': 91_000, 'Map.png': 60_000 })
  await page.locator('#file').setInputFiles(chosen.map(([file, bytes]) => made(file, bytes)))
  await page.locator('#send').click()
  await page.locator('main[data-stage=partly]').waitFor()
  await picture('-partly')
  await page.unroute('**/*')
  await page.goto(url)
  // Not by its button, which asks for a file first.
  await page.evaluate(`document.getElementById('form').submit()`)
  await page.locator('main[data-stage=error]').waitFor()
  await picture('-error')
}

function made(name: string, bytes: number): string {
  const path = join(home, name)
  writeFileSync(path, Buffer.alloc(bytes, name))
  return path
}
