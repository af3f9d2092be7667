// docs/servers.md where programs run as their owner or are in a user's folder: suexec, settings
// scripts, per-user directories, .htaccess. Debian's suexec runs programs below /var/www only, so
// the scratch machine is there.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Account, makeAccount } from '../host/account.ts'
import type { Finding } from '../host/check.ts'
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
import { missing } from '../host/installed.ts'
import { multipartBody } from '../host/multipart-body.ts'
import { paste } from '../host/remedy.ts'

const skip = skipGuide || missing('apache2', 'apache2-suexec-pristine')
const smallTimeout: Edit = [
  '/etc/apache2/apache2.conf',
  'Timeout 300',
  `Timeout ${small.silenceSeconds}`,
]
const title = 'Files for Alice'

function smallLimits(conf: string, settings: string): readonly Edit[] {
  return [
    [conf, 'LimitRequestBody 1073741824', `LimitRequestBody ${small.server}`],
    [settings, '"1GB"', `"${small.program}B"\nchunk_size = "500KB"`],
  ]
}

const suexec = {
  conf: '/etc/apache2/sites-available/alice.conf',
  settings: '/var/www/alice/cgi-bin/.htupload.toml',
}

test('Apache with suexec', { skip }, async (t) => {
  const { machine, account } = await machineWithAccount(t)
  const guide = section('Apache with suexec')
  machine.follow(guide, smallLimits(suexec.conf, suexec.settings))
  // A setting that suexec takes away: the title stays that of the file.
  machine.edit([[suexec.conf, '<Directory', 'SetEnv UPLOAD_CGI_TITLE Lost\n  <Directory']])
  const uploads = machine.path('/var/www/alice/uploads')
  const server = await machine.startApache('/cgi-bin/upload.cgi')
  const site: Site = { server, uploads, title }
  await assertWorks(site)
  assert.equal(statSync(join(uploads, "l'été.bin")).uid, account.uid)
  await assertPromises(site, promisesOf('Apache'))
})

