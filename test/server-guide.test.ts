// docs/servers.md, each section against the real server: what it shows is loaded, what it promises is seen.

import { type TestContext, test } from 'node:test'
import { promisesOf, section } from './guide.ts'
import { assertPromises, assertWorks, type Site, small } from './guide-promises.ts'
import { type Edit, Machine, needsRoot } from './guide-site.ts'
import { missing, type RunningServer } from './servers.ts'

const intro = section('Server guide')
const settingsFile = '/usr/lib/cgi-bin/.htupload.toml'
const title = /^title = "(.*)"$/m.exec(intro.block(settingsFile))?.[1] ?? ''
const smallRequests: Edit = [settingsFile, '"1GB"', `"${small.program}B"`]

test('Apache with mod_cgid', { skip: needsRoot() || missing('apache2') }, async (t) => {
  const machine = apacheMachine(t, [apacheLimit])
  machine.run(section('Apache with mod_cgid').script())
  const site = siteOf(machine, await machine.startApache('/upload'))
  await assertWorks(site)
  await assertPromises(site, promisesOf('Apache'))
})

test('Apache with mod_cgi', { skip: needsRoot() || missing('apache2') }, async (t) => {
  const machine = apacheMachine(t, [apacheLimit])
  machine.run(section('Apache with mod_cgi').script())
  const site = siteOf(machine, await machine.startApache('/upload'))
  await assertWorks(site)
  await assertPromises(site, promisesOf('Apache'))
})

test('lighttpd', { skip: needsRoot() || missing('lighttpd') }, async (t) => {
  const machine = new Machine(t)
  machine.takeFromDebian('lighttpd')
  machine.follow(intro, [smallRequests])
  const limit = /server\.max-request-size = \d+/
  const conf = '/etc/lighttpd/conf-available/50-upload-cgi.conf'
  machine.follow(section('lighttpd'), [[conf, limit, 'server.max-request-size = 1953']])
  machine.edit([
    ['/etc/lighttpd/lighttpd.conf', /$/, `server.max-read-idle = ${small.silenceSeconds}\n`],
  ])
  const site = siteOf(machine, await machine.startLighttpd('/upload'))
  await assertWorks(site)
  await assertPromises(site, promisesOf('lighttpd'))
})

test('nginx with fcgiwrap', { skip: needsRoot() || missing('nginx', 'fcgiwrap') }, async (t) => {
  const machine = new Machine(t)
  machine.takeFromDebian('nginx')
  machine.follow(intro, [smallRequests])
  const guide = section('nginx with fcgiwrap')
  const site = '/etc/nginx/sites-available/default'
  const conf = '/etc/nginx/snippets/upload-cgi.conf'
  machine.write(conf, guide.block(conf))
  machine.edit([
    [conf, 'client_max_body_size 1024m', 'client_max_body_size 2m'],
    [conf, 'client_body_timeout 60s', `client_body_timeout ${small.silenceSeconds}s`],
    [site, /\n}/, `\n${guide.block(site)}}`],
  ])
  machine.run(guide.script())
  const options = /^DAEMON_OPTS=(\S+)$/m.exec(guide.block('/etc/default/fcgiwrap'))?.[1] ?? ''
  const running = siteOf(machine, await machine.startNginx('/upload', options))
  await assertWorks(running)
  await assertPromises(running, promisesOf('nginx'))
})

test('busybox httpd', { skip: needsRoot() || missing('busybox') }, async (t) => {
  const machine = new Machine(t)
  const guide = section('busybox httpd')
  machine.follow(guide, [['/srv/www/cgi-bin/.htupload.toml', '"1GB"', `"${small.program}B"`]])
  const command = /^busybox .*$/m.exec(guide.script())?.[0].split(' ') ?? []
  const site = siteOf(machine, await machine.startBusybox('/cgi-bin/upload.cgi', command))
  await assertWorks(site)
  await assertPromises(site, promisesOf('busybox httpd'))
})

function apacheMachine(t: TestContext, edits: readonly Edit[]): Machine {
  const machine = new Machine(t)
  machine.takeFromDebian('apache2')
  machine.follow(intro, [smallRequests])
  const conf = '/etc/apache2/conf-available/upload-cgi.conf'
  machine.write(conf, section('Apache with mod_cgid').block(conf))
  machine.edit([
    ...edits,
    ['/etc/apache2/apache2.conf', 'Timeout 300', `Timeout ${small.silenceSeconds}`],
  ])
  return machine
}

function siteOf(machine: Machine, server: RunningServer): Site {
  return { server, uploads: machine.path('/srv/uploads'), title }
}

const apacheLimit: Edit = [
  '/etc/apache2/conf-available/upload-cgi.conf',
  'LimitRequestBody 1073741824',
  `LimitRequestBody ${small.server}`,
]
