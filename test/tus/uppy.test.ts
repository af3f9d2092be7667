// Uppy in Chromium against the built executable through Apache: upload, pause, resume, cancel,
// after the connection broke or the page was left; each time the file arrives once and equal.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { build } from 'esbuild'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { startApache } from '../host/apache.ts'
import { find, missing } from '../host/installed.ts'
import { chromiumArgs } from '../host/page.ts'
import { freshDirectory } from '../host/program.ts'
import { startTcpProxy } from '../host/tcp-proxy.ts'
import { looks } from '../host/tus.ts'
import {
  assertArrived,
  content,
  large,
  midst,
  type Server,
  settled,
  slow,
} from '../host/tus-clients.ts'
import { giveToServer } from '../host/user.ts'

describe('Uppy in Chromium', { skip: missing('apache2', 'chromium'), timeout: 300_000 }, () => {
  test('uploads several files, in one request each and in pieces', async (t) => {
    const kinds = [
      {},
      { chunkSize: 3_000_000 },
      { overridePatchMethod: true },
      { endpoint: '/upload/tus', chunkSize: 3_000_000 },
    ]
    for (const options of kinds) {
      const { page, server } = await openPage(t, options)
      await choose(page, { 'Größe.bin': content, 'small.txt': Buffer.from('small') })
      await start(page)
      await said(page, 'complete 2 0')
      assert.deepEqual(Object.keys(server.stored()), ['Größe.bin', 'small.txt'])
      assert.ok(readFileSync(join(server.directory, 'Größe.bin')).equals(content))
    }
  })

  for (const [name, options] of Object.entries({
    'in one request': {},
    'in pieces': { chunkSize: 1_500_000 },
    'by POST alone': { overridePatchMethod: true },
  })) {
    test(`pauses and resumes, ${name}`, async (t) => {
      const { page, server } = await openPage(t, options)
      server.proxy.bytesPerSecond = slow
      await choose(page, { 'a.bin': content })
      await start(page)
      await midst(server)
      await page.evaluate('uppy.pauseAll()')
      await delay(500)
      assert.deepEqual(server.stored(), {})
      await page.evaluate('uppy.resumeAll()')
      await said(page, 'complete 1 0')
      assertArrived(server, 'a.bin')
      assert.ok(server.proxy.received < content.length + 4_000_000, `${server.proxy.received}`)
    })

    test(`cancels, ${name}: nothing is left`, async (t) => {
      const { page, server } = await openPage(t, options)
      server.proxy.bytesPerSecond = slow
      await page.locator('input').setInputFiles(await onDisk(t, 'a.bin', large))
      await start(page)
      await midst(server)
      await page.evaluate('uppy.cancelAll()')
      server.proxy.bytesPerSecond = 0
      await settled(() => server.incoming().length === 0)
      assert.deepEqual([server.incoming(), server.stored()], [[], {}])
    })
  }

  test('goes on after the page was left, when the same file is chosen again', async (t) => {
    const { page, server, visit } = await openPage(t)
    server.proxy.bytesPerSecond = slow
    const file = await onDisk(t, 'a.bin')
    await page.locator('input').setInputFiles(file)
    await start(page)
    await midst(server)
    await page.reload()
    await visit(page)
    await page.locator('input').setInputFiles(file)
    await start(page)
    await said(page, 'complete 1 0')
    assertArrived(server, 'a.bin')
    assert.ok(server.proxy.received < content.length + 4_000_000, `${server.proxy.received}`)
  })

  test('goes on after the line broke', async (t) => {
    const { page, server } = await openPage(t)
    server.proxy.cutAfter = 5_000_000
    await choose(page, { 'a.bin': content })
    await start(page)
    await said(page, 'complete 1 0')
    assertArrived(server, 'a.bin')
    // Chromium sends once more by itself what broke off on a connection that it used before.
    assert.ok(server.proxy.received < 2 * content.length + 3_000_000, `${server.proxy.received}`)
  })

  test('goes on after some seconds offline', async (t) => {
    const { page, server, context } = await openPage(t)
    server.proxy.bytesPerSecond = slow
    await choose(page, { 'a.bin': content })
    await start(page)
    await midst(server)
    await context.setOffline(true)
    await delay(3000)
    await context.setOffline(false)
    await said(page, 'complete 1 0')
    assertArrived(server, 'a.bin')
  })

  test('uploads from a page of another site that is allowed, and from no other', async (t) => {
    const foreign = await openPage(t, {}, 'other site')
    await choose(foreign.page, { 'a.bin': content })
    await start(foreign.page)
    await said(foreign.page, 'complete 0 1')
    assert.deepEqual([foreign.server.stored(), foreign.server.incoming()], [{}, []])
    const allowed = await openPage(t, { chunkSize: 3_000_000 }, 'allowed site')
    await choose(allowed.page, { 'a.bin': content })
    await start(allowed.page)
    await said(allowed.page, 'complete 1 0')
    assertArrived(allowed.server, 'a.bin')
  })
})

