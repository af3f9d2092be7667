// What the owner chooses for the page, through the built executable: words, language, logo, colour,
// style and fields of their own. Whatever they hold is text on the page, and the policy of the page
// allows its own style.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { languageFiles } from '../../src/languages/files.ts'
import { runCgi } from '../host/cgi.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import { comesTrue } from '../host/page.ts'
import { freshDirectory, program, writeSettings } from '../host/program.ts'
import { startServe } from '../host/serve.ts'
import { asOneself } from '../host/user.ts'

const home = freshDirectory({ after })
const attack = `"><script>alert(1)</script>'&`
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

const uploads = freshDirectory({ after }, home)
const page = (env: Record<string, string>) => runCgi({ directory: uploads, env })
const written = (name: string, content: string | Buffer) => {
  writeFileSync(join(home, name), content)
  return join(home, name)
}
const fields = JSON.stringify([
  { name: 'sender', label: `Mail ${attack}`, type: 'email', required: true },
  { name: 'team', label: 'Team', type: 'select', options: ['red', attack] },
  { name: 'agreed', label: 'Agreed', type: 'checkbox' },
  { name: 'note', label: 'Note' },
])

// It holds all stages of an upload, so that nothing is loaded when the network is slow or gone.
test('the form page is at most 46 800 bytes', async (t) => {
  const { body } = await page({})
  t.diagnostic(`${body.length} bytes`)
  assert.ok(body.length <= 46_800, `${body.length} bytes`)
})

test('each language is chosen by the browser and by the owner, who has the last word', async () => {
  for (const code of Object.keys(languageFiles)) {
    const reply = await page({ HTTP_ACCEPT_LANGUAGE: `xx, ${code};q=0.9, en;q=0.1` })
    assert.equal(reply.headers.get('content-language'), code)
    const direction = ['ar', 'he'].includes(code) ? 'rtl' : 'ltr'
    assert.match(reply.text, new RegExp(`<html lang="${code}" dir="${direction}">`))
  }
  const own = await page({ HTTP_ACCEPT_LANGUAGE: 'en', UPLOAD_CGI_LANGUAGE: 'de' })
  assert.equal(own.headers.get('content-language'), 'de')
})

test('errors are told in the language of the page, to programs with their code', async () => {
  const env = { HTTP_ACCEPT_LANGUAGE: 'de', CONTENT_TYPE: 'application/json' }
  const options = { program, directory: home, method: 'POST', body: Buffer.from('x') }
  const json = await runCgi({ ...options, env: { ...env, HTTP_ACCEPT: 'application/json' } })
  const german = JSON.parse(languageFiles.de())['fault.NOT_MULTIPART']
  assert.ok(json.json().detail.startsWith(german), json.text)
  assert.equal(json.json().code, 'NOT_MULTIPART')
  const html = await runCgi({ ...options, env: { ...env, HTTP_ACCEPT: 'text/html' } })
  assert.ok(html.text.includes(german.replaceAll("'", '&#39;')))
  const text = await runCgi({ ...options, env })
  assert.match(text.text, /^NOT_MULTIPART: Uploads must be sent/)
})

test('whatever the owner writes is text on the page', async () => {
  const reply = await page({
    UPLOAD_CGI_TITLE: attack,
    UPLOAD_CGI_MESSAGE: attack,
    UPLOAD_CGI_EXTRA_FIELDS: fields,
  })
  assert.equal(reply.status, 200)
  assert.doesNotMatch(reply.text, /<script>alert/)
  assert.match(
    reply.text,
    /<input type="email" autocomplete="email" id="field-sender" name="sender" required>/,
  )
  assert.match(reply.text, /<label for="field-sender">Mail .*required/)
  assert.match(reply.text, /<option>red<\/option>/)
  assert.match(reply.text, /<input type="checkbox" value="yes" id="field-agreed" name="agreed">/)
})

