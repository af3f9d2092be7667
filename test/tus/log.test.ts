// What the log says of an upload by tus.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { eachWay } from '../host/tus.ts'
import { base64, content, create, patch } from '../host/tus-requests.ts'

eachWay((rule) => {
  rule(
    'the log has a line for the finished upload, with its pieces and the other metadata',
    async (server, t) => {
      const log = `${server.directory}.log`
      t.after(() => rmSync(log, { force: true }))
      const headers = {
        'Upload-Metadata': `filename ${base64('a.txt')},note ${base64('for Ann')}`,
      }
      const path = await create(server, { length: content.length, headers })
      await patch(server, path, 0, content.subarray(0, 5))
      await patch(server, path, 5, content.subarray(5))
      const lines = readFileSync(log, 'utf8').trim().split('\n')
      const last = JSON.parse(lines.at(-1) ?? '')
      assert.deepEqual(
        [last.method, last.status, last.pieces, last.files[0].stored, last.fields],
        ['PATCH', 204, 2, 'a.txt', [['note', 'for Ann']]],
      )
      assert.equal(last.files[0].sha256, createHash('sha256').update(content).digest('hex'))
      assert.equal(lines.length, 3)
    },
    { UPLOAD_CGI_LOG_FILE: '{directory}.log' },
  )
})
