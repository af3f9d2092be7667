// Every remedy that `upload.cgi check --url` prints, followed on a real server that hinders uploads
// so: afterwards the finding is gone and an upload is stored. The compiler holds the table
// complete: a new code of UrlProblem fails without a row here.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { basename, dirname } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { UrlProblem } from '../../src/finding.ts'
import type { ApacheOptions } from '../host/apache.ts'
import type { Finding } from '../host/check.ts'
import { apache, checked } from '../host/checked-address.ts'
import { configure, patient } from '../host/doctor.ts'
import { section } from '../host/guide.ts'
import { upload } from '../host/guide-promises.ts'
import { Machine, skipGuide } from '../host/guide-site.ts'
import { missing } from '../host/installed.ts'
import { directoryUntilExit, program } from '../host/program.ts'
import type { RunningServer } from '../host/server.ts'
import { giveToServer } from '../host/user.ts'

type Case = {
  readonly wrong: Partial<ApacheOptions>
  /** What the remedy makes of it. */
  readonly right: (finding: Finding, server: RunningServer) => Partial<ApacheOptions>
  readonly args?: readonly string[]
}

/** Where it is followed instead, or why no test follows it. */
type Reason = string

const firewall = [
  'LoadModule unique_id_module /usr/lib/apache2/modules/mod_unique_id.so',
  'LoadModule security2_module /usr/lib/apache2/modules/mod_security2.so',
  'SecRuleEngine On',
].join('\n')

// Where it keeps what it counted.
const [counters] = directoryUntilExit()
giveToServer(counters)

const inCheckUrl = 'test/command/check-url follows it'
const onDebian = 'the tests below follow it on Debian'

const cases: Readonly<Record<UrlProblem, Case | Reason>> = {
  BODY_LIMIT: {
    wrong: { define: { UPLOAD_CGI_MAX_BODY: '3000000' } },
    right: ({ remedy }) => {
      const [, size = ''] =
        /^with chunk_size = "(.*)" .*; for other senders raise it$/.exec(remedy) ?? []
      assert.equal(size, '2000KB')
      return { define: { UPLOAD_CGI_MAX_BODY: '0' } }
    },
  },
  BODY_REFUSED: {
    wrong: { define: { UPLOAD_CGI_MAX_BODY: '100000' } },
    right: ({ remedy }) => {
      assert.match(remedy, /^raise the limit of the server/)
      return { define: { UPLOAD_CGI_MAX_BODY: '0' } }
    },
  },
  BODY_TOO_LARGE: {
    wrong: { define: { UPLOAD_CGI_MAX_BODY: '3000000' } },
    right: ({ remedy }) => {
      assert.match(remedy, /raise LimitRequestBody \(Apache\)/)
      return { define: { UPLOAD_CGI_MAX_BODY: '30000000' } }
    },
  },
  CONTENT_REFUSED: 'test/servers/guide-firewall makes the exception that docs/servers.md has',
  ERRORS_REPLACED: inCheckUrl,
  FCGID_LIMIT: 'test/servers/guide-fastcgi follows it',
  FOLDER_LISTED: 'test/servers/guide-public sets the server up as docs/servers.md has it',
  FOLDER_SHOWN: inCheckUrl,
  FORBIDDEN: {
    wrong: { extra: rule('Require all denied') },
    right: (_, server) => {
      assert.match(server.errorLog(), /client denied by server configuration/)
      return {}
    },
  },
  HOST_CHANGED: inCheckUrl,
  NAME_REFUSED: inCheckUrl,
  NOT_FOUND: onDebian,
  NOT_RUN: onDebian,
  ODD_NAMES_REFUSED: 'it is about programs of others; test/page/firewall holds the page to it',
  ORIGIN_REFUSED: firewalled('&REQUEST_HEADERS:Origin "@gt 0"'),
  OTHER_ANSWER: 'another address is its remedy',
  PASSWORD_NEEDED: inCheckUrl,
  PAUSE_CUT: {
    wrong: { extra: 'RequestReadTimeout body=1' },
    right: ({ remedy }) => {
      assert.match(remedy, /for others: RequestReadTimeout and Timeout in Apache/)
      return { extra: 'RequestReadTimeout body=20' }
    },
    args: ['--pause', '3'],
  },
  POLICY_CHANGED: inCheckUrl,
  POST_REFUSED: firewalled('REQUEST_METHOD "@streq POST"'),
  PROGRAM_FAILED: 'the test below puts doctor.cgi beside the program',
  PROXY_UNKNOWN: inCheckUrl,
  REDIRECTED: 'the test below checks the other address',
  REDIRECT_BROKEN: 'another page is its remedy; test/page/redirect has one that exists',
  REDIRECT_LEADS_ON: 'test/page/redirect has such a page',
  REQUESTS_LIMITED: {
    wrong: { extra: counting(5) },
    right: ({ remedy }) => {
      assert.match(remedy, /^allow more: .* a rule of the firewall/)
      return { extra: counting(1000) }
    },
  },
  SERVER_BUSY: onDebian,
  SETTINGS_SHOWN: inCheckUrl,
  SERVER_TIMEOUT: 'it takes a program that hangs: test/install/doctor-served has one',
  SMALL_REFUSED: toldByCheck('UPLOAD_CGI_MIN_FREE_SPACE', '900TB', 'DISK_FULL'),
  TUS_ADDRESS: inCheckUrl,
  TUS_REFUSED: {
    wrong: { extra: rule('AcceptPathInfo Off') },
    right: ({ remedy }) => {
      const [, line = ''] = /\((AcceptPathInfo On)\)/.exec(remedy) ?? []
      return { extra: rule(`AcceptPathInfo Off\n${line}`) }
    },
  },
  URL_REFUSED: toldByCheck('UPLOAD_CGI_MAX_FILES', 'none', 'SETTINGS_WRONG'),
  URL_UNREACHABLE: 'another address, or a server that runs, is its remedy',
}

