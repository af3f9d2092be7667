// docs/servers.md, the sections about FastCGI: their units as systemd reads them, and each server
// with what the guide shows. What a server promises of bodies is seen with small limits, then
// 60 MB go through with those of the guide.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { checked } from '../host/checked-address.ts'
import { until } from '../host/fastcgi.ts'
import { promisesOf, section } from '../host/guide.ts'
import {
  assertNothingElse,
  assertPromises,
  assertRefused,
  assertWorks,
  type Site,
  send,
  small,
  upload,
} from '../host/guide-promises.ts'
import { type Edit, Machine, skipGuide } from '../host/guide-site.ts'
import { http2Client, makeCertificate } from '../host/http2.ts'
import { missing } from '../host/installed.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import type { RunningServer } from '../host/server.ts'
import { giveToServer, serverIds } from '../host/user.ts'

const intro = section('Server guide')
const units = section('systemd units for FastCGI')
const settingsFile = '/usr/lib/cgi-bin/.htupload.toml'
const title = /^title = "(.*)"$/m.exec(intro.block(settingsFile))?.[1] ?? ''
const nginxConf = '/etc/nginx/snippets/upload-cgi.conf'
const nginxSite = '/etc/nginx/sites-available/default'
const socketUnit = '/etc/systemd/system/upload-cgi.socket'
const serviceUnit = '/etc/systemd/system/upload-cgi@.service'
const large = Buffer.alloc(60_000_000, 'sixty million bytes ')

