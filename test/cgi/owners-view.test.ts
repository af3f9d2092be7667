// What the owner sees: the debug page, whose secrets are hidden in little time whatever a header
// says, and `log_file`, whose lines are bounded and stop while the disk is nearly full. And which
// variables make a call a CGI request.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { runCgi } from '../host/cgi.ts'
import { file, post } from '../host/form.ts'
import { freshDirectory } from '../host/program.ts'

function debugPage(directory: string, agent: string) {
  const env = { UPLOAD_CGI_DEBUG: 'true', HTTP_ACCEPT: 'text/html', HTTP_USER_AGENT: agent }
  return runCgi({ directory, env, timeoutSeconds: 120 })
}

for (const text of ['key-', 'key=', '://a:', '/tus/', 'key-='] as const) {
  test(`the debug page is made in time with a header of ${text} many times`, async (t) => {
    // In steps that grow with the square of its length it would take minutes.
    const reply = await debugPage(freshDirectory(t), text.repeat(100_000 / text.length))
    assert.equal(reply.status, 200)
  })
}

test('the debug page hides the values of names that sound secret', async (t) => {
  const agent =
    'a?token=one1&b=two2&my-session-key=three3;c=upload=four4 https://me:five5@host/tus/' +
    `${'6'.repeat(32)} key= next`
  const { text } = await debugPage(freshDirectory(t), agent)
  const [line = ''] = text.split('\n').filter((each) => each.startsWith('HTTP_USER_AGENT'))
  const shown =
    'HTTP_USER_AGENT=a?token=(hidden)&#38;b=two2&#38;my-session-key=(hidden);c=upload=(hidden) ' +
    'https://me:(hidden)@host/tus/(hidden) key= next'
  assert.equal(line, shown)
})

test('a line of the log is bounded, whatever a request says', async (t) => {
  const log = `${freshDirectory(t)}/log`
  const long = 'x'.repeat(30_000)
  const env = { UPLOAD_CGI_LOG_FILE: log, REMOTE_USER: long, REMOTE_ADDR: long }
  const parts = Array.from({ length: 50 }, (_, i) => ({ name: `n${i}`, content: long }))
  assert.equal((await post(freshDirectory(t), [...parts, file('a.txt')], env)).status, 201)
  await post(freshDirectory(t), [], { ...env, REQUEST_METHOD: long })
  for (const line of readFileSync(log, 'utf8').split('\n')) {
    assert.ok(line.length < 4000, `${line.length} characters`)
  }
})

test('while less than min_free_space is free one line of the log says so', async (t) => {
  const directory = freshDirectory(t)
  const log = `${freshDirectory(t)}/log`
  const env = { UPLOAD_CGI_LOG_FILE: log }
  const full = { ...env, UPLOAD_CGI_MIN_FREE_SPACE: '9000TB' }
  const codes = () =>
    readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .map(({ status, note }) => status ?? note.split(' ').slice(0, 4).join(' '))
  await post(directory, [file('a.txt')], env)
  for (let i = 0; i < 3; i++) await post(directory, [file('a.txt')], full)
  assert.deepEqual(codes(), [201, 'requests are not logged'])
  await post(directory, [file('a.txt')], env)
  await post(directory, [file('a.txt')], full)
  assert.deepEqual(codes(), [201, 'requests are not logged', 201, 'requests are not logged'])
})

test('a request of a server that sets no GATEWAY_INTERFACE is one all the same', async (t) => {
  const env = { GATEWAY_INTERFACE: undefined, HTTP_ACCEPT: 'text/html' }
  const reply = await runCgi({ directory: freshDirectory(t), args: ['--help'], env })
  assert.equal(reply.status, 200)
  assert.match(reply.text, /<form/)
})