test('each remedy of check --url is right', {
  skip: missing('apache2', 'libapache2-mod-security2'),
}, async (t) => {
  for (const [code, row] of Object.entries(cases)) {
    if (typeof row === 'string') t.diagnostic(`${code}: ${row}`)
    else await t.test(code, (one) => assertRemedied(one, code, row))
  }
})

async function assertRemedied(t: TestContext, code: string, row: Case): Promise<void> {
  const args = row.args ?? ['--pause', '0']
  const { server } = await apache(t, row.wrong)
  const finding = (await checked(server.url, ...args)).get(code)
  assert.ok(finding, `no ${code}`)
  const options = row.right(finding, server)
  await server.stop()
  const { server: again } = await apache(t, options)
  const after = await checked(again.url, ...args)
  assert.equal(after.get(code), undefined)
  assert.ok([...after.values()].every(({ level }) => level !== 'error'))
  await assertStores(again.url)
  await again.stop()
}

async function assertStores(url: string): Promise<void> {
  const { status, text } = await upload(url, 'a.txt', Buffer.from('a'))
  assert.equal(status, 201, text)
}

/** A firewall refuses what the rule says, and its log has the number of the rule. */
function firewalled(condition: string): Case {
  const lines = `${firewall}\nSecRule ${condition} "id:77,phase:1,deny,status:403"`
  return {
    wrong: { extra: lines },
    right: ({ remedy }, server) => {
      assert.match(remedy, /error log .* \(ModSecurity names the rule\)/)
      const [, id = ''] = /\[id "(\d+)"\]/.exec(server.errorLog()) ?? []
      return { extra: `${lines}\nSecRuleRemoveById ${id}` }
    },
  }
}

/** A firewall that takes so many requests of an address. */
function counting(most: number): string {
  return [
    firewall,
    `SecDataDir ${counters}`,
    `SecAction id:1,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR}-${most},setvar:ip.count=+1`,
    `SecRule IP:COUNT "@gt ${most}" id:2,phase:1,deny,status:403,nolog`,
  ].join('\n')
}

