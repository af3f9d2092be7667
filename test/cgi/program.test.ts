// The built executable, spawned directly as a CGI program: every code of the fault table, names, conflicts,
// settings from all sources, arguments and NODE_OPTIONS, and what it must start under.

import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { faults } from '../../src/fault.ts'
import { runCgi } from '../host/cgi.ts'
import { type BodyPart, contentType, multipartBody } from '../host/multipart-body.ts'
import { program } from '../host/program.ts'

const seen = new Set<string>()

function freshDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'upload-cgi-test-'))
  after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const file = (filename: string, content: string | Buffer = 'content'): BodyPart => ({
  name: 'file',
  filename,
  content: Buffer.from(content),
})

async function post(
  directory: string,
  parts: readonly BodyPart[],
  env: Record<string, string | undefined> = {},
  body: Buffer = multipartBody(parts),
) {
  const reply = await runCgi({
    directory,
    method: 'POST',
    contentType: contentType(),
    body,
    timeoutSeconds: 120,
    env: { HTTP_ACCEPT: 'application/json', ...env } as Record<string, string>,
  })
  const value = reply.json()
  if (reply.status >= 400) {
    seen.add(value.code)
    assert.equal(reply.status, faults[value.code as keyof typeof faults][0])
  }
  return { reply, value }
}

/** What a visitor can see; and nothing may be left in `.incoming`. */
function visible(directory: string): string[] {
  const names = readdirSync(directory)
  if (names.includes('.incoming')) assert.deepEqual(readdirSync(join(directory, '.incoming')), [])
  return names.filter((name) => name !== '.incoming').sort()
}

async function refused(
  code: string,
  env: Record<string, string | undefined>,
  parts: readonly BodyPart[] = [file('a.txt')],
  body?: Buffer,
): Promise<void> {
  const directory = freshDirectory()
  const { value } = await post(directory, parts, env, body)
  assert.equal(value.code, code)
  assert.deepEqual(visible(directory), [])
}

test('one file is stored with its bytes, mode and checksum', async () => {
  const directory = freshDirectory()
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7) % 256))
  const { reply, value } = await post(directory, [file('photo.jpg', bytes)])
  assert.equal(reply.status, 201)
  assert.deepEqual(readFileSync(join(directory, 'photo.jpg')), bytes)
  assert.equal(statSync(join(directory, 'photo.jpg')).mode & 0o777, 0o640)
  const sum = execFileSync('sha256sum', [join(directory, 'photo.jpg')])
    .toString()
    .slice(0, 64)
  assert.equal(value.files[0].sha256, sum)
  assert.equal(reply.stderr, '')
  assert.equal(reply.exitCode, 0)
})

test('twenty files are stored, an empty one among them', async () => {
  const directory = freshDirectory()
  const parts = Array.from({ length: 20 }, (_, i) =>
    file(`f${i}.txt`, i === 3 ? '' : `content ${i}`),
  )
  assert.equal((await post(directory, parts)).reply.status, 201)
  assert.equal(visible(directory).length, 20)
  assert.equal(statSync(join(directory, 'f3.txt')).size, 0)
})

test('names in eight scripts stay as they are', async () => {
  const directory = freshDirectory()
  const names = [
    'Übergröße.txt',
    'отчёт.txt',
    'تقرير.txt',
    'דוח.txt',
    'रिपोर्ट.txt',
    '报告.txt',
    'レポート.txt',
    '보고서.txt',
  ]
  const { value } = await post(
    directory,
    names.map((name) => file(name)),
  )
  assert.deepEqual(
    value.files.map((stored: { stored: string }) => stored.stored),
    names.map((name) => name.normalize('NFC')),
  )
  assert.equal(visible(directory).length, 8)
})

test('a taken name is numbered, refused or replaced, as set', async () => {
  const directory = freshDirectory()
  for (let i = 0; i < 3; i++) await post(directory, [file('a.txt', `${i}`)])
  assert.deepEqual(visible(directory), ['a-2.txt', 'a-3.txt', 'a.txt'])
  const reject = { UPLOAD_CGI_ON_CONFLICT: 'reject' }
  assert.equal((await post(directory, [file('a.txt', 'x')], reject)).value.code, 'NAME_TAKEN')
  const twice = await post(directory, [file('new.txt'), file('new.txt')], reject)
  assert.equal(twice.value.code, 'NAME_TAKEN')
  const overwrite = { UPLOAD_CGI_ON_CONFLICT: 'overwrite' }
  assert.equal((await post(directory, [file('a.txt', 'new')], overwrite)).reply.status, 201)
  assert.equal(readFileSync(join(directory, 'a.txt'), 'utf8'), 'new')
  assert.deepEqual(visible(directory), ['a-2.txt', 'a-3.txt', 'a.txt'])
})

test('with overwrite, a request that fails half-way puts back what was there', async () => {
  const directory = freshDirectory()
  writeFileSync(join(directory, 'a.txt'), 'old')
  mkdirSync(join(directory, 'b.txt'))
  const env = { UPLOAD_CGI_ON_CONFLICT: 'overwrite' }
  const { value } = await post(directory, [file('a.txt', 'new'), file('b.txt')], env)
  assert.equal(value.code, 'NAME_TAKEN')
  assert.equal(readFileSync(join(directory, 'a.txt'), 'utf8'), 'old')
  assert.deepEqual(visible(directory), ['a.txt', 'b.txt'])
})