test('suexec refuses what the guide says, with the words it says, and is fixed as it says', {
  skip,
}, async (t) => {
  const { machine, account } = await machineWithAccount(t)
  const guide = section('Apache with suexec')
  machine.follow(guide)
  // Where suexec runs nothing.
  const other = new Machine(t)
  const elsewhere = other.path('/srv/cgi-bin')
  cpSync(machine.path('/var/www/alice/cgi-bin'), elsewhere, { recursive: true })
  execFileSync('chown', ['-R', `${account.name}:${account.name}`, elsewhere])
  const open = `<Directory "${elsewhere}">\nRequire all granted\n</Directory>\n`
  const alias = `ScriptAlias /elsewhere/ "${elsewhere}/"\n${open}`
  machine.edit([[suexec.conf, '<Directory', `${alias}<Directory`]])
  const server = await machine.startApache('/cgi-bin/upload.cgi')
  const folder = machine.path('/var/www/alice/cgi-bin')
  const program = join(folder, 'upload.cgi')
  const spoil: Record<string, () => string> = {
    'mismatch with directory': () => {
      chownSync(folder, 0, 0)
      return `(${account.uid}/${account.gid})`
    },
    'directory is writable by others': () => {
      chmodSync(folder, 0o775)
      return folder
    },
    'file is writable by others': () => {
      chmodSync(program, 0o777)
      return 'upload.cgi'
    },
    'file has no execute permission': () => {
      chmodSync(program, 0o644)
      return program
    },
    'command not in docroot': () => elsewhere,
  }
  const rows = guide.table()
  assert.deepEqual([...rows.keys()].sort(), Object.keys(spoil).sort())
  for (const [message, row] of rows) {
    const size = statSync(suexecLog, { throwIfNoEntry: false })?.size ?? 0
    const subject = spoil[message]?.() ?? ''
    const isElsewhere = message === 'command not in docroot'
    const url = isElsewhere ? server.url.replace('cgi-bin', 'elsewhere') : server.url
    assert.equal((await send(url, 'GET')).status, 500, message)
    const lines = readFileSync(suexecLog, 'latin1').slice(size).split('\n')
    const isSaid = lines.some((line) => line.includes(message) && line.includes(subject))
    assert.ok(isSaid, `${message}, ${subject}: ${lines.join('\n')}`)
    const remedy = /`(ch[^`]*)`/.exec(row['what fixes it'] ?? '')?.[1]
    if (remedy !== undefined) machine.run(remedy)
    assert.equal((await send(server.url, 'GET')).status, 200, `fixed: ${message}`)
  }
})

test('what check finds wrong under suexec is right after its remedies, and uploads are stored', {
  skip,
}, async (t) => {
  const { machine, account } = await machineWithAccount(t)
  machine.follow(section('Apache with suexec'))
  const server = await machine.startApache('/cgi-bin/upload.cgi')
  const settings = machine.path(suexec.settings)
  const uploads = machine.path('/var/www/alice/uploads')
  const folder = machine.path('/var/www/alice/cgi-bin')
  const check = () => {
    const args = ['check', '--json']
    const { stdout } = spawnSync(join(folder, 'upload.cgi'), args, { encoding: 'utf8', env: {} })
    return JSON.parse(stdout) as { ok: boolean; findings: Finding[] }
  }
  assert.ok(check().ok)
  const spoil: Record<string, () => void> = {
    SETTINGS_WRONG: () => {
      chownSync(settings, 0, 0)
      chmodSync(settings, 0o600)
    },
    DIRECTORY_RIGHTS: () => chownSync(uploads, 0, 0),
    DIRECTORY_MISSING: () => rmSync(uploads, { recursive: true }),
    INCOMING_FOREIGN: () => {
      mkdirSync(join(uploads, '.upload-cgi'), { recursive: true, mode: 0o700 })
      chownSync(join(uploads, '.upload-cgi'), 33, 33)
    },
  }
  for (const [code, makeWrong] of Object.entries(spoil)) {
    makeWrong()
    assert.equal((await upload(server.url, 'a.txt', Buffer.from(code))).status, 503, code)
    const found = check().findings
    assert.deepEqual(
      found.filter(({ level }) => level === 'error').map((one) => one.code),
      [code],
    )
    assert.ok(found[0]?.message.includes(`user ${account.name}, whose folder the program is in`))
    paste(found.find((one) => one.code === code)?.remedy ?? '')
    assert.ok(check().ok)
    assert.equal((await upload(server.url, 'a.txt', Buffer.from(code))).status, 201, code)
  }
  const open = () => chmodSync(folder, 0o777)
  open()
  assert.equal((await send(server.url, 'GET')).status, 500)
  paste(check().findings.find((one) => one.code === 'PROGRAM_WRITABLE')?.remedy ?? '')
  assert.equal((await send(server.url, 'GET')).status, 200)
})

test('limits that the server sets are found with debug on, and lifted by the lines it is told', {
  skip,
}, async (t) => {
  const { machine } = await machineWithAccount(t)
  const low = 'RLimitMEM 645000000\n  RLimitCPU 30\n  RLimitNPROC 15\n  <Directory'
  machine.follow(section('Apache with suexec'), [[suexec.conf, '<Directory', low]])
  machine.edit([[suexec.settings, 'directory =', 'debug = true\ndirectory =']])
  const limits = async () => {
    const server = await machine.startApache('/cgi-bin/upload.cgi')
    const { text } = await send(server.url, 'GET', undefined, { Accept: 'text/html' })
    await server.stop()
    const lines = text.matchAll(/\[(LIMIT_[A-Z_]+)\][^→]*→ (RLimit\w+ \w+),/g)
    return new Map(Array.from(lines, ([, code = '', line = '']) => [code, line]))
  }
  const found = await limits()
  const codes = ['LIMIT_ADDRESS_SPACE', 'LIMIT_CPU', 'LIMIT_PROCESSES']
  assert.deepEqual([...found.keys()].sort(), codes)
  for (const line of found.values()) {
    const [directive = ''] = line.split(' ')
    machine.edit([[suexec.conf, new RegExp(`${directive} .*`), line]])
  }
  assert.deepEqual([...(await limits()).keys()], [])
})

for (const isOwner of [false, true]) {
  const how = isOwner ? 'with suexec' : 'without suexec'
  test(`several forms with one executable, ${how}`, { skip }, async (t) => {
    const { machine, account } = await machineWithAccount(t)
    machine.follow(section('Several forms, one executable'))
    const forms: [string, string][] = [
      ['letters', 'Letters to the editor'],
      ['photos', 'Photos of the day'],
    ]
    if (isOwner) {
      machine.follow(section('Apache with suexec'))
      const folder = machine.path('/var/www/alice/cgi-bin')
      for (const [name] of forms) {
        const script = join(folder, `${name}.cgi`)
        cpSync(machine.path(`/usr/lib/cgi-bin/${name}.cgi`), script)
        chownSync(script, account.uid, account.gid)
        execFileSync('chown', ['-R', account.name, machine.path(`/srv/${name}`)])
      }
    } else {
      machine.run('a2ensite -q 000-default')
    }
    const server = await machine.startApache('/cgi-bin/letters.cgi')
    for (const [name, title] of forms) {
      const url = server.url.replace('letters', name)
      const form = await send(url, 'GET')
      assert.equal(form.status, 200, form.text + server.errorLog())
      assert.ok(form.text.includes(title))
      // A query makes no other script, and no other settings, of it.
      const tricked = await send(`${url}?${machine.path('/usr/lib/cgi-bin/photos.cgi')}`, 'GET')
      assert.ok(tricked.text.includes(title))
      const bytes = Buffer.from(`for ${name}`)
      assert.equal((await upload(url, 'a.txt', bytes)).status, 201)
      const directory = machine.path(`/srv/${name}`)
      assertNothingElse(directory, ['a.txt'])
      assert.deepEqual(readFileSync(join(directory, 'a.txt')), bytes)
      const owner = isOwner ? account.uid : statSync(directory).uid
      assert.equal(statSync(join(directory, 'a.txt')).uid, owner)
      assert.equal((await upload(url, 'a.php', bytes)).status, 415)
    }
  })
}

const users = {
  conf: '/etc/apache2/conf-available/upload-cgi-users.conf',
  settings: '/home/alice/public_html/cgi-bin/.htupload.toml',
}

for (const isOwner of [false, true]) {
  const how = isOwner ? 'with suexec' : 'without suexec'
  test(`per-user directories, ${how}`, { skip }, async (t) => {
    const { machine, account } = await machineWithAccount(t)
    const home = machine.path('/home/alice')
    mkdirSync(home, { mode: 0o700 })
    chownSync(home, account.uid, account.gid)
    machine.run('a2ensite -q 000-default')
    machine.follow(section('Per-user directories'), smallLimits(users.conf, users.settings))
    if (!isOwner) {
      machine.follow(section('Per-user directories without suexec'))
    }
    const folder = machine.path('/home/alice/public_html/cgi-bin')
    machine.edit([[users.conf, /^/, `ScriptAlias "/around/" "${folder}/"\n`]])
    const server = await machine.startApache(`/~${account.name}/cgi-bin/upload.cgi`)
    const uploads = machine.path('/home/alice/uploads')
    const site: Site = { server, uploads, title }
    await assertWorks(site)
    // By way of an alias it is www-data that comes, which may not read alice's folder.
    const around = new URL('/around/upload.cgi', server.url).href
    assert.equal((await send(around, 'GET')).status, isOwner ? 503 : 200)
    const { uid, gid, mode } = statSync(join(uploads, "l'été.bin"))
    assert.equal(uid === account.uid, isOwner)
    assert.equal(gid, account.gid)
    assert.equal(mode & 0o777, 0o640)
    await assertPromises(site, promisesOf('Apache'))
  })
}

const shared = {
  conf: '/home/alice/public_html/upload/.htaccess',
  settings: '/home/alice/public_html/upload/.htupload.toml',
}

for (const isOwner of [false, true]) {
  const how = isOwner ? 'with suexec' : 'without suexec'
  test(`.htaccess only, ${how}`, { skip }, async (t) => {
    const { machine, account } = await machineWithAccount(t)
    machine.run('a2enmod -q cgid suexec')
    host(machine, isOwner ? 'SuexecUserGroup alice alice' : '', hostsOverride)
    machine.follow(section('.htaccess only'), smallLimits(shared.conf, shared.settings))
    const owner = isOwner ? account.name : 'www-data'
    execFileSync('chown', ['-R', `${owner}:`, machine.path('/home/alice')])
    const server = await machine.startApache('/upload/upload.cgi')
    const site: Site = { server, uploads: machine.path('/home/alice/uploads'), title }
    await assertWorks(site)
    await assertPromises(site, promisesOf('Apache'))
    for (const name of ['.htaccess', '.htupload.toml']) {
      const url = server.url.replace('upload.cgi', name)
      assert.equal((await send(url, 'GET')).status, 403, `${name} is nobody's business`)
    }
  })
}

