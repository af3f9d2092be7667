// A method that an address does not answer: the sentence names those that it does answer, the same
// as the header Allow, for the form and for tus, in every format and language.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { languageFiles } from '../../src/languages/files.ts'
import { runCgi } from '../host/cgi.ts'
import { freshDirectory } from '../host/program.ts'

const directory = freshDirectory({ after })

const put = (env: Record<string, string>, method = 'PUT') =>
  runCgi({ directory, env: { REQUEST_METHOD: method, ...env } })

const addresses = [
  { env: {}, methods: 'GET, HEAD, POST, OPTIONS' },
  { env: { PATH_INFO: '/tus' }, methods: 'HEAD, POST, PATCH, DELETE, OPTIONS' },
]

for (const { env, methods } of addresses) {
  test(`a refused method is told what ${env.PATH_INFO ?? 'the form'} answers`, async () => {
    const sentence = `This address answers ${methods} only.`
    const text = await put(env)
    assert.equal(text.status, 405)
    assert.equal(text.headers.get('allow'), methods)
    assert.ok(text.text.startsWith(`METHOD_NOT_ALLOWED: ${sentence} [id `), text.text)
    const json = await put({ ...env, HTTP_ACCEPT: 'application/json' })
    assert.equal(json.json().detail, sentence)
    for (const [code, read] of Object.entries(languageFiles)) {
      const page = await put({ ...env, HTTP_ACCEPT: 'text/html', HTTP_ACCEPT_LANGUAGE: code })
      assert.ok(page.text.includes(`<html lang="${code}"`), page.text)
      const own: string = JSON.parse(read())['fault.METHOD_NOT_ALLOWED']
      assert.ok(own.includes('{methods}'), code)
      assert.ok(page.text.includes(own.replace('{methods}', methods)), `${code}: ${page.text}`)
    }
  })
}

test('POST to the address of an upload is told what that address answers', async () => {
  const env = { PATH_INFO: `/tus/${'0'.repeat(32)}`, HTTP_TUS_RESUMABLE: '1.0.0' }
  const reply = await put({ ...env, CONTENT_LENGTH: '0' }, 'POST')
  assert.equal(reply.status, 405)
  assert.equal(reply.headers.get('allow'), 'HEAD, PATCH, DELETE, OPTIONS')
  assert.match(reply.text, /This address answers HEAD, PATCH, DELETE, OPTIONS only\./)
})