test('two hundred posts of one name at once are two hundred files', async () => {
  const directory = freshDirectory()
  const numbers = Array.from({ length: 200 }, (_, i) => i)
  const posts = numbers.map((i) => post(directory, [file('same.txt', `${i}`)]))
  for (const { reply } of await Promise.all(posts)) assert.equal(reply.status, 201)
  const names = visible(directory)
  assert.equal(names.length, 200)
  const contents = new Set(names.map((name) => readFileSync(join(directory, name), 'utf8')))
  assert.equal(contents.size, 200)
})

test('_filename names the file that follows it', async () => {
  const directory = freshDirectory()
  const announced = { name: '_filename', content: encodeURIComponent("l'été.pdf") }
  const { value } = await post(directory, [announced, file('file')])
  assert.equal(value.files[0].stored, "l'été.pdf")
  assert.deepEqual(value.fields, [])
})

test('the limits pass exactly and fail at one more', async () => {
  const directory = freshDirectory()
  const env = {
    UPLOAD_CGI_MAX_FILE_SIZE: '10',
    UPLOAD_CGI_MAX_FIELD_SIZE: '4',
    UPLOAD_CGI_MAX_FILES: '2',
    UPLOAD_CGI_MAX_FIELDS: '2',
  }
  const field = (content: string): BodyPart => ({ name: 'note', content })
  const fits = [field('1234'), field('1234'), file('a', '1234567890'), file('b', '1234567890')]
  assert.equal((await post(directory, fits, env)).reply.status, 201)
  await refused('FILE_TOO_LARGE', env, [file('a', '12345678901')])
  await refused('FIELD_TOO_LARGE', env, [field('12345'), file('a')])
  await refused('TOO_MANY_FILES', env, [file('a'), file('b'), file('c')])
  await refused('TOO_MANY_FIELDS', env, [field('1'), field('1'), field('1'), file('a')])
  const size = multipartBody([file('a.txt')]).length
  const exact = { UPLOAD_CGI_MAX_REQUEST_SIZE: String(size) }
  assert.equal((await post(directory, [file('a.txt')], exact)).reply.status, 201)
  await refused('REQUEST_TOO_LARGE', { UPLOAD_CGI_MAX_REQUEST_SIZE: String(size - 1) })
})

test('what is malformed or not allowed is refused with its code, and nothing is stored', async () => {
  const whole = multipartBody([file('a.txt')])
  await refused('BAD_LENGTH', { CONTENT_LENGTH: '-1' })
  await refused('BAD_LENGTH', { CONTENT_LENGTH: '99999999999999999999' })
  await refused('LENGTH_REQUIRED', { CONTENT_LENGTH: '' })
  await refused('NOT_MULTIPART', { CONTENT_TYPE: 'text/plain' })
  await refused('NOT_MULTIPART', { CONTENT_TYPE: 'multipart/form-datax; boundary=x' })
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
  await refused('EXTENSION_REFUSED', {}, [file('shell.php.jpg')])
  await refused('EXTENSION_REFUSED', {}, [file('.htaccess')])
  await refused('EXTENSION_REFUSED', { UPLOAD_CGI_ALLOW_EXTENSIONS: 'jpg,png' }, [file('a.txt')])
  await refused('FOREIGN_ORIGIN', { HTTP_SEC_FETCH_SITE: 'cross-site' })
  await refused('FOREIGN_ORIGIN', { HTTP_ORIGIN: 'https://evil.example', HTTP_HOST: 'localhost' })
  await refused('USER_REQUIRED', { UPLOAD_CGI_REQUIRE_USER: 'true' })
  await refused('METHOD_NOT_ALLOWED', { REQUEST_METHOD: 'PUT' })
  await refused('DISK_FULL', { UPLOAD_CGI_MIN_FREE_SPACE: '9000TB' })
  await refused('NOT_CONFIGURED', { UPLOAD_CGI_MAX_FILES: 'many' })
  await refused('NOT_CONFIGURED', { UPLOAD_CGI_NO_SUCH_KEY: '1' })
  await refused('DIRECTORY_UNUSABLE', { UPLOAD_CGI_DIRECTORY: '/nonexistent/uploads' })
  await refused('DIRECTORY_UNUSABLE', { DOCUMENT_ROOT: '/' })
})

/** Uploads in pieces have tests of their own: pieces.test.ts and tus.test.ts. */
const ofPieces: ReadonlySet<string> = new Set([
  'BAD_UPLOAD',
  'CHECKSUM_MISMATCH',
  'NOT_A_PIECE',
  'NO_SUCH_UPLOAD',
  'OFFSET_MISMATCH',
  'TOO_MANY_UPLOADS',
  'UNSUPPORTED_TUS',
  'UPLOAD_BUSY',
])