test('a password in .htaccess: nobody gets in without it, nor when .htaccess is lost', {
  skip,
}, async (t) => {
  const { machine } = await machineWithAccount(t)
  machine.run('a2enmod -q cgid')
  host(machine, '', hostsOverride)
  machine.follow(section('.htaccess only'))
  const guide = section('A password')
  // It asks for the password at the terminal.
  machine.run(guide.block('sh').replace('-c ', '-cb ').replace('ann', 'ann secret'))
  machine.write(shared.conf, guide.block(shared.conf))
  machine.edit([[shared.settings, /$/, guide.block('toml')]])
  execFileSync('chown', ['-R', 'www-data:', machine.path('/home/alice/uploads')])
  const server = await machine.startApache('/upload/upload.cgi')
  const user = { Authorization: `Basic ${Buffer.from('ann:secret').toString('base64')}` }
  const body = multipartBody([{ name: 'file', filename: 'a.txt', content: 'hello' }])
  assert.equal((await send(server.url, 'POST', body)).status, 401)
  const stored = await send(server.url, 'POST', body, user)
  assert.equal(stored.status, 201, stored.text + server.errorLog())
  const [lines = ''] = /^Auth(?:.*\n)+?(?=<Files)/m.exec(guide.block(shared.conf)) ?? []
  machine.edit([[shared.conf, machine.translate(lines), '']])
  machine.edit([[shared.conf, '  Require valid-user\n', '']])
  assertRefused(await send(server.url, 'POST', body, user), 403, 'USER_REQUIRED')
  assertNothingElse(machine.path('/home/alice/uploads'), ['a.txt'])
})

