// The built executable, started as a CGI program: what is stored under which name, settings from
// all sources, arguments and NODE_OPTIONS, and what it must start under. faults.test.ts has what it
// refuses.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { runCgi } from '../host/cgi.ts'
import { file, finished, post } from '../host/form.ts'
import { missing } from '../host/installed.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import { freshDirectory, patchedOnly, program } from '../host/program.ts'
import { startServe } from '../host/serve.ts'

test('one file is stored with its bytes, mode and checksum', async () => {
  const directory = freshDirectory({ after })
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7) % 256))
  const reply = await post(directory, [file('photo.jpg', bytes)])
  assert.equal(reply.status, 201)
  assert.deepEqual(readFileSync(join(directory, 'photo.jpg')), bytes)
  assert.equal(statSync(join(directory, 'photo.jpg')).mode & 0o777, 0o640)
  const sum = execFileSync('sha256sum', [join(directory, 'photo.jpg')])
    .toString()
    .slice(0, 64)
  assert.equal(reply.json().files[0].sha256, sum)
  assert.equal(reply.stderr, '')
  assert.equal(reply.exitCode, 0)
})

test('twenty files are stored, an empty one among them', async () => {
  const directory = freshDirectory({ after })
  const parts = Array.from({ length: 20 }, (_, i) =>
    file(`f${i}.txt`, i === 3 ? '' : `content ${i}`),
  )
  assert.equal((await post(directory, parts)).status, 201)
  assert.equal(finished(directory).length, 20)
  assert.equal(statSync(join(directory, 'f3.txt')).size, 0)
})

test('names in eight scripts stay as they are', async () => {
  const directory = freshDirectory({ after })
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
  const reply = await post(
    directory,
    names.map((name) => file(name)),
  )
  assert.deepEqual(
    reply.json().files.map((stored: { stored: string }) => stored.stored),
    names.map((name) => name.normalize('NFC')),
  )
  assert.equal(finished(directory).length, 8)
})

test('two hundred posts of one name at once are two hundred files', async () => {
  const directory = freshDirectory({ after })
  const numbers = Array.from({ length: 200 }, (_, i) => i)
  const posts = numbers.map((i) => post(directory, [file('same.txt', `${i}`)]))
  for (const { status } of await Promise.all(posts)) assert.equal(status, 201)
  const names = finished(directory)
  assert.equal(names.length, 200)
  const contents = new Set(names.map((name) => readFileSync(join(directory, name), 'utf8')))
  assert.equal(contents.size, 200)
})

test('_filename names the file that follows it', async () => {
  const directory = freshDirectory({ after })
  const announced = { name: '_filename', content: encodeURIComponent("l'été.pdf") }
  const reply = await post(directory, [announced, file('file')])
  assert.equal(reply.json().files[0].stored, "l'été.pdf")
  assert.deepEqual(reply.json().fields, [])
})

test('HEAD is GET without its body; OPTIONS is 204; both and 405 say what is allowed', async () => {
  const directory = freshDirectory({ after })
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
  const directory = freshDirectory({ after })
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
  const home = freshDirectory({ after })
  const directory = freshDirectory({ after })
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
  const directory = freshDirectory({ after })
  for (const args of [['--help'], ['--version'], ['check'], [program]]) {
    const reply = await runCgi({ args, directory })
    assert.equal(reply.status, 200)
    assert.match(reply.text, /<form /)
  }
  const env = { NODE_OPTIONS: '--require=/nope' }
  assert.equal((await runCgi({ directory, env })).status, 200)
})

test('it is at most 115 MB', {
  skip: patchedOnly('is not stripped: 127.6 MB') || missing('strip'),
}, () => {
  assert.ok(statSync(program).size <= 115e6)
})

test('it needs no libatomic and starts in 650 MB of address space', async () => {
  const directory = freshDirectory({ after })
  assert.doesNotMatch(execFileSync('ldd', [program]).toString(), /libatomic/)
  const reply = await runCgi({ directory, limit: 'ulimit -v 650000;' })
  assert.equal(reply.status, 200)
  assert.equal(reply.stderr, '')
})

test('--licenses prints the notices of all that is inside', () => {
  const { stdout } = spawnSync(program, ['--licenses'], { env: {} })
  assert.match(
    stdout.toString(),
    /MIT License[\s\S]*smol-toml[\s\S]*Nodemailer[\s\S]*Node\.js[\s\S]*OpenSSL/,
  )
})

test('serve without settings stores into ./uploads and says so', async (t) => {
  const home = freshDirectory({ after })
  const { url, said } = await startServe(t, { cwd: home })
  assert.match(said, /\.\/uploads/)
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/$/)
  const bytes = Buffer.alloc(2_000_000, 'serve')
  const form = new FormData()
  form.append('file', new Blob([bytes]), 'a.bin')
  const reply = await fetch(url, { method: 'POST', body: form })
  assert.equal(reply.status, 201)
  assert.deepEqual(readFileSync(join(home, 'uploads', 'a.bin')), bytes)
})

test('serve answers for the names that --host gives, and no other', async (t) => {
  const args = ['--host', '127.0.0.1', '--host', 'box.example']
  const { url } = await startServe(t, { cwd: freshDirectory({ after }), args })
  const { port } = new URL(url)
  const statusFor = async (host: string) => {
    const asked = request(url, { headers: { Host: host } }).end()
    const [reply] = (await once(asked, 'response')) as [IncomingMessage]
    reply.resume()
    return reply.statusCode
  }
  for (const host of ['127.0.0.1', 'localhost', 'box.example']) {
    assert.equal(await statusFor(`${host}:${port}`), 200, host)
  }
  assert.equal(await statusFor(`evil.example:${port}`), 421)
})