test('every code of the fault table was provoked, but for INTERNAL, which is a bug', () => {
  const missing = Object.keys(faults).filter((code) => !seen.has(code) && !ofPieces.has(code))
  assert.deepEqual(missing, ['INTERNAL'])
})

test('a chunked body without length is read to its end; a cut one is incomplete', async () => {
  const directory = freshDirectory()
  const env = { CONTENT_LENGTH: undefined, HTTP_TRANSFER_ENCODING: 'chunked' }
  const whole = multipartBody([file('a.txt')])
  assert.equal((await post(directory, [], env, whole)).reply.status, 201)
  assert.equal(
    (await post(directory, [], env, whole.subarray(0, -9))).value.code,
    'INCOMPLETE_BODY',
  )
  assert.deepEqual(visible(directory), ['a.txt'])
})

test('HEAD is GET without its body; OPTIONS is 204; both and 405 say what is allowed', async () => {
  const directory = freshDirectory()
  const get = await runCgi({ directory })
  assert.equal(get.status, 200)
  assert.match(get.text, /<form method="post" enctype="multipart\/form-data"/)
  const head = await runCgi({ directory, method: 'HEAD' })
  assert.equal(head.text, '')
  assert.equal(head.headers.get('content-length'), String(get.body.length))
  const options = await runCgi({ directory, method: 'OPTIONS' })
  assert.equal(options.status, 204)
  assert.equal(options.headers.get('allow'), 'GET, HEAD, POST, OPTIONS')
})

test('what came from outside is escaped on the pages', async () => {
  const directory = freshDirectory()
  const reply = await runCgi({
    directory,
    method: 'POST',
    contentType: contentType(),
    body: multipartBody([file('<script>alert(1)</script>&"x".txt')]),
    env: { HTTP_ACCEPT: 'text/html' },
  })
  assert.equal(reply.status, 201)
  assert.doesNotMatch(reply.text, /<script>alert/)
})

test('settings come from a file beside the program, a named file, a settings script', async () => {
  const home = freshDirectory()
  const directory = freshDirectory()
  const settings = `directory = "${directory}"\ntitle = "Drop & go"\n`
  const named = join(home, 'named.toml')
  writeFileSync(named, settings)
  const byName = await runCgi({ env: { UPLOAD_CGI_CONFIG: named } })
  assert.match(byName.text, /Drop &#38; go/)
  const script = join(home, 'form.cgi')
  writeFileSync(script, `#!${program}\n${settings}`)
  chmodSync(script, 0o755)
  const byScript = await runCgi({ program: script, env: { SCRIPT_FILENAME: script } })
  assert.equal(byScript.status, 200)
  assert.match(byScript.text, /Drop &#38; go/)
  const elsewhere = await runCgi({ program: script, env: { SCRIPT_FILENAME: named } })
  assert.equal(elsewhere.status, 503)
  writeFileSync(named, 'directory = \n')
  const broken = await runCgi({ env: { UPLOAD_CGI_CONFIG: named } })
  assert.equal(broken.status, 503)
  assert.match(broken.stderr, /named\.toml line 1/)
  assert.doesNotMatch(broken.text, /named\.toml/)
})

test('query words are no options, and NODE_OPTIONS is nothing to it', async () => {
  const directory = freshDirectory()
  for (const args of [['--help'], ['--version'], ['check'], [program]]) {
    const reply = await runCgi({ args, directory })
    assert.equal(reply.status, 200)
    assert.match(reply.text, /<form /)
  }
  const env = { NODE_OPTIONS: '--require=/nope' }
  assert.equal((await runCgi({ directory, env })).status, 200)
})

test('it is at most 115 MB, needs no libatomic and starts in 650 MB of address space', async () => {
  const directory = freshDirectory()
  assert.ok(statSync(program).size <= 115e6)
  assert.doesNotMatch(execFileSync('ldd', [program]).toString(), /libatomic/)
  const reply = await runCgi({ directory, limit: 'ulimit -v 650000;' })
  assert.equal(reply.status, 200)
  assert.equal(reply.stderr, '')
})

test('--licenses prints the notices of all that is inside', () => {
  const { stdout } = spawnSync(program, ['--licenses'], { env: {} })
  assert.match(stdout.toString(), /MIT License[\s\S]*smol-toml[\s\S]*Node\.js[\s\S]*OpenSSL/)
})

test('serve without settings stores into ./uploads and says so', async (t) => {
  const home = freshDirectory()
  const env = { PATH: '/usr/bin:/bin' }
  const server = spawn(program, ['serve', '--port', '0'], { cwd: home, env })
  t.after(() => server.kill())
  let said = ''
  while (!/for production/.test(said)) said += (await once(server.stdout, 'data'))[0]
  assert.match(said, /\.\/uploads/)
  const url = /http:\/\/127\.0\.0\.1:\d+\//.exec(said)?.[0] ?? ''
  const bytes = Buffer.alloc(2_000_000, 'serve')
  const form = new FormData()
  form.append('file', new Blob([bytes]), 'a.bin')
  const reply = await fetch(url, { method: 'POST', body: form })
  assert.equal(reply.status, 201)
  assert.deepEqual(readFileSync(join(home, 'uploads', 'a.bin')), bytes)
})
