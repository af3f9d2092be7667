// People's tus clients against the built executable through Apache: tus-js-client in Node, Uppy in Chromium.
// Upload, pause, resume, cancel, go on after the sender died, the line broke or the page was left; each time
// the file arrives once and equal.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { build } from 'esbuild'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import * as tus from 'tus-js-client'
import { startApache } from '../host/apache.ts'
import { find, missing } from '../host/installed.ts'
import { chromiumArgs } from '../host/page.ts'
import { freshDirectory } from '../host/program.ts'
import { startTcpProxy, type TcpProxy } from '../host/tcp-proxy.ts'
import { looks, startTusApache } from '../host/tus.ts'
import { giveToServer } from '../host/user.ts'

// Missing in its declarations.
const { FileUrlStorage } = tus as unknown as {
  FileUrlStorage: new (path: string) => tus.UrlStorage
}
const content = randomBytes(8_000_000)
/** More than systems hold on the way: of a smaller one all may have left the sender who gives it up. */
const large = randomBytes(48_000_000)
const metadata = { filename: 'Größe.bin', filetype: 'application/octet-stream' }
/** Slow enough to be stopped on the way. */
const slow = 4_000_000

type Server = { url: string; directory: string; line: TcpProxy } & ReturnType<typeof looks>

async function startServer(t: TestContext, settings: Record<string, string> = {}): Promise<Server> {
  const directory = freshDirectory(t)
  const apache = await startTusApache(t, directory, settings)
  const line = await startTcpProxy(t, Number(new URL(apache).port))
  const url = apache.replace(/:\d+/, `:${line.port}`)
  return { url: `${url}/tus/`, directory, line, ...looks(directory) }
}

function assertArrived(server: Server, name: string, bytes = content): void {
  assert.deepEqual(Object.keys(server.stored()), [name])
  assert.ok(readFileSync(join(server.directory, name)).equals(bytes))
  assert.deepEqual(server.incoming(), ['journal'])
}

class Client {
  readonly upload: tus.Upload
  /** Method and status of each reply. */
  readonly replies: string[] = []
  readonly #url: string
  #done: () => void = () => undefined
  #failed: (error: unknown) => void = () => undefined
  lastReply: tus.HttpResponse | undefined

  constructor(server: Server, options: tus.UploadOptions = {}, source: unknown = content) {
    this.#url = server.url
    this.upload = new tus.Upload(source as Buffer, {
      endpoint: this.#url,
      metadata,
      retryDelays: [0, 100, 300, 1000, 1000],
      onAfterResponse: (request, reply) => {
        this.replies.push(`${request.getMethod()} ${reply.getStatus()}`)
      },
      onSuccess: ({ lastResponse }) => {
        this.lastReply = lastResponse
        this.#done()
      },
      onError: (error) => this.#failed(error),
      ...options,
    })
  }

  /** Starts, or goes on; resolves when it is done. */
  run(): Promise<void> {
    const ended = new Promise<void>((done, failed) => {
      this.#done = done
      this.#failed = failed
    })
    this.upload.start()
    return ended
  }
}

/** Starts it and stops it in its midst. */
async function runUntilMidst(
  client: Client,
  server: Server,
  stop: () => Promise<void>,
): Promise<void> {
  const end = client.run()
  await Promise.race([midst(server), end])
  await stop()
}

/** What a client calls sent may still lie in the buffers of its system: the program must have begun. */
function midst({ line, incoming }: Server): Promise<void> {
  return settled(() => line.received > 3_000_000 && incoming().includes('claim-1'))
}

