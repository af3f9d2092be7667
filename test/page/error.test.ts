// The page of an error, through the built executable: it says whose page it is and what to do next.
// Whoever only opened the form reads nothing of an upload, and gets no link to the same error.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { runCgi } from '../host/cgi.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import { freshDirectory } from '../host/program.ts'

const directory = freshDirectory({ after })
const broken = { UPLOAD_CGI_MAX_FILES: 'many' }
const html = { HTTP_ACCEPT: 'text/html' }
const later = 'Please try again later, or tell the owner of this site the request id.'
const ofUpload = 'Nothing of this upload was stored.'

const open = (env: Record<string, string>) => runCgi({ directory, env: { ...html, ...env } })
const send = (env: Record<string, string>, name = 'a.txt') =>
  runCgi({
    directory,
    body: multipartBody([{ name: 'file', filename: name, content: 'x' }]),
    contentType: contentType(),
    env: { ...html, ...env },
  })

test('a form that cannot be shown: no word of an upload, and no link to itself', async () => {
  const { status, text } = await open(broken)
  assert.equal(status, 503)
  assert.ok(text.includes(later), text)
  assert.match(text, /<code>upload\.cgi check<\/code>/)
  assert.ok(!text.includes(ofUpload))
  assert.doesNotMatch(text, /<a /)
})

test('a form for others: whom to ask, and nothing of how the program is set up', async () => {
  const { status, text } = await open({ UPLOAD_CGI_REQUIRE_USER: 'true' })
  assert.equal(status, 403)
  assert.match(text, /If you should be able to upload here, tell the owner/)
  assert.doesNotMatch(text, /upload\.cgi check|<a /)
})

test('an upload that was refused: what was stored, what to do, and the way back', async () => {
  const refused = await send({}, 'a.php')
  assert.equal(refused.status, 415)
  assert.match(refused.text, /EXTENSION_REFUSED/)
  assert.ok(refused.text.includes(ofUpload))
  assert.match(refused.text, /Go back to the form to choose other files/)
  assert.match(refused.text, /<a class="button" href="">Back to the form<\/a>/)
  assert.ok(!refused.text.includes(later))
  const failed = await send(broken)
  assert.equal(failed.status, 503)
  assert.ok(failed.text.includes(ofUpload) && failed.text.includes(later))
})

test('logo and title are on the pages of a result and of an error', async () => {
  const logo = join(freshDirectory({ after }), 'logo.svg')
  writeFileSync(logo, '<svg xmlns="http://www.w3.org/2000/svg"/>')
  const own = { UPLOAD_CGI_LOGO: logo, UPLOAD_CGI_TITLE: 'Ann & Bob' }
  const replies = [await send(own), await send(own, 'a.php')]
  assert.deepEqual(
    replies.map(({ status }) => status),
    [201, 415],
  )
  for (const { status, text } of replies) {
    assert.match(text, /<img class="logo" alt="" src="data:image\/svg\+xml;/, `${status}`)
    assert.match(text, /<p class="brand">Ann &#38; Bob<\/p>/, `${status}`)
    assert.match(text, /<title>[^<]+ · Ann &#38; Bob<\/title>/, `${status}`)
  }
})
