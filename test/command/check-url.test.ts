// `upload.cgi check --url` against real servers that hinder uploads as servers do: limits, a
// firewall, time limits, a program that is shown or refused instead of run. Nothing may ever be
// left in the upload directory.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, join, resolve } from 'node:path'
import { test } from 'node:test'
import { apache, checked, checkedWith, servedDirectory } from '../host/checked-address.ts'
import { missing } from '../host/installed.ts'
import { startLighttpd } from '../host/lighttpd.ts'
import { startNginx } from '../host/nginx.ts'
import { freshDirectory, program, writeSettings } from '../host/program.ts'
import type { RunningServer } from '../host/server.ts'
import { giveToServer } from '../host/user.ts'

function assertNothingLeft(directory: string): void {
  const left = readdirSync(directory).filter((name) => name !== '.upload-cgi')
  assert.deepEqual(left, [])
  assert.deepEqual(readdirSync(join(directory, '.upload-cgi', 'incoming')), [])
}

test('a server that lets everything through', { skip: missing('apache2') }, async (t) => {
  const { server, directory } = await apache(t)
  const found = await checked(server.url)
  assert.deepEqual(
    [...found.keys()],
    ['URL', 'SMALL', 'ORIGIN', 'LARGE', 'ODD_NAMES', 'CONTENT', 'TUS', 'BODY_PASSED_ON', 'PAUSE'],
  )
  assert.ok([...found.values()].every(({ level }) => level === 'ok'))
  assertNothingLeft(directory)
})

test('a server that shows unfinished uploads to everyone', {
  skip: missing('nginx', 'fcgiwrap'),
}, async (t) => {
  const closed = 'location ~ /\\.upload-cgi(/|$) { deny all; }'
  for (const [inside, code, level] of [
    ['', 'FOLDER_SHOWN', 'error'],
    [closed, 'FOLDER', 'ok'],
    [`autoindex on; ${closed}`, 'FOLDER', 'ok'],
  ] as const) {
    const directory = servedDirectory(t)
    const env = {
      UPLOAD_CGI_DIRECTORY: directory,
      UPLOAD_CGI_ALLOW_PUBLIC_DIRECTORY: 'true',
      UPLOAD_CGI_PUBLIC_URL: '/files/',
    }
    const extra = `location /files/ { alias ${directory}/; ${inside} }`
    const server = await startNginx({ env, extra })
    t.after(() => server.stop())
    assert.equal((await checkedWith(env, server.url)).get(code)?.level, level, code)
    // Whoever looks from another machine knows no names.
    const far = await checkedWith({ ...env, UPLOAD_CGI_DIRECTORY: '/none' }, server.url)
    assert.equal(far.get('FOLDER')?.level, 'ok')
    assertNothingLeft(directory)
  }
})

test('a server that shows the settings, until it has the rule of the remedy', {
  skip: missing('nginx', 'fcgiwrap'),
}, async (t) => {
  const directory = servedDirectory(t)
  const site = freshDirectory(t)
  giveToServer(site)
  writeSettings(site, 'directory = "/srv/uploads"\npassphrase = "secret"\n')
  const env = { UPLOAD_CGI_DIRECTORY: directory }
  const shown = `location /cgi-bin/.htupload.toml { alias ${site}/.htupload.toml; }`
  const open = await startNginx({ env, extra: shown })
  t.after(() => open.stop())
  const finding = (await checkedWith(env, open.url)).get('SETTINGS_SHOWN')
  assert.equal(finding?.level, 'error')
  assert.ok(!finding?.message.includes('secret"'))
  const [rule = ''] = /location ~ [^}]*\}/.exec(finding?.remedy ?? '') ?? []
  const ruled = await startNginx({ env, extra: `${shown}\n${rule}` })
  t.after(() => ruled.stop())
  assert.equal((await checkedWith(env, ruled.url)).get('SETTINGS_SHOWN'), undefined)
})

test('a proxy that the settings do not name hides who sends', {
  skip: missing('apache2'),
}, async (t) => {
  // Requests come from 127.0.0.1, as from a proxy on the same machine.
  const module = 'LoadModule headers_module /usr/lib/apache2/modules/mod_headers.so'
  const extra = `${module}\nRequestHeader set X-Forwarded-For 192.0.2.7`
  const { server } = await apache(t, { extra })
  assert.equal((await checked(server.url)).get('PROXY_UNKNOWN')?.level, 'warning')

  const named = await apache(t, { extra, env: { UPLOAD_CGI_TRUSTED_PROXIES: '127.0.0.0/8' } })
  assert.equal((await checked(named.server.url)).get('PROXY_UNKNOWN'), undefined)
})