type Visited = {
  page: Page
  context: BrowserContext
  server: Server
  visit(page: Page): Promise<void>
}

/** A page with Uppy on it, on the same site as the program or on another one. */
async function openPage(
  t: TestContext,
  options: object = {},
  site: 'same site' | 'other site' | 'allowed site' = 'same site',
): Promise<Visited> {
  const directory = freshDirectory(t)
  const documentRoot = freshDirectory(t)
  await writePage(documentRoot)
  giveToServer(documentRoot)
  const env: Record<string, string> = { UPLOAD_CGI_DIRECTORY: directory }
  const other = await startApache({ documentRoot, env })
  t.after(() => other.stop())
  if (site === 'allowed site') env['UPLOAD_CGI_ALLOWED_ORIGINS'] = new URL(other.url).origin
  const apache = await startApache({ documentRoot, env })
  t.after(() => apache.stop())
  const proxy = await startTcpProxy(t, Number(new URL(apache.url).port))
  const own = `http://127.0.0.1:${proxy.port}`
  const origin = site === 'same site' ? own : new URL(other.url).origin
  const server = { url: `${own}/upload/tus/`, directory, proxy, ...looks(directory) }
  const executablePath = find('chromium') ?? ''
  const browser = await chromium.launch({ executablePath, args: chromiumArgs })
  t.after(() => browser.close())
  const context = await browser.newContext()
  const page = await context.newPage()
  const settings = { endpoint: server.url, retryDelays: [0, 200, 500, 1000, 2000], ...options }
  const visit = async (at: Page) => {
    await at.goto(`${origin}/page.html`)
    await at.evaluate(`begin(${JSON.stringify(settings)})`)
  }
  await visit(page)
  return { page, context, server, visit }
}

async function choose(page: Page, files: Readonly<Record<string, Buffer>>): Promise<void> {
  const list = Object.entries(files).map(([name, buffer]) => ({
    name,
    mimeType: 'application/octet-stream',
    buffer,
  }))
  await page.locator('input').setInputFiles(list)
}

/** A file of one and the same time, as it is when a person chooses it again. */
async function onDisk(t: TestContext, name: string, bytes = content): Promise<string> {
  const path = join(freshDirectory(t), name)
  writeFileSync(path, bytes)
  return path
}

async function start(page: Page): Promise<void> {
  await page.evaluate('void uppy.upload()')
}

/** Waits until Uppy says so. */
async function said(page: Page, what: string): Promise<void> {
  try {
    await until(page, `said.includes(${JSON.stringify(what)})`)
  } catch (error) {
    throw new Error(`${what}: ${JSON.stringify(await page.evaluate('said'))}`, { cause: error })
  }
}

async function until(page: Page, expression: string): Promise<void> {
  await settled(() => page.evaluate<boolean>(`Boolean(${expression})`))
}

async function writePage(documentRoot: string): Promise<void> {
  const { outputFiles } = await build({
    stdin: { contents: uppyPage, resolveDir: resolve(import.meta.dirname, '../..') },
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: 'es2022',
  })
  const script = (outputFiles[0]?.text ?? '').replaceAll('</script', '<\\/script')
  const html = `<!doctype html><meta charset="utf-8"><input type="file" multiple><script>${script}</script>`
  writeFileSync(join(documentRoot, 'page.html'), html, { mode: 0o644 })
}

const uppyPage = `
  import Uppy from '@uppy/core'
  import Tus from '@uppy/tus'
  window.said = []
  window.begin = (options) => {
    const uppy = new Uppy().use(Tus, options)
    uppy.on('upload-error', (file, error) => said.push('error ' + error))
    uppy.on('complete', ({ successful, failed }) =>
      said.push('complete ' + successful.length + ' ' + failed.length))
    document.querySelector('input').addEventListener('change', ({ target }) => {
      for (const data of target.files) {
        uppy.addFile({ source: 'page', name: data.name, type: data.type, data })
      }
    })
    window.uppy = uppy
  }`
