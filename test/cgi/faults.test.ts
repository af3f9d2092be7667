// Every code of the fault table, provoked in the built executable as a CGI program: limits, taken
// names, malformed requests. What is refused stores nothing.

import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { faultTable } from '../../src/fault-table.ts'
import { assertFault, type Env, file, finished, post } from '../host/form.ts'
import { type BodyPart, multipartBody } from '../host/multipart-body.ts'
import { freshDirectory } from '../host/program.ts'

const seen = new Set<string>()

/** The reply and its JSON; the code of a refusal is noted. */
async function send(
  directory: string,
  parts: readonly BodyPart[],
  env: Env = {},
  body: Buffer = multipartBody(parts),
) {
  const reply = await post(directory, parts, env, { body })
  const value = reply.json()
  if (reply.status >= 400) {
    seen.add(value.code)
    assertFault(reply, value.code)
  }
  return { reply, value }
}

async function refused(
  code: string,
  env: Env,
  parts: readonly BodyPart[] = [file('a.txt')],
  body?: Buffer,
): Promise<void> {
  const directory = freshDirectory({ after })
  const { value } = await send(directory, parts, env, body)
  assert.equal(value.code, code)
  assert.deepEqual(finished(directory), [])
}

test('a taken name is numbered, refused or replaced, as set', async () => {
  const directory = freshDirectory({ after })
  for (let i = 0; i < 3; i++) await send(directory, [file('a.txt', `${i}`)])
  assert.deepEqual(finished(directory), ['a-2.txt', 'a-3.txt', 'a.txt'])
  const reject = { UPLOAD_CGI_ON_CONFLICT: 'reject' }
  assert.equal((await send(directory, [file('a.txt', 'x')], reject)).value.code, 'NAME_TAKEN')
  const twice = await send(directory, [file('new.txt'), file('new.txt')], reject)
  assert.equal(twice.value.code, 'NAME_TAKEN')
  const overwrite = { UPLOAD_CGI_ON_CONFLICT: 'overwrite' }
  assert.equal((await send(directory, [file('a.txt', 'new')], overwrite)).reply.status, 201)
  assert.equal(readFileSync(join(directory, 'a.txt'), 'utf8'), 'new')
  assert.deepEqual(finished(directory), ['a-2.txt', 'a-3.txt', 'a.txt'])
})

test('with overwrite, a request that fails half-way puts back what was there', async () => {
  const directory = freshDirectory({ after })
  writeFileSync(join(directory, 'a.txt'), 'old')
  mkdirSync(join(directory, 'b.txt'))
  const env = { UPLOAD_CGI_ON_CONFLICT: 'overwrite' }
  const { value } = await send(directory, [file('a.txt', 'new'), file('b.txt')], env)
  assert.equal(value.code, 'NAME_TAKEN')
  assert.equal(readFileSync(join(directory, 'a.txt'), 'utf8'), 'old')
  assert.deepEqual(finished(directory), ['a.txt', 'b.txt'])
})

test('the limits pass exactly and fail at one more', async () => {
  const directory = freshDirectory({ after })
  const env = {
    UPLOAD_CGI_MAX_FILE_SIZE: '10',
    UPLOAD_CGI_MAX_FIELD_SIZE: '4',
    UPLOAD_CGI_MAX_FILES: '2',
    UPLOAD_CGI_MAX_FIELDS: '2',
  }
  const field = (content: string): BodyPart => ({ name: 'note', content })
  const fits = [field('1234'), field('1234'), file('a', '1234567890'), file('b', '1234567890')]
  assert.equal((await send(directory, fits, env)).reply.status, 201)
  await refused('FILE_TOO_LARGE', env, [file('a', '12345678901')])
  await refused('FIELD_TOO_LARGE', env, [field('12345'), file('a', 'x')])
  await refused(
    'TOO_MANY_FILES',
    env,
    ['a', 'b', 'c'].map((name) => file(name, 'x')),
  )
  const announced = (path: string) => ({ name: '_filename', content: encodeURIComponent(path) })
  await refused('TOO_MANY_FOLDERS', {}, [announced(`${'d/'.repeat(17)}a`), file('file')])
  await refused('TOO_MANY_FIELDS', env, [field('1'), field('1'), field('1'), file('a', 'x')])
  const size = multipartBody([file('a.txt')]).length
  const exact = { UPLOAD_CGI_MAX_REQUEST_SIZE: String(size) }
  assert.equal((await send(directory, [file('a.txt')], exact)).reply.status, 201)
  await refused('REQUEST_TOO_LARGE', { UPLOAD_CGI_MAX_REQUEST_SIZE: String(size - 1) })
})