test('.htaccess may contain what the guide says, and raises a limit of memory', {
  skip,
}, async (t) => {
  const { machine } = await machineWithAccount(t)
  machine.run('a2enmod -q cgid userdir')
  const lines = section('What .htaccess may contain').table()
  const site = '/home/alice/public_html'
  const classes = ['Options', 'FileInfo', 'AuthConfig', 'Limit', 'Indexes', 'All']
  const blocks: string[] = []
  for (const override of classes) {
    const folder = join(site, override)
    blocks.push(`<Directory "${folder}">\nAllowOverride ${override}\n</Directory>`)
    for (const [i, line] of [...lines.keys()].entries()) {
      machine.write(join(folder, String(i), '.htaccess'), `${line}\n`)
      machine.write(join(folder, String(i), 'a.txt'), 'a')
    }
  }
  host(machine, `${blocks.join('\n')}\nRLimitMEM 400000000`, hostsOverride)
  machine.follow(section('.htaccess only'))
  execFileSync('chown', ['-R', 'www-data:', machine.path('/home/alice')])
  const server = await machine.startApache('/upload/upload.cgi')
  for (const [i, [line, row]] of [...lines].entries()) {
    const allowed = []
    for (const override of classes) {
      const { status } = await send(new URL(`/${override}/${i}/a.txt`, server.url).href, 'GET')
      if (status !== 500) allowed.push(override)
    }
    const by = row['is allowed by'] ?? ''
    const expected = by === 'any' ? classes : by === 'none' ? [] : [...new Set([by, 'All'])]
    assert.deepEqual(allowed, expected, line)
  }
  assert.match(server.errorLog(), /not allowed here/)
  assert.equal((await send(server.url, 'GET')).status, 500)
  const limit = [...lines.keys()].find((line) => line.startsWith('RLimitMEM')) ?? ''
  machine.edit([[shared.conf, /$/, `${limit}\n`]])
  assert.equal((await send(server.url, 'GET')).status, 200, server.errorLog())
})

/** What a shared host has in its own configuration for this account. */
function host(machine: Machine, more: string, override: string): void {
  machine.write(
    '/etc/apache2/sites-available/host.conf',
    `<VirtualHost *:80>
DocumentRoot "/home/alice/public_html"
<Directory "/home/alice/public_html">
Options Indexes SymLinksIfOwnerMatch
AllowOverride ${override}
Require all granted
</Directory>
${more}
</VirtualHost>\n`,
  )
  const available = machine.path('/etc/apache2/sites-available/host.conf')
  symlinkSync(available, machine.path('/etc/apache2/sites-enabled/host.conf'))
}

async function machineWithAccount(t: TestContext): Promise<{ machine: Machine; account: Account }> {
  const names: Record<string, string> = {}
  const machine = new Machine(t, names, '/var/www')
  const account = await makeAccount(t, machine.path('/home'))
  names['alice'] = account.name
  machine.takeFromDebian('apache2')
  machine.run('a2dissite -q 000-default')
  machine.edit([smallTimeout])
  return { machine, account }
}

const hostsOverride = 'Options FileInfo AuthConfig Limit Indexes'
const suexecLog = '/var/log/apache2/suexec.log'
