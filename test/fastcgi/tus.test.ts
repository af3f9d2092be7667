// A tus client through nginx and a FastCGI process: it pauses in the middle, resumes from what has
// arrived, and the file arrives once and equal.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Upload } from 'tus-js-client'
import { incoming } from '../host/form.ts'
import { incomingBytes } from '../host/incoming.ts'
import { missing } from '../host/installed.ts'
import {
  assertArrived,
  content,
  metadata,
  settled,
  slow,
  startServer,
} from '../host/tus-clients.ts'

process.env['UPLOAD_CGI_THROUGH'] = 'fastcgi'

test('tus-js-client pauses and resumes', { skip: missing('nginx') }, async (t) => {
  const server = await startServer(t)
  server.proxy.bytesPerSecond = slow
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const upload = new Upload(content, {
    endpoint: server.url,
    metadata,
    retryDelays: [100, 1000, 1000, 5000],
    onSuccess: () => resolve(),
    onError: reject,
  })
  upload.start()
  const { directory } = server
  await settled(() => incoming(directory).some((name) => incomingBytes(directory, name) > 1e6))
  await upload.abort()
  // Until then bytes of the first request arrive.
  await settled(() => !server.incoming().includes('claim-1'))
  assert.deepEqual(server.stored(), {})
  const { proxy } = server
  const before = proxy.received
  proxy.bytesPerSecond = 0
  upload.start()
  await promise
  assertArrived(server, 'Größe.bin')
  assert.ok(proxy.received - before < content.length - 900_000, `${proxy.received} ${before}`)
})