describe('tus-js-client', { skip: missing('apache2'), timeout: 300_000 }, () => {
  test('uploads in one request, and is told where the file is', async (t) => {
    const server = await startServer(t)
    const client = new Client(server)
    await client.run()
    assertArrived(server, 'Größe.bin')
    assert.deepEqual(client.replies, ['POST 201', 'PATCH 204'])
    assert.equal(client.lastReply?.getHeader('Content-Location'), 'Gr%C3%B6%C3%9Fe.bin')
  })

  test('uploads in pieces', async (t) => {
    const server = await startServer(t)
    const client = new Client(server, { chunkSize: 3_000_000 })
    await client.run()
    assertArrived(server, 'Größe.bin')
    assert.deepEqual(client.replies, ['POST 201', 'PATCH 204', 'PATCH 204', 'PATCH 204'])
  })

  test('uploads with the creation, whole and in pieces', async (t) => {
    for (const chunkSize of [Infinity, 3_000_000]) {
      const server = await startServer(t)
      const client = new Client(server, { chunkSize, uploadDataDuringCreation: true })
      await client.run()
      assertArrived(server, 'Größe.bin')
      assert.equal(client.replies.length, chunkSize === Infinity ? 1 : 3)
    }
  })

  test('uploads by POST alone, where PATCH does not get through', async (t) => {
    const server = await startServer(t)
    const client = new Client(server, { overridePatchMethod: true, chunkSize: 3_000_000 })
    await client.run()
    assertArrived(server, 'Größe.bin')
    assert.deepEqual(client.replies, ['POST 201', 'POST 204', 'POST 204', 'POST 204'])
  })

  test('uploads an empty file', async (t) => {
    const server = await startServer(t)
    const client = new Client(server, {}, Buffer.alloc(0))
    await client.run()
    assertArrived(server, 'Größe.bin', Buffer.alloc(0))
  })

  test('uploads a stream of known length', async (t) => {
    const server = await startServer(t)
    const path = join(freshDirectory(t), 'source')
    writeFileSync(path, content)
    const client = new Client(
      server,
      { uploadSize: content.length, chunkSize: 2_000_000 },
      createReadStream(path),
    )
    await client.run()
    assertArrived(server, 'Größe.bin')
  })

  for (const [name, options] of Object.entries({
    'in one request': {},
    'in pieces': { chunkSize: 1_500_000 },
    'by POST alone': { overridePatchMethod: true },
  })) {
    test(`pauses and goes on, ${name}: what arrived is not sent again`, async (t) => {
      const server = await startServer(t)
      server.line.bytesPerSecond = slow
      const client = new Client(server, options)
      await runUntilMidst(client, server, () => client.upload.abort())
      assert.deepEqual(server.stored(), {})
      await client.run()
      assertArrived(server, 'Größe.bin')
      // What the line and the server held when it was cut, or the piece under way.
      assert.ok(server.line.received < content.length + 2_500_000, `${server.line.received}`)
    })

    test(`cancels, ${name}: nothing is left`, async (t) => {
      const server = await startServer(t)
      server.line.bytesPerSecond = slow
      const client = new Client(server, options, large)
      await runUntilMidst(client, server, () => {
        const end = client.upload.abort(true)
        server.line.bytesPerSecond = 0
        return end
      })
      await settled(() => server.incoming().length === 0)
      assert.deepEqual([server.incoming(), server.stored()], [[], {}])
    })
  }

  test('goes on by itself after the line broke, in one request', async (t) => {
    const server = await startServer(t)
    server.line.cutAfter = 5_000_000
    const client = new Client(server)
    await client.run()
    assertArrived(server, 'Größe.bin')
    assert.ok(server.line.received < content.length + 3_000_000, `${server.line.received}`)
    assert.ok(client.replies.includes('HEAD 200'), `${client.replies}`)
  })

  test('finds out that all was stored when only the last reply was lost', async (t) => {
    const server = await startServer(t)
    server.line.muteAfter = content.length
    const client = new Client(server)
    await client.run()
    assertArrived(server, 'Größe.bin')
    assert.deepEqual(client.replies, ['POST 201', 'HEAD 200'])
  })

  test('goes on where another process was killed', async (t) => {
    const server = await startServer(t)
    server.line.bytesPerSecond = slow
    const home = freshDirectory(t)
    const [source, urls] = [join(home, 'source'), join(home, 'urls.json')]
    writeFileSync(source, content)
    const script = `
      import { createReadStream } from 'node:fs'
      import * as tus from 'tus-js-client'
      new tus.Upload(createReadStream(${JSON.stringify(source)}), {
        endpoint: ${JSON.stringify(server.url)},
        metadata: ${JSON.stringify(metadata)},
        urlStorage: new tus.FileUrlStorage(${JSON.stringify(urls)}),
      }).start()`
    const args = ['--input-type=module', '--eval', script]
    const other = spawn(process.execPath, args, {
      cwd: resolve(import.meta.dirname, '../..'),
      stdio: 'inherit',
    })
    await midst(server)
    other.kill('SIGKILL')
    await once(other, 'exit')
    const urlStorage = new FileUrlStorage(urls)
    const client = new Client(server, { urlStorage }, createReadStream(source))
    const [previous] = await client.upload.findPreviousUploads()
    assert.ok(previous !== undefined)
    client.upload.resumeFromPreviousUpload(previous)
    await client.run()
    assertArrived(server, 'Größe.bin')
    assert.ok(!client.replies.includes('POST 201'), `${client.replies}`)
    assert.ok(server.line.received < content.length + 2_500_000, `${server.line.received}`)
  })

  test('starts anew when the upload it remembers is gone', async (t) => {
    const server = await startServer(t)
    const uploadUrl = `${server.url}0123456789abcdef0123456789abcdef`
    const client = new Client(server, { uploadUrl })
    await client.run()
    assertArrived(server, 'Größe.bin')
    assert.deepEqual(client.replies, ['HEAD 404', 'POST 201', 'PATCH 204'])
  })

  test('terminates an upload by its address', async (t) => {
    const server = await startServer(t)
    server.line.bytesPerSecond = slow
    const client = new Client(server, { chunkSize: 1_000_000 })
    await runUntilMidst(client, server, () => client.upload.abort())
    await tus.Upload.terminate(client.upload.url ?? '', { retryDelays: [100, 300, 1000] })
    await settled(() => server.incoming().length === 0)
    assert.deepEqual([server.incoming(), server.stored()], [[], {}])
  })

  test('hears the reason when a file is refused', async (t) => {
    const server = await startServer(t, { UPLOAD_CGI_MAX_FILE_SIZE: '1MB' })
    const tooLarge = new Client(server)
    await assert.rejects(tooLarge.run(), /response code: 413, response text: FILE_TOO_LARGE/)
    const script = new Client(server, { metadata: { filename: 'a.php' } }, Buffer.from('x'))
    await assert.rejects(script.run(), /response code: 415, response text: EXTENSION_REFUSED/)
    assert.deepEqual([server.incoming(), server.stored()], [[], {}])
  })

  test('is refused with a reason what is not offered: parallel uploads, deferred length', async (t) => {
    const server = await startServer(t)
    const parallel = new Client(server, { parallelUploads: 2, retryDelays: null })
    await assert.rejects(parallel.run(), /Upload-Concat is not offered/)
    const deferred = new Client(server, { uploadLengthDeferred: true }, content)
    await assert.rejects(deferred.run(), /Upload-Defer-Length is not offered/)
    assert.deepEqual([server.incoming(), server.stored()], [[], {}])
  })
})