test('a proxy that changes Host or the path', { skip: missing('apache2') }, async (t) => {
  const { server, directory } = await apache(t)
  const inFront = async (...more: string[]) => {
    const { server: proxy } = await apache(t, {
      extra: [
        'LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so',
        'LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so',
        'LoadModule headers_module /usr/lib/apache2/modules/mod_headers.so',
        ...more,
      ].join('\n'),
    })
    return proxy.url.replace(/upload$/, 'files')
  }
  const pass = `ProxyPass /files ${server.url}`
  const changing = await inFront(pass)
  const changed = await checked(changing)
  const { origin } = new URL(changing)
  const host = changed.get('HOST_CHANGED')
  assert.equal(host?.level, 'error', JSON.stringify([...changed]))
  const asked = new URL(server.url).host
  assert.ok(host?.message.includes(`page of ${origin}, request for ${asked}`), host?.message)
  assert.match(host?.remedy ?? '', /ProxyPreserveHost On; .*proxy_set_header Host \$http_host/)
  assert.ok(host?.remedy.includes(`allowed_origins = ["${origin}"]`), host?.remedy)
  assert.equal(changed.get('TUS_ADDRESS')?.level, 'warning')
  assert.match(changed.get('TUS_ADDRESS')?.remedy ?? '', /X-Forwarded-Prefix/)

  const keeping = await inFront(
    'ProxyPreserveHost On',
    'RequestHeader set X-Forwarded-Prefix /files',
    pass,
  )
  const kept = await checked(keeping)
  assert.equal(kept.get('ORIGIN')?.level, 'ok', JSON.stringify([...kept]))
  assert.equal(kept.get('TUS')?.level, 'ok', JSON.stringify([...kept]))
  assertNothingLeft(directory)
})

test('servers that keep a body until it is whole', {
  skip: missing('lighttpd', 'nginx', 'fcgiwrap'),
}, async (t) => {
  for (const start of [startLighttpd, startNginx]) {
    const directory = servedDirectory(t)
    const server: RunningServer = await start({
      program,
      env: { UPLOAD_CGI_DIRECTORY: directory },
    })
    t.after(() => server.stop())
    const found = await checked(server.url)
    assert.equal(found.get('BODY_HELD')?.level, 'ok', JSON.stringify([...found]))
    assert.equal(found.get('LARGE')?.level, 'ok')
    assertNothingLeft(directory)
  }
})

test('limits of the size: what passes is found out', {
  skip: missing('apache2', 'nginx', 'fcgiwrap'),
}, async (t) => {
  const { server, directory } = await apache(t, { define: { UPLOAD_CGI_MAX_BODY: '3000000' } })
  const found = await checked(server.url)
  assert.match(found.get('BODY_TOO_LARGE')?.message ?? '', /20 MB does not reach .*413/)
  assert.match(found.get('BODY_LIMIT')?.message ?? '', /of 2 MB pass, of 5 MB no longer/)
  assert.match(found.get('BODY_LIMIT')?.remedy ?? '', /chunk_size = "2000KB"/)
  assertNothingLeft(directory)

  const small = await startNginx({
    env: { UPLOAD_CGI_DIRECTORY: directory },
    extra: 'client_max_body_size 100k;',
  })
  t.after(() => small.stop())
  const none = await checked(small.url)
  assert.match(none.get('BODY_REFUSED')?.message ?? '', /not even bodies of 256 KB/)
})

test("the program's own limits are told as its own", { skip: missing('apache2') }, async (t) => {
  const env = { UPLOAD_CGI_MAX_FILE_SIZE: '5MB' }
  const { server } = await apache(t, { env })
  const found = await checked(server.url)
  assert.match(found.get('LARGE')?.message ?? '', /20 MB pass; .*own settings .*FILE_TOO_LARGE/)
})

