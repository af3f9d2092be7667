// One submission, whichever way its files come: by a plain post, in pieces and by tus.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endOf, openExchange } from '../host/core.ts'
import { freshDirectory } from '../host/program.ts'
import {
  add,
  batchesOf,
  close,
  fileField,
  id,
  notesOf,
  receiptOf,
  send,
  settingsOf,
  textField,
  visible,
} from '../host/record.ts'
import { base64, pieceType } from '../host/tus-requests.ts'

const own = textField('_submission', id('a'))
const names = (files: readonly { readonly stored: string }[]) => files.map(({ stored }) => stored)

function sendPiece(directory: string, offset: number, content: string) {
  const fields = { _upload: id('c'), _offset: String(offset), _size: '8', _filename: 'pieces.txt' }
  const texts = Object.entries(fields).map(([name, value]) => textField(name, value))
  return send(directory, [own, ...texts, fileField('blob', content)])
}

function sendByTus(directory: string, name: string, content: string) {
  const exchange = openExchange(
    {
      REQUEST_METHOD: 'POST',
      SCRIPT_NAME: '/cgi-bin/upload.cgi',
      PATH_INFO: '/tus/',
      CONTENT_TYPE: pieceType,
      CONTENT_LENGTH: String(content.length),
      HTTP_TUS_RESUMABLE: '1.0.0',
      HTTP_UPLOAD_LENGTH: String(content.length),
      HTTP_UPLOAD_METADATA: `filename ${base64(name)},submission ${base64(id('a'))}`,
    },
    settingsOf(directory),
  )
  exchange.write(Buffer.from(content))
  const reply = endOf(exchange)
  exchange.afterReply()
  return reply
}

test('a plain post, pieces and tus make one receipt and one batch', (t) => {
  const directory = freshDirectory(t)
  assert.equal(add(directory, 'a', ['plain.txt']).status, 201)
  assert.equal(sendPiece(directory, 0, 'half').status, 202)
  assert.deepEqual(names(receiptOf(directory, 'a').files), ['plain.txt'])
  assert.equal(sendPiece(directory, 4, 'half').status, 201)
  const created = sendByTus(directory, 'tus.txt', 'by tus')
  assert.equal(created.status, 201, created.text)
  const all = ['pieces.txt', 'plain.txt', 'tus.txt']
  assert.deepEqual(visible(directory), all)
  const { batch, files } = close(directory, 'a').json
  assert.deepEqual([batch, names(files).sort()], [1, all])
  assert.deepEqual(receiptOf(directory, 'a').files.length, 3)
  const batches = batchesOf(directory)
  assert.deepEqual(
    batches.map((one) => names(one.files).sort()),
    [all],
  )
  assert.deepEqual(notesOf(directory, 'storing'), [])
})
