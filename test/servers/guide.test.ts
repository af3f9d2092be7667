// docs/servers.md, each section against the real server: what it shows is loaded, what it promises
// is seen.

import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { promisesOf, section } from '../host/guide.ts'
import {
  answerToLength,
  assertNothingElse,
  assertPromises,
  assertWorks,
  type Site,
  send,
  small,
  upload,
} from '../host/guide-promises.ts'
import { type Edit, Machine, skipGuide } from '../host/guide-site.ts'
import { missing } from '../host/installed.ts'
import { contentType } from '../host/multipart-body.ts'
import { RawClient } from '../host/raw-client.ts'
import type { RunningServer } from '../host/server.ts'

const intro = section('Server guide')
const settingsFile = '/usr/lib/cgi-bin/.htupload.toml'
const apacheMain = '/etc/apache2/apache2.conf'
const apacheConfPath = '/etc/apache2/conf-available/upload-cgi.conf'
const nginxConf = '/etc/nginx/snippets/upload-cgi.conf'
const title = /^title = "(.*)"$/m.exec(intro.block(settingsFile))?.[1] ?? ''
const unlimited: Edit = [settingsFile, `"${small.program}B"`, '"0"']
const smallRequests: Edit = [settingsFile, '"1GB"', `"${small.program}B"`]

test('Apache with mod_cgid', { skip: skipGuide || missing('apache2') }, async (t) => {
  const machine = apacheMachine(t, [apacheLimit])
  machine.run(section('Apache with mod_cgid').script())
  const site = siteOf(machine, await machine.startApache('/upload'))
  await assertWorks(site)
  const message = /^ *SetEnv UPLOAD_CGI_MESSAGE "(.*)"$/m.exec(apacheConf())?.[1] ?? '?'
  assert.ok((await send(site.server.url, 'GET')).text.includes(message))
  const secret = new URL('/cgi-bin/.htupload.toml', site.server.url).href
  assert.equal((await send(secret, 'GET')).status, 403, 'nobody reads the settings')
  await assertPromises(site, promisesOf('Apache'))
})

test('Apache: who sends nothing, or next to nothing, is cut off as the guide says', {
  skip: skipGuide || missing('apache2'),
}, async (t) => {
  const limit = /RequestReadTimeout (body=10,minrate=500)/.exec(
    section('Apache with mod_cgid').text,
  )
  assert.ok(limit)
  const timeouts = '/etc/apache2/mods-available/reqtimeout.conf'
  const machine = apacheMachine(t, [[timeouts, limit[1] ?? '', 'body=1,minrate=500']])
  machine.edit([[apacheMain, `Timeout ${small.silenceSeconds}`, 'Timeout 300']])
  machine.run(section('Apache with mod_cgid').script())
  const { url } = await machine.startApache('/upload')
  const silent = await RawClient.connect(url, contentType())
  silent.head({ 'Content-Length': 1000 })
  const slow = await RawClient.connect(url, contentType())
  slow.head({ 'Content-Length': 1000 })
  const timer = setInterval(() => slow.send(Buffer.from('-')), 200)
  t.after(() => clearInterval(timer))
  assert.deepEqual(await Promise.all([silent.status(), slow.status()]), [408, 408])
  assertNothingElse(machine.path('/srv/uploads'), [])
})

test('Apache with mod_cgi', { skip: skipGuide || missing('apache2') }, async (t) => {
  const machine = apacheMachine(t, [apacheLimit])
  machine.run(section('Apache with mod_cgi').script())
  const site = siteOf(machine, await machine.startApache('/upload'))
  await assertWorks(site)
  await assertPromises(site, promisesOf('Apache'))
})

test('lighttpd', { skip: skipGuide || missing('lighttpd') }, async (t) => {
  const machine = lighttpdMachine(t, 'server.max-request-size = 1953')
  const main = '/etc/lighttpd/lighttpd.conf'
  machine.edit([[main, /$/, `server.max-read-idle = ${small.silenceSeconds}\n`]])
  const site = siteOf(machine, await machine.startLighttpd('/upload'))
  await assertWorks(site)
  await assertPromises(site, promisesOf('lighttpd'))
})