test('a firewall with the usual rules', {
  skip: missing('apache2', 'libapache2-mod-security2', 'modsecurity-crs'),
}, async (t) => {
  const { server, directory } = await apache(t, {
    extra: [
      'LoadModule unique_id_module /usr/lib/apache2/modules/mod_unique_id.so',
      'LoadModule security2_module /usr/lib/apache2/modules/mod_security2.so',
      'Include /etc/modsecurity/modsecurity.conf-recommended',
      'SecRuleEngine On',
      'SecAuditEngine Off',
      'SecDataDir /tmp',
      'Include /usr/share/modsecurity-crs/owasp-crs.load',
    ].join('\n'),
  })
  const found = await checked(server.url)
  assert.equal(found.get('SMALL')?.level, 'ok', JSON.stringify([...found]))
  assert.equal(found.get('BODY_TOO_LARGE')?.level, 'warning')
  assert.match(found.get('BODY_LIMIT')?.message ?? '', /of 10 MB pass, of 20 MB no longer/)
  assert.match(found.get('ODD_NAMES_REFUSED')?.message ?? '', /403|400/)
  assert.match(found.get('CONTENT_REFUSED')?.message ?? '', /two hyphens \(403/)
  assert.match(found.get('CONTENT_REFUSED')?.remedy ?? '', /page and upload\.sh get through/)
  assert.match(found.get('TUS_REFUSED')?.message ?? '', /PATCH \(403/)
  assertNothingLeft(directory)
})

test('a server that puts its own pages in place of errors', {
  skip: missing('nginx', 'fcgiwrap'),
}, async (t) => {
  const directory = servedDirectory(t)
  const env = { UPLOAD_CGI_DIRECTORY: directory }
  const extra = 'fastcgi_intercept_errors on; error_page 404 403 413 /none;'
  const server = await startNginx({ program, env, extra })
  t.after(() => server.stop())
  const found = await checked(server.url)
  assert.match(found.get('ERRORS_REPLACED')?.remedy ?? '', /fastcgi_intercept_errors off/)
  assert.equal(found.get('SMALL')?.level, 'ok', JSON.stringify([...found]))
  assert.equal(found.get('LARGE')?.level, 'ok')
  assertNothingLeft(directory)

  const [off = ''] =
    /fastcgi_intercept_errors off/.exec(found.get('ERRORS_REPLACED')?.remedy ?? '') ?? []
  const right = await startNginx({ program, env, extra: `${off}; error_page 404 403 413 /none;` })
  t.after(() => right.stop())
  assert.equal((await checked(right.url)).get('ERRORS_REPLACED'), undefined)
})

test('a site whose own Content-Security-Policy reaches the form, and the remedy', {
  skip: missing('apache2'),
}, async (t) => {
  for (const [header, what] of [
    // What a CGI program sends is among the headers that `always` replaces.
    ['Header always set', /has another .* \(default-src 'self'\)/],
    ['Header set', /adds another .* \(default-src 'self'\)/],
  ] as const) {
    const extra = `${header} Content-Security-Policy "default-src 'self'"`
    const { server, directory } = await apache(t, { extra })
    const found = (await checked(server.url)).get('POLICY_CHANGED')
    assert.equal(found?.level, 'warning')
    assert.match(found.message, what)
    const [condition = ''] = /"expr=[^"]*"/.exec(found.remedy) ?? []
    assert.notEqual(condition, '')
    const fixed = await apache(t, { extra: `${extra} ${condition}` })
    assert.equal((await checked(fixed.server.url)).has('POLICY_CHANGED'), false)
    // The rest of the site has it still.
    const other = await fetch(new URL('/other', fixed.server.url))
    if (header.includes('always')) assert.ok(other.headers.has('content-security-policy'))
    assertNothingLeft(directory)
  }
})

test('a server that is not patient', { skip: missing('apache2') }, async (t) => {
  const { server, directory } = await apache(t, {
    extra:
      'LoadModule reqtimeout_module /usr/lib/apache2/modules/mod_reqtimeout.so\n' +
      'RequestReadTimeout body=2',
  })
  const found = await checked(server.url, '--pause', '4')
  assert.equal(found.get('PAUSE_CUT')?.level, 'warning', JSON.stringify([...found]))
  assertNothingLeft(directory)
})

test('a program that is not run, not found, not allowed, not able', {
  skip: missing('apache2'),
}, async (t) => {
  const folder = resolve(program, '..')
  const rule = (text: string) =>
    `<Directory "${folder}">\n<Files "${basename(program)}">\n${text}\n</Files>\n</Directory>`
  const cases: [string, string, string][] = [
    ['SetHandler default-handler', '', 'NOT_RUN'],
    ['', '/nowhere', 'NOT_FOUND'],
    ['Require all denied', '', 'FORBIDDEN'],
    ['Redirect 302 /upload https://other.example/', '', 'REDIRECTED'],
    ['RLimitMEM 100000000', '', 'PROGRAM_FAILED'],
    ['SetEnv UPLOAD_CGI_MAX_FILES none', '', 'URL_REFUSED'],
    ['SetEnv UPLOAD_CGI_REQUIRE_USER on', '', 'SMALL_REFUSED'],
  ]
  for (const [text, more, code] of cases) {
    const extra = /^Redirect/.test(text) ? text : rule(text)
    const { server } = await apache(t, { extra })
    const found = await checked(more === '' ? server.url : server.url.replace(/\/upload$/, more))
    assert.equal(found.get(code)?.level, 'error', `${code}: ${JSON.stringify([...found])}`)
    assert.notEqual(found.get(code)?.remedy, '')
    found.delete('URL')
    assert.equal(found.size, 1)
    if (code === 'SMALL_REFUSED') assert.match(found.get(code)?.remedy ?? '', /USER:PASSWORD/)
    await server.stop()
  }
})

test('a name that the settings refuse, and another one', {
  skip: missing('apache2'),
}, async (t) => {
  const { server } = await apache(t, { env: { UPLOAD_CGI_ALLOW_EXTENSIONS: 'pdf,jpg' } })
  const refused = await checked(server.url)
  const [, name = ''] = /--name (\S+)$/.exec(refused.get('NAME_REFUSED')?.remedy ?? '') ?? []
  assert.equal(name, 'check.pdf')
  const found = await checked(server.url, '--name', name)
  assert.equal(found.get('LARGE')?.level, 'ok')
})

test('a limit of requests is not taken for a rule about names or content', {
  skip: missing('apache2', 'libapache2-mod-security2'),
}, async (t) => {
  const state = servedDirectory(t)
  for (const most of [1, 5]) {
    const { server } = await apache(t, {
      extra: [
        'LoadModule unique_id_module /usr/lib/apache2/modules/mod_unique_id.so',
        'LoadModule security2_module /usr/lib/apache2/modules/mod_security2.so',
        'SecRuleEngine On',
        `SecDataDir ${state}`,
        `SecAction id:1,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR}-${most},setvar:ip.count=+1`,
        `SecRule IP:COUNT "@gt ${most}" id:2,phase:1,deny,status:403,nolog`,
      ].join('\n'),
    })
    const found = await checked(server.url)
    const limited = found.get('REQUESTS_LIMITED')
    assert.match(limited?.message ?? '', /ordinary ones, too \(403 by Apache/, `after ${most}`)
    assert.match(limited?.remedy ?? '', /DOSPageCount .*limit_req/)
    const blamed = [...found.keys()].filter((code) => /_REFUSED|_TOO_LARGE/.test(code))
    assert.deepEqual(blamed, [])
    await server.stop()
  }
})

test('a password in the address is given to the server', {
  skip: missing('apache2'),
}, async (t) => {
  const passwords = join(servedDirectory(t), 'passwords')
  const sum = createHash('sha1').update('wonder').digest('base64')
  writeFileSync(passwords, `alice:{SHA}${sum}\n`, { mode: 0o644 })
  const { server } = await apache(t, { define: { UPLOAD_CGI_PASSWORDS: passwords } })
  const refused = await checked(server.url)
  assert.equal(refused.get('PASSWORD_NEEDED')?.level, 'error')
  const found = await checked(server.url.replace('://', '://alice:wonder@'))
  assert.equal(found.get('LARGE')?.level, 'ok')
})

test('nobody there, something else there', async () => {
  const closed = createServer()
  closed.listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const { port } = closed.address() as AddressInfo
  closed.close()
  const none = await checked(`http://127.0.0.1:${port}/cgi-bin/upload.cgi`)
  assert.match(none.get('URL_UNREACHABLE')?.message ?? '', /ECONNREFUSED/)

  const other = createServer((_, reply) => reply.end('<h1>It works!</h1>'))
  other.listen(0, '127.0.0.1')
  await once(other, 'listening')
  const at = (other.address() as AddressInfo).port
  const found = await checked(`http://127.0.0.1:${at}/`)
  assert.equal(found.get('OTHER_ANSWER')?.level, 'error')
  other.close()
})

test('an address that is none is a wrong call', async () => {
  for (const args of [
    ['--url', 'example.org'],
    ['--url', 'http://127.0.0.1:1/', '--pause', 'long'],
  ]) {
    const child = spawn(program, ['check', ...args], { stdio: 'ignore' })
    const [status] = await once(child, 'close')
    assert.equal(status, 64)
  }
})