describe('Uppy in Chromium', { skip: missing('apache2', 'chromium'), timeout: 300_000 }, () => {
  test('uploads several files, in one request each and in pieces', async (t) => {
    for (const options of [{}, { chunkSize: 3_000_000 }, { overridePatchMethod: true }]) {
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
      server.line.bytesPerSecond = slow
      await choose(page, { 'a.bin': content })
      await start(page)
      await midst(server)
      await page.evaluate('uppy.pauseAll()')
      await delay(500)
      assert.deepEqual(server.stored(), {})
      await page.evaluate('uppy.resumeAll()')
      await said(page, 'complete 1 0')
      assertArrived(server, 'a.bin')
      assert.ok(server.line.received < content.length + 4_000_000, `${server.line.received}`)
    })

    test(`cancels, ${name}: nothing is left`, async (t) => {
      const { page, server } = await openPage(t, options)
      server.line.bytesPerSecond = slow
      await page.locator('input').setInputFiles(await onDisk(t, 'a.bin', large))
      await start(page)
      await midst(server)
      await page.evaluate('uppy.cancelAll()')
      server.line.bytesPerSecond = 0
      await settled(() => server.incoming().length === 0)
      assert.deepEqual([server.incoming(), server.stored()], [[], {}])
    })
  }

  test('goes on after the page was left, when the same file is chosen again', async (t) => {
    const { page, server, visit } = await openPage(t)
    server.line.bytesPerSecond = slow
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
    assert.ok(server.line.received < content.length + 4_000_000, `${server.line.received}`)
  })

  test('goes on after the line broke', async (t) => {
    const { page, server } = await openPage(t)
    server.line.cutAfter = 5_000_000
    await choose(page, { 'a.bin': content })
    await start(page)
    await said(page, 'complete 1 0')
    assertArrived(server, 'a.bin')
    // Chromium sends once more by itself what broke off on a connection that it used before.
    assert.ok(server.line.received < 2 * content.length + 3_000_000, `${server.line.received}`)
  })

  test('goes on after some seconds offline', async (t) => {
    const { page, server, context } = await openPage(t)
    server.line.bytesPerSecond = slow
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
  const line = await startTcpProxy(t, Number(new URL(apache.url).port))
  const own = `http://127.0.0.1:${line.port}`
  const origin = site === 'same site' ? own : new URL(other.url).origin
  const server = { url: `${own}/upload/tus/`, directory, line, ...looks(directory) }
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

async function settled(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await isSo()) return
    await delay(50)
  }
  throw new Error('never came true')
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