/** A setting that `check` on the same machine calls wrong, as the remedy says. */
function toldByCheck(name: string, value: string, code: string): Case {
  return {
    wrong: { env: { [name]: value } },
    right: ({ remedy }) => {
      assert.match(remedy, /or run there: upload\.cgi check$/)
      const env = { PATH: '/usr/bin:/bin', UPLOAD_CGI_DIRECTORY: '/var/lib', [name]: value }
      const { stdout } = spawnSync(program, ['check', '--user', '0'], { encoding: 'utf8', env })
      assert.ok(stdout.includes(`[${code}]`), stdout)
      return {}
    },
  }
}

function rule(lines: string): string {
  const [folder, file] = [dirname(program), basename(program)]
  return `<Directory "${folder}">\n<Files "${file}">\n${lines}\n</Files>\n</Directory>`
}

test('the address to which the server redirects is the right one', {
  skip: missing('apache2'),
}, async (t) => {
  const { server } = await apache(t, { extra: 'Redirect 302 /old /upload\nUseCanonicalName Off' })
  const finding = (await checked(new URL('/old', server.url).href)).get('REDIRECTED')
  assert.equal(finding?.remedy, 'check that address instead')
  const [url = ''] = /http:\S+$/.exec(finding?.message ?? '') ?? []
  assert.ok((await checked(url, '--pause', '0')).has('LARGE'))
  await assertStores(url)
})

test('doctor.cgi beside a program that fails says which line of the server fixes it', {
  skip: missing('apache2'),
}, async (t) => {
  const ill = patient(t)
  configure(ill)
  const low = [
    `ScriptAlias /doctor.cgi "${ill.doctor}"`,
    `<Directory "${ill.folder}">`,
    'Require all granted',
    '</Directory>',
    'RLimitMEM 300000000',
  ].join('\n')
  const { server } = await apache(t, { program: ill.program, extra: low })
  const finding = (await checked(server.url)).get('PROGRAM_FAILED')
  assert.match(finding?.remedy ?? '', /^put doctor\.cgi beside the program and open it/)
  const page = await (await fetch(new URL('/doctor.cgi', server.url))).text()
  const [, line = ''] = /^FOUND {3}9 ADDRESS_SPACE$[\s\S]*?^ {6}(RLimitMEM max)$/m.exec(page) ?? []
  assert.notEqual(line, '', page)
  await server.stop()
  const extra = `${low}\n<Directory "${ill.folder}">\n${line}\n</Directory>`
  const { server: again } = await apache(t, { program: ill.program, extra })
  await assertStores(again.url)
})

const intro = section('Server guide')
const guide = section('Apache with mod_cgid')
const skipDebian = skipGuide || missing('apache2')

/** Debian's Apache with the program, and without a module that runs programs. */
function debian(t: TestContext): Machine {
  const machine = new Machine(t)
  machine.takeFromDebian('apache2')
  machine.follow(intro)
  for (const { path, text } of guide.blocks) if (path !== '') machine.write(path, text)
  machine.run('a2enconf upload-cgi')
  return machine
}

for (const [address, code] of [
  ['/upload', 'NOT_RUN'],
  ['/cgi-bin/upload.cgi', 'NOT_FOUND'],
] as const) {
  test(`${code}: on Debian the remedy loads the module`, { skip: skipDebian }, async (t) => {
    const machine = debian(t)
    const server = await machine.startApache(address)
    const finding = (await checked(server.url)).get(code)
    const [, commands = ''] = /^on Debian: (.*?);/.exec(finding?.remedy ?? '') ?? []
    assert.match(commands, /&& systemctl restart apache2$/)
    machine.run(commands)
    await server.stop()
    await assertStores((await machine.startApache(address)).url)
  })
}

test('SERVER_BUSY: after a reload that should load mod_cgid a restart is the remedy', {
  skip: skipDebian,
}, async (t) => {
  const machine = debian(t)
  const server = await machine.startApache('/upload')
  machine.run('a2enmod cgid')
  process.kill(server.pid, 'SIGUSR1')
  let finding: Finding | undefined
  for (let tries = 0; tries < 60 && finding === undefined; tries++) {
    finding = (await checked(server.url, '--pause', '0')).get('SERVER_BUSY')
  }
  assert.match(finding?.remedy ?? '', /^restart the server, .*: systemctl restart apache2;/)
  await server.stop()
  await assertStores((await machine.startApache('/upload')).url)
})
