// Pages of another site in Chromium that send to the program: Dropzone as it comes, jQuery's
// headers, a script with credentials, the program's own form as a static file. From an allowed site
// all of them store, and hear so; from another one nothing is stored. (test/tus has Uppy.)

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import { startApache } from '../host/apache.ts'
import { visible } from '../host/form.ts'
import { find, missing } from '../host/installed.ts'
import { becomes, chromiumArgs, filesOf } from '../host/page.ts'
import { freshDirectory, program } from '../host/program.ts'
import { type Receiver, startReceiver } from '../host/serve.ts'

const skip = missing('chromium')
const options = { skip, timeout: 120_000 }
const root = resolve(import.meta.dirname, '../..')
let browser: Promise<Browser> | undefined
after(async () => (await browser)?.close())

test('Dropzone with its defaults stores from an allowed site, and hears so', options, async (t) => {
  const { page, receiver } = await openPage(t, 'allowed')
  await page.locator('input').setInputFiles(filesOf(t, { 'Größe.txt': 3000, 'b.txt': 5 }))
  await settled(page, 2)
  assert.deepEqual(await page.evaluate('said.sort()'), [
    'success Größe.txt Größe.txt',
    'success b.txt b.txt',
  ])
  assert.deepEqual([...receiver.stored().keys()].sort(), ['Größe.txt', 'b.txt'])
})

test('Dropzone hears why a file is refused', options, async (t) => {
  const { page, receiver } = await openPage(t, 'allowed')
  await page.locator('input').setInputFiles(filesOf(t, { 'b.php': 5 }))
  await settled(page, 1)
  assert.match(String(await page.evaluate('said[0]')), /^error .*EXTENSION_REFUSED/)
  assert.deepEqual([...receiver.stored().keys()], [])
})

test('from a site that is not allowed nothing is stored', options, async (t) => {
  const { page, receiver } = await openPage(t, 'other')
  await page.locator('input').setInputFiles(filesOf(t, { 'a.txt': 5 }))
  await settled(page, 1)
  assert.match(String(await page.evaluate('said[0]')), /^error /)
  for (const init of ['{}', "{ mode: 'no-cors' }", "{ credentials: 'include' }"]) {
    await page.evaluate(`post(${init})`)
  }
  assert.deepEqual([...receiver.stored().keys()], [])
})

test('what is sent with credentials and the usual headers is heard of', options, async (t) => {
  const { page, receiver } = await openPage(t, 'allowed')
  const headers = `{
    Accept: 'application/json',
    Authorization: 'Bearer x',
    'Cache-Control': 'no-cache',
    'X-Requested-With': 'XMLHttpRequest',
  }`
  for (const init of [
    "{ credentials: 'include' }",
    `{ headers: ${headers} }`,
    `{ credentials: 'include', headers: ${headers} }`,
  ]) {
    assert.equal(await page.evaluate(`post(${init})`), 201, init)
  }
  assert.equal(receiver.stored().size, 3)
})

test('one preflight is enough for all that a page sends', options, async (t) => {
  const { page, log } = await openPage(t, 'allowed')
  const init = "{ headers: { 'X-Requested-With': 'XMLHttpRequest' } }"
  for (let i = 0; i < 3; i++) assert.equal(await page.evaluate(`post(${init})`), 201)
  const methods = log().map(({ method }) => method)
  assert.deepEqual(methods, ['OPTIONS', 'POST', 'POST', 'POST'])
})

test('the own form as a static file on an allowed site stores in pieces', options, async (t) => {
  const { page, receiver } = await openPage(t, 'allowed')
  await page.goto(`${page.url()}form?${encodeURIComponent(receiver.url)}`)
  await page.locator('#file').setInputFiles(filesOf(t, { 'b.bin': 20_000_000, 'c.txt': 5 }))
  await page.locator('#send').click()
  for (const name of ['b.bin', 'c.txt']) await becomes(page, name, 'stored')
  assert.deepEqual(visible(receiver.directory).sort(), ['b.bin', 'c.txt'])
})

test('a plain form on an allowed site is believed by its Origin', options, async (t) => {
  const { page, receiver } = await openPage(t, 'allowed')
  await page.evaluate(`plainForm()`)
  await page.locator('#plain input').setInputFiles(filesOf(t, { 'a.txt': 5 }))
  await Promise.all([
    page.waitForURL(receiver.url, { timeout: 150_000 }),
    page.locator('#plain button').click(),
  ])
  assert.deepEqual([...receiver.stored().keys()], ['a.txt'])
})