test('nginx with fcgiwrap', { skip: skipGuide || missing('nginx', 'fcgiwrap') }, async (t) => {
  const machine = nginxMachine(t, 'client_max_body_size 2m;')
  const idle = `client_body_timeout ${small.silenceSeconds}s`
  machine.edit([[nginxConf, 'client_body_timeout 60s', idle]])
  const site = siteOf(machine, await machine.startNginx('/upload', fcgiwrapOptions()))
  await assertWorks(site)
  assert.equal(fcgiwrapsOf(machine.path('/run/fcgiwrap.socket')), 1 + 8)
  await assertPromises(site, promisesOf('nginx'))
})

test('busybox httpd', { skip: skipGuide || missing('busybox') }, async (t) => {
  const machine = busyboxMachine(t, `"${small.program}B"`)
  const env = { UPLOAD_CGI_MESSAGE: 'from outside' }
  const started = await machine.startBusybox('/cgi-bin/upload.cgi', busyboxCommand(), env)
  const site = siteOf(machine, started)
  await assertWorks(site)
  assert.ok((await send(site.server.url, 'GET')).text.includes(env.UPLOAD_CGI_MESSAGE))
  const secret = new URL('/cgi-bin/.htupload.toml', site.server.url).href
  assert.equal((await send(secret, 'GET')).status, 404, 'nobody reads the settings')
  await assertPromises(site, promisesOf('busybox httpd'))
})

test('the limits of requests that servers have by themselves are those of the table', {
  skip: skipGuide || missing('apache2', 'lighttpd', 'nginx', 'fcgiwrap', 'busybox'),
}, async (t) => {
  const apache = apacheMachine(t, [[apacheConfPath, /^ *LimitRequestBody.*$/m, '']])
  apache.run(section('Apache with mod_cgid').script())
  const lighttpd = lighttpdMachine(t, '')
  const nginx = nginxMachine(t, '')
  const busybox = busyboxMachine(t, '"0"')
  for (const machine of [apache, lighttpd, nginx]) machine.edit([unlimited])
  const servers = {
    Apache: await apache.startApache('/upload'),
    lighttpd: await lighttpd.startLighttpd('/upload'),
    nginx: await nginx.startNginx('/upload', fcgiwrapOptions()),
    'busybox httpd': await busybox.startBusybox('/cgi-bin/upload.cgi', busyboxCommand()),
  }
  for (const [name, { url }] of Object.entries(servers)) {
    const row = promisesOf(name)
    const [, digits, unit] = /(\d+) ([GM])iB/.exec(row['limit of the request'] ?? '') ?? []
    const limit = digits === undefined ? 2 ** 40 : Number(digits) * 2 ** (unit === 'G' ? 30 : 20)
    // busybox counts to one less.
    const most = name === 'busybox httpd' ? limit - 1 : limit
    assert.equal(await answerToLength(url, most, 700), 0, name)
    if (digits === undefined) continue
    assert.equal(String(await answerToLength(url, most + 1, 60_000)), row['over it'], name)
  }
})

test('an answer that comes too late ends as the guide says', {
  skip: skipGuide || missing('apache2', 'lighttpd', 'nginx', 'fcgiwrap', 'busybox'),
}, async (t) => {
  const { silenceSeconds } = small
  const seconds = silenceSeconds * 2
  const apache = apacheMachine(t, [
    [apacheConfPath, 'CGIDScriptTimeout 300', `CGIDScriptTimeout ${silenceSeconds}`],
  ])
  apache.run(section('Apache with mod_cgid').script())
  const lighttpd = lighttpdMachine(t, '')
  const nginx = nginxMachine(t, '')
  const patience = `fastcgi_read_timeout ${silenceSeconds}s`
  nginx.edit([[nginxConf, 'fastcgi_read_timeout 300s', patience]])
  const busybox = busyboxMachine(t, '"0"')
  for (const machine of [apache, lighttpd, nginx]) slowDown(machine, '/usr/lib/cgi-bin', seconds)
  slowDown(busybox, '/srv/www/cgi-bin', seconds)
  const servers = {
    Apache: [apache, await apache.startApache('/upload')],
    lighttpd: [lighttpd, await lighttpd.startLighttpd('/upload')],
    nginx: [nginx, await nginx.startNginx('/upload', fcgiwrapOptions())],
    'busybox httpd': [busybox, await busybox.startBusybox('/cgi-bin/upload.cgi', busyboxCommand())],
  } as const
  await Promise.all(
    Object.entries(servers).map(async ([name, [machine, { url }]]) => {
      const row = promisesOf(name, 'When the answer takes long')
      const { status } = await upload(url, 'late.txt', Buffer.from('late'))
      const path = join(machine.path('/srv/uploads'), 'late.txt')
      const patienceMs = row['the program'] === 'keeps running' ? 60_000 : seconds * 1000
      for (let ms = 0; ms < patienceMs && !existsSync(path); ms += 100) await delay(100)
      const isThere = existsSync(path)
      const seen = { status: String(status), program: isThere ? 'keeps running' : 'is killed' }
      assert.deepEqual(seen, { status: row['after that'], program: row['the program'] }, name)
    }),
  )
})

