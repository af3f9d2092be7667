// tus-js-client in Node against the built executable through Apache: upload, pause, resume, cancel,
// after the sender died or the connection broke; each time the file arrives once and equal.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, test } from 'node:test'
import * as tus from 'tus-js-client'
import { missing } from '../host/installed.ts'
import { freshDirectory } from '../host/program.ts'
import {
  assertArrived,
  content,
  large,
  metadata,
  midst,
  type Server,
  settled,
  slow,
  startServer,
} from '../host/tus-clients.ts'

// Missing in its declarations.
const { FileUrlStorage } = tus as unknown as {
  FileUrlStorage: new (path: string) => tus.UrlStorage
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
      // What was given up may still be on its way, and the upload is locked until it has arrived.
      retryDelays: [0, 100, 300, 1000, 1000, 3000, 3000, 3000],
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

  /** Starts or resumes; the promise resolves when it is done. */
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
      server.proxy.bytesPerSecond = slow
      const client = new Client(server, options)
      await runUntilMidst(client, server, () => client.upload.abort())
      assert.deepEqual(server.stored(), {})
      await client.run()
      assertArrived(server, 'Größe.bin')
      // What the connection and the server held when it was cut, or the piece under way; and what
      // was sent while the upload was still locked.
      const inVain = client.replies.filter((reply) => / 4\d\d$/.test(reply)).length
      const most = content.length + 2_500_000 + inVain * 1_500_000
      assert.ok(server.proxy.received < most, `${server.proxy.received} ${client.replies}`)
    })

    test(`cancels, ${name}: nothing is left`, async (t) => {
      const server = await startServer(t)
      server.proxy.bytesPerSecond = slow
      const client = new Client(server, options, large)
      await runUntilMidst(client, server, () => {
        const end = client.upload.abort(true)
        server.proxy.bytesPerSecond = 0
        return end
      })
      await settled(() => server.incoming().length === 0)
      assert.deepEqual([server.incoming(), server.stored()], [[], {}])
    })
  }

  test('goes on by itself after the line broke, in one request', async (t) => {
    const server = await startServer(t)
    server.proxy.cutAfter = 5_000_000
    const client = new Client(server)
    await client.run()
    assertArrived(server, 'Größe.bin')
    assert.ok(server.proxy.received < content.length + 3_000_000, `${server.proxy.received}`)
    assert.ok(client.replies.includes('HEAD 200'), `${client.replies}`)
  })

  test('finds out that all was stored when only the last reply was lost', async (t) => {
    const server = await startServer(t)
    server.proxy.muteAfter = content.length
    const client = new Client(server)
    await client.run()
    assertArrived(server, 'Größe.bin')
    assert.deepEqual(client.replies, ['POST 201', 'HEAD 200'])
  })

  test('goes on where another process was killed', async (t) => {
    const server = await startServer(t)
    server.proxy.bytesPerSecond = slow
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
    assert.ok(server.proxy.received < content.length + 2_500_000, `${server.proxy.received}`)
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
    server.proxy.bytesPerSecond = slow
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

  test('parallel uploads and a deferred length are refused with a reason', async (t) => {
    const server = await startServer(t)
    const parallel = new Client(server, { parallelUploads: 2, retryDelays: null })
    await assert.rejects(parallel.run(), /Upload-Concat is not offered/)
    const deferred = new Client(server, { uploadLengthDeferred: true }, content)
    await assert.rejects(deferred.run(), /Upload-Defer-Length is not offered/)
    assert.deepEqual([server.incoming(), server.stored()], [[], {}])
  })
})