test('systemd finds nothing wrong with the units', {
  skip: skipGuide || missing('systemd-analyze'),
}, (t) => {
  const machine = machineOf(t)
  const paths = [socketUnit, serviceUnit].map((path) => {
    const place = join('/run', path.replace(/.*\//, ''))
    machine.write(place, units.block(path))
    return machine.path(place)
  })
  const env = { PATH: '/usr/bin:/bin', SYSTEMD_UNIT_PATH: `${machine.path('/run')}:` }
  const instances = paths.map((path) => path.replace('@.', '@2.'))
  const result = spawnSync('systemd-analyze', ['verify', ...instances], { env, encoding: 'utf8' })
  const said = result.stderr.split('\n').filter((line) => line.includes('upload-cgi'))
  assert.deepEqual([result.status, said], [0, []], result.stderr)
})

test('nginx with FastCGI', {
  skip: skipGuide || missing('nginx', 'systemd-socket-activate'),
}, async (t) => {
  const machine = nginxMachine(t)
  machine.edit([
    [nginxConf, 'client_body_timeout 60s', `client_body_timeout ${small.silenceSeconds}s`],
  ])
  await startProcess(t, machine)
  await assertKept(machine, await machine.startNginx('/upload'), 'nginx, FastCGI')
})

test('nginx with FastCGI, which stores the body first', {
  skip: skipGuide || missing('nginx', 'systemd-socket-activate'),
}, async (t) => {
  const machine = nginxMachine(t)
  machine.edit([[nginxConf, 'fastcgi_request_buffering off', 'fastcgi_request_buffering on']])
  await startProcess(t, machine)
  await assertKept(machine, await machine.startNginx('/upload'))
})

test('nginx with FastCGI and HTTP/2: a length or none, and a refusal in the middle', {
  skip: skipGuide || missing('nginx', 'systemd-socket-activate', 'openssl'),
}, async (t) => {
  const machine = nginxMachine(t)
  const { certificate, key } = makeCertificate(t)
  const tls = `ssl_certificate "${certificate}"; ssl_certificate_key "${key}";`
  machine.edit([[nginxSite, /listen ([\d.:]+)( default_server)?;/, `listen $1 ssl http2; ${tls}`]])
  await startProcess(t, machine)
  const { url } = await machine.startNginx('/upload')
  const client = await http2Client(t, url.replace('http:', 'https:'))
  const form = { 'content-type': contentType() }
  const content = large.subarray(0, 700_000)
  const body = multipartBody([{ name: 'file', filename: 'a.bin', content }])
  for (const more of [{ 'content-length': String(body.length) }, {}]) {
    const reply = await client.send('POST', '/upload', { ...form, ...more }, body)
    assert.equal(reply.status, 201, reply.text)
  }
  const wrong = multipartBody([{ name: 'file', filename: 'x.php', content }])
  assert.equal((await client.send('POST', '/upload', form, wrong)).status, 415)
  assertNothingElse(machine.path('/srv/uploads'), ['a-2.bin', 'a.bin'])
})

test('lighttpd with FastCGI', { skip: skipGuide || missing('lighttpd') }, async (t) => {
  const machine = machineOf(t, 'lighttpd')
  machine.follow(section('lighttpd with FastCGI'))
  machine.makeForServer('/run/lighttpd')
  const silence = `server.max-read-idle = ${small.silenceSeconds}\n`
  machine.edit([['/etc/lighttpd/lighttpd.conf', /$/, silence]])
  await assertKept(machine, await machine.startLighttpd('/upload'), 'lighttpd, FastCGI')
})

test('Apache with mod_proxy_fcgi', {
  skip: skipGuide || missing('apache2', 'systemd-socket-activate'),
}, async (t) => {
  const machine = apacheMachine(t, 'Apache with mod_proxy_fcgi')
  await startProcess(t, machine)
  await assertKept(machine, await machine.startApache('/upload'), 'Apache, mod_proxy_fcgi')
})

test('Apache with mod_fcgid', {
  skip: skipGuide || missing('apache2', 'libapache2-mod-fcgid'),
}, async (t) => {
  const machine = fcgidMachine(t)
  const server = await machine.startApache('/upload')
  assert.match((await send(server.url, 'GET')).text, /The office opens at nine\./)
  await assertKept(machine, server, 'Apache, mod_fcgid')
})

test('check --url names the line that mod_fcgid lacks as Debian has it', {
  skip: skipGuide || missing('apache2', 'libapache2-mod-fcgid'),
}, async (t) => {
  const conf = '/etc/apache2/conf-available/upload-cgi.conf'
  const machine = fcgidMachine(t, [[conf, /^FcgidMaxRequestLen.*\n/m, '']])
  const server = await machine.startApache('/upload')
  assert.equal((await upload(server.url, 'a.bin', large.subarray(0, 130_000))).status, 201)
  assert.equal((await upload(server.url, 'b.bin', large.subarray(0, 140_000))).status, 500)
  assertNothingElse(machine.path('/srv/uploads'), ['a.bin'])
  const finding = (await checked(server.url, '--pause', '0')).get('FCGID_LIMIT')
  const [, line = ''] = /^(FcgidMaxRequestLen \d+) in the conf/.exec(finding?.remedy ?? '') ?? []
  assert.notEqual(line, '')
  await server.stop()
  machine.edit([[conf, /$/, `${line}\n`]])
  const again = await machine.startApache('/upload')
  const after = await checked(again.url, '--pause', '0')
  assert.deepEqual([after.has('FCGID_LIMIT'), after.get('LARGE')?.level], [false, 'ok'])
  assert.equal((await upload(again.url, 'b.bin', large.subarray(0, 140_000))).status, 201)
})

function machineOf(t: TestContext, server?: 'apache2' | 'lighttpd' | 'nginx'): Machine {
  const machine = new Machine(t)
  if (server !== undefined) machine.takeFromDebian(server)
  machine.follow(intro, [[settingsFile, '"1GB"', `"${small.program}B"`]])
  return machine
}

function nginxMachine(t: TestContext): Machine {
  const machine = machineOf(t, 'nginx')
  const guide = section('nginx with FastCGI')
  machine.write(nginxConf, guide.block(nginxConf))
  machine.edit([[nginxSite, /\n}/, `\n${guide.block(nginxSite)}}`]])
  machine.run(guide.script())
  return machine
}

function apacheMachine(t: TestContext, heading: string, edits: readonly Edit[] = []): Machine {
  const machine = machineOf(t, 'apache2')
  machine.follow(section(heading), edits)
  const main = '/etc/apache2/apache2.conf'
  machine.edit([[main, 'Timeout 300', `Timeout ${small.silenceSeconds}`]])
  return machine
}

/** Debian's Apache keeps the sockets of mod_fcgid in one place for all. */
function fcgidMachine(t: TestContext, edits: readonly Edit[] = []): Machine {
  const machine = apacheMachine(t, 'Apache with mod_fcgid', edits)
  machine.makeForServer('/run/fcgid')
  const place = machine.path('/run/fcgid')
  const lines = `FcgidIPCDir "${place}/sock"\nFcgidProcessTableFile "${place}/shm"\n`
  machine.edit([['/etc/apache2/apache2.conf', /$/, lines]])
  mkdirSync(join(place, 'sock'))
  giveToServer(join(place, 'sock'))
  return machine
}

/** As systemd would start it: the socket's path and the command are those of the units. */
async function startProcess(t: TestContext, machine: Machine): Promise<void> {
  const value = (path: string, key: string) =>
    machine.translate(new RegExp(`^${key}=(.*)$`, 'm').exec(units.block(path))?.[1] ?? '')
  const socket = value(socketUnit, 'ListenStream')
  giveToServer(dirname(socket))
  const args = ['-l', socket, value(serviceUnit, 'ExecStart')]
  const child = spawn('systemd-socket-activate', args, { stdio: 'ignore', env, ...serverIds() })
  const ended = once(child, 'exit')
  t.after(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const isThere = () => statSync(socket, { throwIfNoEntry: false }) !== undefined
  await until(isThere, () => `no socket: ${child.exitCode}`)
}

/** `row`: whose promises of the table are tried; if none, only that uploads work. */
async function assertKept(machine: Machine, server: RunningServer, row?: string): Promise<void> {
  const uploads = machine.path('/srv/uploads')
  const site: Site = { server, uploads, title }
  await assertWorks(site)
  if (row !== undefined) await assertPromises(site, promisesOf(row))
  // The settings change under the processes, which notice it.
  machine.edit([[settingsFile, `"${small.program}B"`, '"1GB"']])
  const stored = await upload(server.url, 'large.bin', large)
  assert.equal(stored.status, 201, stored.text + server.errorLog())
  assert.equal(statSync(join(uploads, 'large.bin')).size, large.length)
  assertRefused(await upload(server.url, 'x.php', large), 415, 'EXTENSION_REFUSED')
}

const env = { PATH: '/usr/bin:/bin' }