test('what is malformed or not allowed has its code, and nothing is stored', async () => {
  const whole = multipartBody([file('a.txt')])
  await refused('BAD_LENGTH', { CONTENT_LENGTH: '-1' })
  await refused('BAD_LENGTH', { CONTENT_LENGTH: '99999999999999999999' })
  await refused('LENGTH_REQUIRED', { CONTENT_LENGTH: '' })
  await refused('NOT_MULTIPART', { CONTENT_TYPE: 'text/plain' })
  await refused('NOT_MULTIPART', { CONTENT_TYPE: 'multipart/form-datax; boundary=x' })
  await refused('ENCODED_BODY', { HTTP_CONTENT_ENCODING: 'gzip' })
  await refused('BAD_MULTIPART', { CONTENT_TYPE: 'multipart/form-data; boundary=a; boundary=b' })
  await refused('BAD_MULTIPART', {}, [], whole.subarray(0, -6))
  await refused(
    'INCOMPLETE_BODY',
    { CONTENT_LENGTH: String(whole.length) },
    [],
    whole.subarray(0, 50),
  )
  await refused('NOTHING_UPLOADED', {}, [{ name: 'note', content: 'x' }])
  await refused('NOTHING_UPLOADED', {}, [file('', '')])
  await refused('HEADERS_TOO_LARGE', {}, [
    { ...file('a.txt'), headers: [`X: ${'x'.repeat(9000)}`] },
  ])
  const field = { name: 'who', label: 'Your name', required: true }
  const asking = { UPLOAD_CGI_EXTRA_FIELDS: JSON.stringify([field]) }
  await refused('FIELD_REQUIRED', { ...asking, HTTP_SEC_FETCH_SITE: 'same-origin' })
  await refused('FIELD_REQUIRED', { UPLOAD_CGI_FOLDER: '{field:project}' })
  await refused('EXTENSION_REFUSED', {}, [file('shell.php.jpg')])
  await refused('EXTENSION_REFUSED', {}, [file('.htaccess')])
  await refused('EXTENSION_REFUSED', { UPLOAD_CGI_ALLOW_EXTENSIONS: 'jpg,png' }, [file('a.txt')])
  await refused('CONTENT_REFUSED', {}, [file('a.txt'), file('b.jpg', '<script>alert(1)</script>')])
  await refused('FOREIGN_ORIGIN', { HTTP_SEC_FETCH_SITE: 'cross-site' })
  await refused('FOREIGN_ORIGIN', { HTTP_ORIGIN: 'https://evil.example', HTTP_HOST: 'localhost' })
  await refused('USER_REQUIRED', { UPLOAD_CGI_REQUIRE_USER: 'true' })
  await refused('INVITATION_INVALID', { UPLOAD_CGI_INVITED_ONLY: 'true' })
  await refused('CLOSED', { UPLOAD_CGI_OPEN_UNTIL: '2020-12-31' })
  await refused('METHOD_NOT_ALLOWED', { REQUEST_METHOD: 'PUT' })
  await refused('DISK_FULL', { UPLOAD_CGI_MIN_FREE_SPACE: '9000TB' })
  await refused('NOT_CONFIGURED', { UPLOAD_CGI_MAX_FILES: 'many' })
  await refused('NOT_CONFIGURED', { UPLOAD_CGI_NO_SUCH_KEY: '1' })
  await refused('DIRECTORY_UNUSABLE', { UPLOAD_CGI_DIRECTORY: '/nonexistent/uploads' })
  await refused('DIRECTORY_UNUSABLE', { DOCUMENT_ROOT: '/' })
})

/**
 * They have tests of their own: test/pieces, test/tus, test/submission, slow.test.ts, scan.test.ts,
 * visitors.test.ts, sums.test.ts.
 */
const elsewhere: ReadonlySet<string> = new Set([
  'BAD_UPLOAD',
  'CHECKSUM_MISMATCH',
  'INVITATION_ENDED',
  'NOT_A_PIECE',
  'NOT_YOURS',
  'NO_SUCH_SUBMISSION',
  'NO_SUCH_UPLOAD',
  'REFUSED_BY_SCAN',
  'SCAN_FAILED',
  'SUBMISSION_CLOSED',
  'OFFSET_MISMATCH',
  'PASSPHRASE_REQUIRED',
  'SENDER_LIMIT',
  'TOO_MANY_TRIES',
  'TOO_MANY_UPLOADS',
  'TOO_SLOW',
  'TOTAL_LIMIT',
  'UNSUPPORTED_TUS',
  'UPLOAD_BUSY',
])

test('every code of the fault table was provoked, but for INTERNAL, which is a bug', () => {
  const missing = Object.keys(faultTable()).filter(
    (code) => !seen.has(code) && !elsewhere.has(code),
  )
  assert.deepEqual(missing, ['INTERNAL'])
})

test('JSON and text say of a passing fault that a client should try it again', async () => {
  const directory = freshDirectory({ after })
  const cut = { CONTENT_LENGTH: String(multipartBody([file('a.txt')]).length + 1) }
  const passing = await post(directory, [file('a.txt')], cut)
  assert.deepEqual([passing.json().code, passing.json().passing], ['INCOMPLETE_BODY', true])
  const text = await post(directory, [file('a.txt')], { ...cut, HTTP_ACCEPT: 'text/plain' })
  assert.match(text.text, /^INCOMPLETE_BODY: .* \[id [\w-]+, passing\]\n$/)
  const final = await post(directory, [file('a.php')])
  assert.deepEqual([final.json().code, 'passing' in final.json()], ['EXTENSION_REFUSED', false])
})

test('a chunked body without length is read to its end; a cut one is incomplete', async () => {
  const directory = freshDirectory({ after })
  const env = { CONTENT_LENGTH: undefined, HTTP_TRANSFER_ENCODING: 'chunked' }
  const whole = multipartBody([file('a.txt')])
  assert.equal((await send(directory, [], env, whole)).reply.status, 201)
  assert.equal(
    (await send(directory, [], env, whole.subarray(0, -9))).value.code,
    'INCOMPLETE_BODY',
  )
  const other = { ...env, CONTENT_TYPE: 'multipart/form-data; boundary=another' }
  assert.equal((await send(directory, [], other, whole)).value.code, 'BAD_MULTIPART')
  assert.deepEqual(finished(directory), ['a.txt'])
})
