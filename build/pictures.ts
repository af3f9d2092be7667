// npm run pictures: makes docs/form.png, form-dark.png and form-phone.png from the page of the
// built executable in Chromium, with some files stored and one on its way. The files are made here
// and always have the same sizes.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type BrowserContextOptions, chromium } from 'playwright-core'

const root = resolve(import.meta.dirname, '..')
const home = mkdtempSync(join(tmpdir(), 'upload-cgi-pictures-'))
mkdirSync(join(home, 'uploads'))
const args = ['serve', '--port', '0', '--directory', join(home, 'uploads')]
const server = spawn(join(root, 'build/upload.cgi'), args, {
  env: { PATH: process.env['PATH'], UPLOAD_CGI_CHECKSUM: 'none' },
  stdio: ['ignore', 'pipe', 'inherit'],
})
const [said] = await once(server.stdout, 'data')
const url = /http:\S+/.exec(String(said))?.[0] ?? ''
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
})
try {
  await picture('form.png', { viewport: { width: 800, height: 600 }, colorScheme: 'light' })
  await picture('form-dark.png', { viewport: { width: 800, height: 600 }, colorScheme: 'dark' })
  await picture('form-phone.png', {
    viewport: { width: 390, height: 844 },
    hasTouch: true,
    isMobile: true,
  })
} finally {
  await browser.close()
  server.kill()
  rmSync(home, { recursive: true })
}

async function picture(name: string, options: BrowserContextOptions): Promise<void> {
  rmSync(join(home, 'uploads'), { recursive: true, force: true })
  mkdirSync(join(home, 'uploads'))
  const context = await browser.newContext({ locale: 'en', ...options })
  const page = await context.newPage()
  await page.goto(url)
  await page
    .locator('#file')
    .setInputFiles([file('Minutes of May.pdf', 184_000), file('Plan.odt', 52_000)])
  await page.locator('#send').click()
  await page.locator('main[data-stage=done]').waitFor()
  const line = await context.newCDPSession(page)
  await line.send('Network.enable')
  const speed = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 4e6 }
  await line.send('Network.emulateNetworkConditions', speed)
  await page.locator('#file').setInputFiles([file('Summer concert.mp4', 24e6)])
  await page.locator('#send').click()
  while (
    !(await page.evaluate(`document.querySelector('[data-state=sending] progress')?.value > 0.4`))
  );
  await page.screenshot({ path: join(root, 'docs', name), fullPage: true })
  await context.close()
}

function file(name: string, bytes: number): string {
  const path = join(home, name)
  writeFileSync(path, Buffer.alloc(bytes, name))
  return path
}