test('the form without script passes under a server-wide Referrer-Policy: no-referrer', {
  ...options,
  skip: missing('chromium', 'apache2'),
}, async (t) => {
  const directory = freshDirectory(t)
  const apache = await startApache({
    env: { UPLOAD_CGI_DIRECTORY: directory },
    extra:
      'LoadModule headers_module /usr/lib/apache2/modules/mod_headers.so\n' +
      'Header always set Referrer-Policy no-referrer\nHeader set Referrer-Policy no-referrer',
  })
  t.after(() => apache.stop())
  // Over http Chromium sends Sec-Fetch-Site to this machine's own names only.
  const args = [...chromiumArgs, '--host-resolver-rules=MAP upload.example 127.0.0.1']
  const executablePath = find('chromium') ?? ''
  const named = await chromium.launch({ executablePath, args })
  t.after(() => named.close())
  const page = await (await named.newContext({ javaScriptEnabled: false })).newPage()
  await page.goto(apache.url.replace('127.0.0.1', 'upload.example'))
  await page.locator('#file').setInputFiles(filesOf(t, { 'a.txt': 5 }))
  await page.locator('#send').click()
  await page.locator('code').first().waitFor({ timeout: 150_000 })
  assert.deepEqual(visible(directory), ['a.txt'], await page.content())
})

type Opened = {
  readonly page: Page
  readonly receiver: Receiver
  /** The lines of `log_file` so far. */
  log(): readonly { readonly method: string }[]
}

/** A page of `http://localhost`; the program has the same machine's other name. */
async function openPage(t: TestContext, site: 'allowed' | 'other'): Promise<Opened> {
  const script = readFileSync(join(root, 'node_modules/dropzone/dist/dropzone-min.js'), 'utf8')
  const server = createServer(({ url = '' }, reply) => {
    reply.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' })
    const [path, action = ''] = url.split('?')
    if (path === '/form') return reply.end(staticForm(decodeURIComponent(action)))
    reply.end(`<!doctype html><title>page</title><script>${script}</script><script>${own}</script>`)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`
  const logFile = join(freshDirectory(t), 'log')
  const receiver = await startReceiver(t, {
    UPLOAD_CGI_ALLOWED_ORIGINS: site === 'allowed' ? origin : 'https://friend.example',
    UPLOAD_CGI_LOG_FILE: logFile,
  })
  browser ??= chromium.launch({ executablePath: find('chromium') ?? '', args: chromiumArgs })
  const context = await (await browser).newContext()
  t.after(() => context.close())
  const page = await context.newPage()
  await page.goto(origin)
  await page.evaluate(`begin(${JSON.stringify(receiver.url)})`)
  const log = () => {
    const lines = readFileSync(logFile, 'utf8').trim().split('\n')
    return lines.map((line) => JSON.parse(line))
  }
  return { page, receiver, log }
}

function staticForm(action: string): string {
  const args = ['form', '--action', action]
  // Without UPLOAD_CGI_NO_SKIPS, which is no setting.
  return execFileSync(program, args, { encoding: 'utf8', maxBuffer: 1e8, env: {} })
}

/** Waits until Dropzone has told of so many files. */
async function settled(page: Page, files: number): Promise<void> {
  await page.waitForFunction(`said.length >= ${files}`, undefined, { timeout: 150_000 })
}

const own = `
  window.said = []
  window.begin = (url) => {
    window.url = url
    const zone = document.body.appendChild(document.createElement('div'))
    const dropzone = new Dropzone(zone, { url })
    dropzone.on('success', (file, answer) =>
      said.push('success ' + file.name + ' ' + answer.files?.[0].stored))
    dropzone.on('error', (file, answer) =>
      said.push('error ' + file.name + ' ' + JSON.stringify(answer)))
  }
  window.post = async (init) => {
    const body = new FormData()
    body.append('file', new File(['hello'], 'a.txt'))
    try {
      return (await fetch(url, { method: 'POST', body, ...init })).status
    } catch (error) {
      return String(error)
    }
  }
  window.plainForm = () => {
    const form = document.body.appendChild(document.createElement('form'))
    Object.assign(form, { id: 'plain', method: 'post', action: url, enctype: 'multipart/form-data' })
    form.innerHTML = '<input type="file" name="file"><button>Send</button>'
  }
`
