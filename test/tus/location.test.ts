// The header Location of tus against addresses that a client or a server may have written oddly.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { runCgi } from '../host/cgi.ts'
import { freshDirectory } from '../host/program.ts'

test('no way of asking makes the Location of tus lead to another host', async () => {
  const directory = freshDirectory({ after })
  const cases = [
    ['/cgi-bin/upload.cgi/tus?a=//b', '/cgi-bin/upload.cgi/tus/'],
    ['//evil.example/tus', '/evil.example/tus/'],
    ['/\\evil.example/tus/', '/evil.example/tus/'],
    ['///\\/evil.example/tus#x', '/evil.example/tus/'],
    ['http://evil.example/cgi-bin/upload.cgi/tus', '/cgi-bin/upload.cgi/tus/'],
    ['HTTPS://me@evil.example:1//other.example/tus', '/other.example/tus/'],
    ['/gr%C3%B6%C3%9Fe%0d%0a/tus', '/gr%C3%B6%C3%9Fe%0d%0a/tus/'],
    ['', 'tus/'],
    [undefined, 'tus/'],
  ]
  for (const [REQUEST_URI, start = ''] of cases) {
    const env = { PATH_INFO: '/tus', HTTP_TUS_RESUMABLE: '1.0.0', HTTP_UPLOAD_LENGTH: '5' }
    const reply = await runCgi({
      directory,
      method: 'POST',
      env: { ...env, REQUEST_URI, CONTENT_LENGTH: '0' },
    })
    const location = reply.headers.get('location') ?? ''
    assert.equal(location.slice(0, -32), start, REQUEST_URI)
    assert.equal(new URL(location, 'http://www.example.org/x').host, 'www.example.org')
  }
})