/** As if the disk were slow: the program begins so much later. */
function slowDown(machine: Machine, folder: string, seconds: number): void {
  const program = join(machine.path(folder), 'upload.cgi')
  renameSync(program, join(dirname(program), 'slow.cgi'))
  const script = `#!/bin/sh\nsleep ${seconds}\nexec "${dirname(program)}/slow.cgi"\n`
  writeFileSync(program, script, { mode: 0o755 })
}

function apacheMachine(t: TestContext, edits: readonly Edit[]): Machine {
  const machine = new Machine(t)
  machine.takeFromDebian('apache2')
  machine.follow(intro, [smallRequests])
  machine.write(apacheConfPath, apacheConf())
  machine.edit([...edits, [apacheMain, 'Timeout 300', `Timeout ${small.silenceSeconds}`]])
  return machine
}

function lighttpdMachine(t: TestContext, limit: string): Machine {
  const machine = new Machine(t)
  machine.takeFromDebian('lighttpd')
  machine.follow(intro, [smallRequests])
  const conf = '/etc/lighttpd/conf-available/50-upload-cgi.conf'
  machine.follow(section('lighttpd'), [[conf, /server\.max-request-size = 1048576/, limit]])
  return machine
}

function nginxMachine(t: TestContext, limit: string): Machine {
  const machine = new Machine(t)
  machine.takeFromDebian('nginx')
  machine.follow(intro, [smallRequests])
  const guide = section('nginx with fcgiwrap')
  const site = '/etc/nginx/sites-available/default'
  machine.write(nginxConf, guide.block(nginxConf))
  machine.edit([
    [nginxConf, 'client_max_body_size 1024m;', limit],
    [site, /\n}/, `\n${guide.block(site)}}`],
  ])
  machine.run(guide.script())
  return machine
}

function fcgiwrapOptions(): string {
  const text = section('nginx with fcgiwrap').block('/etc/default/fcgiwrap')
  return /^DAEMON_OPTS=(\S+)$/m.exec(text)?.[1] ?? ''
}

/** Processes that serve this socket, with the one that started them. */
function fcgiwrapsOf(socket: string): number {
  const commands = globSync('/proc/[0-9]*/cmdline').map((path) => {
    try {
      return readFileSync(path, 'utf8')
    } catch {
      return ''
    }
  })
  return commands.filter((text) => text.includes(`unix:${socket}\0`)).length
}

function busyboxMachine(t: TestContext, limit: string): Machine {
  const machine = new Machine(t)
  const settings = '/srv/www/cgi-bin/.htupload.toml'
  machine.follow(section('busybox httpd'), [[settings, '"1GB"', limit]])
  return machine
}

function busyboxCommand(): readonly string[] {
  return /^busybox .*$/m.exec(section('busybox httpd').script())?.[0].split(' ') ?? []
}

function apacheConf(): string {
  return section('Apache with mod_cgid').block(apacheConfPath)
}

function siteOf(machine: Machine, server: RunningServer): Site {
  return { server, uploads: machine.path('/srv/uploads'), title }
}

const apacheLimit: Edit = [
  apacheConfPath,
  'LimitRequestBody 1073741824',
  `LimitRequestBody ${small.server}`,
]
