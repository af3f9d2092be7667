// A submission of twenty files through a real Apache, each in a request of its own, as the page
// sends them: one record, one receipt, one line of `list`, and as many inodes as docs/limits.md
// says.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { startApache } from '../host/apache.ts'
import { missing } from '../host/installed.ts'
import { type BodyPart, contentType, multipartBody } from '../host/multipart-body.ts'
import { freshDirectory, program, root } from '../host/program.ts'
import { fileField, id, notesOf, notesOfDays, textField, visible } from '../host/record.ts'

const submission = textField('_submission', id('a'))
const names = Array.from({ length: 20 }, (_, i) => `drawing ${i + 1}.pdf`)

test('twenty files through Apache: one record, one receipt, one line of list, 22 inodes', {
  skip: missing('apache2'),
}, async (t) => {
  const directory = freshDirectory(t)
  const server = await startApache({ env: { UPLOAD_CGI_DIRECTORY: directory } })
  t.after(() => server.stop())
  const post = async (parts: readonly BodyPart[]) => {
    const body = new Uint8Array(multipartBody([submission, ...parts]))
    const headers = { 'Content-Type': contentType(), Accept: 'application/json' }
    const reply = await fetch(server.url, { method: 'POST', headers, body })
    // biome-ignore lint/suspicious/noExplicitAny: a test looks into it as it likes
    const said: any = await reply.json()
    return { status: reply.status, said }
  }
  // Two at a time.
  const queue = names.values()
  const receipts = new Set<string>()
  const send = async () => {
    for (const name of queue) {
      const { status, said } = await post([fileField(name)])
      assert.equal(status, 201, JSON.stringify(said))
      receipts.add(said.receipt)
    }
  }
  await Promise.all([send(), send()])
  const { status, said } = await post([textField('_close', '1')])
  assert.equal(status, 200)

  assert.deepEqual([...receipts], [said.receipt])
  assert.deepEqual(visible(directory), [...names].sort())
  const headers = { Accept: 'application/json' }
  const receipt = await fetch(`${server.url}?submission=${id('a')}`, { headers })
  assert.deepEqual(await receipt.json(), said)
  assert.equal(said.files.length, 20)

  const env = { UPLOAD_CGI_DIRECTORY: directory, PATH: '/usr/bin:/bin' }
  const list = spawnSync(program, ['list', '--json'], { env, encoding: 'utf8' })
  const [line = '', ...more] = list.stdout.trimEnd().split('\n')
  assert.deepEqual(more, [])
  const { receipt: number, batch, files } = JSON.parse(line)
  assert.deepEqual([number, batch, files.length], [said.receipt, 1, 20])

  const counts = [notesOfDays(directory, 'verdict'), notesOfDays(directory, 'batch')]
  assert.deepEqual(
    [...counts, notesOf(directory, 'begin')].map(({ length }) => length),
    [20, 1, 1],
  )
  const notes = join(directory, '.upload-cgi/notes')
  const inodes = readdirSync(notes, { recursive: true, withFileTypes: true })
  assert.equal(inodes.filter((entry) => entry.isFile()).length, 22)
  const limits = readFileSync(join(root, 'docs/limits.md'), 'utf8').replace(/\s+/g, ' ')
  assert.ok(limits.includes('20 files, each in a request of its own, leaves 22 notes'), limits)
})
