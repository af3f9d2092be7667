// Many processes add to one submission while others close it: every file that was answered with
// 201 is in the receipt and in exactly one batch, also where there are no hard links.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CgiReply, runCgi } from '../host/cgi.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import { freshDirectory, inMemory } from '../host/program.ts'
import { batchesOf, close, fileField, id, receiptOf, textField, visible } from '../host/record.ts'
import { shim, skip } from '../torture/rack.ts'

const senders = 50
const closers = 6

type Env = Readonly<Record<string, string>>

function post(
  directory: string,
  parts: Parameters<typeof multipartBody>[0],
  more: Env,
): Promise<CgiReply> {
  const env = { HTTP_ACCEPT: 'application/json', UPLOAD_CGI_MIN_FREE_SPACE: '0', ...more }
  return runCgi({ directory, contentType: contentType(), body: multipartBody(parts), env })
}

async function assertAllRecorded(directory: string, env: Env = {}): Promise<void> {
  const own = textField('_submission', id('a'))
  let isOver = false
  const closing = async () => {
    while (!isOver) {
      const { status, text, stderr } = await post(directory, [own, textField('_close', '1')], env)
      assert.ok(status === 200 || status === 404, text + stderr)
    }
  }
  const running = Array.from({ length: closers }, closing)
  const sending = Array.from({ length: senders }, async (_, i) => {
    const files = [fileField(`${i}-a.txt`), fileField('same.txt', String(i))]
    return post(directory, [own, ...files], env)
  })
  const replies = await Promise.all(sending)
  isOver = true
  await Promise.all(running)
  close(directory, 'a')
  for (const { status, text, stderr } of replies) assert.equal(status, 201, text + stderr)
  const told = replies.flatMap((reply) => reply.json().files as { stored: string }[])
  const stored = told.map((file) => file.stored).sort()
  assert.equal(new Set(stored).size, 2 * senders)
  assert.deepEqual(visible(directory).sort(), stored)
  const receipt = receiptOf(directory, 'a')
  assert.deepEqual(receipt.files.map((file) => file.stored).sort(), stored)
  const inBatches = batchesOf(directory).flatMap(({ files }) => files.map((file) => file.stored))
  assert.deepEqual(inBatches.sort(), stored)
}

test('50 processes store in one submission while 6 close it, again and again', (t) => {
  return assertAllRecorded(freshDirectory(t, inMemory()))
})

test('the same without hard links', { skip }, (t) => {
  const directory = freshDirectory(t, inMemory())
  const env = { LD_PRELOAD: shim, TORTURE_DIRECTORY: directory, TORTURE_NO_LINKS: '1' }
  return assertAllRecorded(directory, env)
})