test('style and colour of the owner are allowed by their hash', async () => {
  const css = `h1 { color: red }\r\n`
  const reply = await page({
    UPLOAD_CGI_ACCENT_COLOR: '#ffcc00',
    UPLOAD_CGI_STYLESHEET: written('own.css', css),
  })
  const style =
    reply.text
      .match(/<style>([^<]*)<\/style>/g)
      ?.at(-1)
      ?.slice(7, -8) ?? ''
  assert.match(
    style,
    /^:root\{--accent:#ffcc00;--on-accent:#000;--away:#fff;--accent-text:#[0-9a-f]{6}\}@media\(prefers-color-scheme:dark\)\{:root\{--accent-text:#ffcc00\}\}\nh1 \{ color: red \}\n$/,
  )
  const hash = createHash('sha256').update(style).digest('base64')
  const policy = reply.headers.get('content-security-policy') ?? ''
  assert.ok(policy.includes(`'sha256-${hash}'`), policy)
  assert.doesNotMatch(policy, /unsafe/)
})

test('no colour is written in a way that browsers of 2023 do not understand', async () => {
  const own = await page({ UPLOAD_CGI_ACCENT_COLOR: '#0b6e4f' })
  assert.doesNotMatch(own.text, /light-dark\(/)
  assert.match(own.text, /@media\s*\(prefers-color-scheme:\s*dark\)/)
})

test('a logo is inlined; one that is no picture is left out and told to the owner', async () => {
  const reply = await page({ UPLOAD_CGI_LOGO: written('logo.png', png) })
  assert.ok(
    reply.text.includes(
      `<img class="logo" alt="" src="data:image/png;base64,${png.toString('base64')}"`,
    ),
  )
  for (const [name, content] of [
    ['a.png', 'no picture'],
    ['b.png', Buffer.concat([png, Buffer.alloc(100_000)])],
  ] as const) {
    const without = await page({ UPLOAD_CGI_LOGO: written(name, content) })
    assert.equal(without.status, 200)
    assert.match(without.text, /<svg class="mark"/)
    assert.match(without.stderr, /logo: it is/)
  }
  // A long prolog takes no time, and a pipe is not waited for.
  const svg = `${'<!-- a line of a licence -->\\n'.repeat(60)}<svg xmlns="http://www.w3.org/2000/svg"/>`
  assert.match(
    (await page({ UPLOAD_CGI_LOGO: written('a.svg', svg) })).text,
    /data:image\/svg\+xml/,
  )
  execFileSync('mkfifo', [join(home, 'pipe')])
  const piped = await page({ UPLOAD_CGI_LOGO: join(home, 'pipe') })
  assert.match(piped.stderr, /logo: it is no file/)
})

test('wrong settings of the page are named with their remedy', () => {
  const wrong: [string, string][] = [
    ['ACCENT_COLOR', 'red'],
    ['LANGUAGE', 'xx'],
    ['PARALLEL_UPLOADS', '7'],
    ['EXTRA_FIELDS', 'no json'],
    ['EXTRA_FIELDS', '[{"name":"file","label":"x"}]'],
    ['EXTRA_FIELDS', '[{"name":"_x","label":"x"}]'],
    ['EXTRA_FIELDS', '[{"name":"a","label":"x"},{"name":"a","label":"y"}]'],
    ['EXTRA_FIELDS', '[{"name":"a"}]'],
    ['EXTRA_FIELDS', '[{"name":"a","label":"x","type":"file"}]'],
    ['EXTRA_FIELDS', '[{"name":"a","label":"x","type":"select"}]'],
    ['EXTRA_FIELDS', '[{"name":"a","label":"x","colour":"red"}]'],
  ]
  for (const [key, value] of wrong) {
    const env = { UPLOAD_CGI_DIRECTORY: home, [`UPLOAD_CGI_${key}`]: value }
    const { status, stdout } = spawnSync(program, ['check', '--json', ...asOneself], {
      env,
      encoding: 'utf8',
    })
    assert.equal(status, 78, `${key} ${value}`)
    const { findings } = JSON.parse(stdout)
    const wrongs = findings.filter(({ code }: { code: string }) => code === 'SETTINGS_WRONG')
    assert.match(wrongs[0].remedy, /write/)
  }
})

test('check shows the page as it will be', () => {
  const env = {
    UPLOAD_CGI_DIRECTORY: uploads,
    UPLOAD_CGI_LOGO: written('text.png', 'text'),
    UPLOAD_CGI_ACCENT_COLOR: '#0b6e4f',
    UPLOAD_CGI_EXTRA_FIELDS: fields,
  }
  const { status, stdout } = spawnSync(program, ['check', ...asOneself], { env, encoding: 'utf8' })
  assert.equal(status, 0)
  assert.match(stdout, /warning logo: .*it is no PNG/)
  assert.match(stdout, /#fff on it has a contrast of 6\.\d/)
  assert.match(stdout, /field team: “Team” \(select\)/)
})

test('what visitors wrote is in the receipt and in the log', async () => {
  const log = join(home, 'log')
  const body = multipartBody([
    { name: 'sender', content: 'ann@example.org' },
    { name: 'file', filename: 'a.txt', content: 'x' },
  ])
  const env = { HTTP_ACCEPT: 'application/json', UPLOAD_CGI_LOG_FILE: log }
  const directory = freshDirectory({ after }, home)
  const reply = await runCgi({ directory, body, contentType: contentType(), env })
  assert.deepEqual(reply.json().fields, [{ name: 'sender', value: 'ann@example.org' }])
  assert.deepEqual(JSON.parse(readFileSync(log, 'utf8')).fields, [['sender', 'ann@example.org']])
})

test('form prints the page as a file that posts elsewhere', () => {
  const env = { UPLOAD_CGI_EXTRA_FIELDS: fields }
  const action = 'https://files.example.org/cgi-bin/upload.cgi?a=1&b=2'
  const args = ['form', '--action', action, '--language', 'de']
  const html = execFileSync(program, args, { env, encoding: 'utf8' })
  assert.match(html, /^<!doctype html>\n<html lang="de" dir="ltr">/)
  assert.ok(html.includes(' action="https://files.example.org/cgi-bin/upload.cgi?a=1&#38;b=2"'))
  assert.match(
    html,
    /http-equiv="Content-Security-Policy" content="[^"]*connect-src https:\/\/files\.example\.org; form-action https:\/\/files\.example\.org; /,
  )
  assert.doesNotMatch(html, /frame-ancestors/)
  for (const wrong of [
    [],
    ['--action', 'javascript:alert(1)'],
    ['--action', '//x'],
    ['--action', '/\\x'],
    ['--action', '/x', '--language', 'xx'],
  ]) {
    assert.equal(spawnSync(program, ['form', ...wrong], { env }).status, 64)
  }
})

test('form of another site with a passphrase leads to the page that asks for it', (t) => {
  const UPLOAD_CGI_CONFIG = writeSettings(freshDirectory(t), 'passphrase = "open <sesame>"\n')
  const pageOf = (action: string) => {
    const args = ['form', '--action', action]
    return execFileSync(program, args, { env: { UPLOAD_CGI_CONFIG }, encoding: 'utf8' })
  }
  const away = pageOf('https://files.example.org/upload?a=1&b=2')
  const address = 'https://files.example.org/upload?a=1&#38;b=2'
  assert.ok(away.includes(`<meta http-equiv="refresh" content="0; url=${address}">`), away)
  assert.ok(away.includes(`<a class="button" href="${address}">Continue</a>`), away)
  assert.doesNotMatch(away, /<form|<script|sesame/)
  // The cookie comes along where the site is the same, and an invitation needs none.
  for (const action of [
    '/upload.cgi',
    'https://files.example.org/upload?invite=0123456789abcdef',
  ]) {
    const own = pageOf(action)
    assert.match(own, /<form .*id="form"/)
    assert.doesNotMatch(own, /http-equiv="refresh"/)
  }
})

test('serve --open shows the page in the browser', async (t) => {
  const seen = join(home, 'opened')
  writeFileSync(
    join(home, 'xdg-open'),
    `#!/bin/sh\necho "$1" > ${seen}.part\nmv ${seen}.part ${seen}\n`,
    { mode: 0o755 },
  )
  const env = { PATH: `${home}:/usr/bin:/bin`, DISPLAY: ':0', UPLOAD_CGI_DIRECTORY: home }
  const { url } = await startServe(t, { args: ['--open'], env })
  await comesTrue(() => existsSync(seen))
  assert.equal(readFileSync(seen, 'utf8').trim(), url)
})
