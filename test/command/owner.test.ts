// docs/owner.md: the lines of each question do what it asks. Every block is used by the test of its
// question, or a reason says which test has it; a new question fails without a row here.

import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import { runCgi } from '../host/cgi.ts'
import { ClosedForm, said, told } from '../host/closed-form.ts'
import { assertFault, file } from '../host/form.ts'
import { type Block, Section } from '../host/guide.ts'
import { startHook } from '../host/hook.ts'
import { missing } from '../host/installed.ts'
import { Machine } from '../host/machine.ts'
import { root } from '../host/program.ts'
import { giveToServer, isRoot, needsRoot } from '../host/user.ts'

/** One question of the guide, and what its test has used of it. */
class Question {
  readonly #blocks: readonly Block[]
  readonly #used = new Set<Block>()

  constructor(text: string) {
    this.#blocks = new Section(text).blocks
  }

  /** The next block of that language. */
  lines(language: string): string {
    const block = this.#blocks.find((one) => one.language === language && !this.#used.has(one))
    assert.ok(block, `no ${language} in the guide`)
    this.#used.add(block)
    return block.text
  }

  get settings(): string {
    return this.lines('toml')
  }

  unused(): string[] {
    return this.#blocks.filter((block) => !this.#used.has(block)).map(({ text }) => text)
  }
}

type Row = (question: Question, t: TestContext) => Promise<void>
/** Which other test uses all of its lines. */
type Reason = string

const guide = readFileSync(join(root, 'docs/owner.md'), 'utf8')
const headings = [...guide.matchAll(/^## (.*)$/gm)].map(([, heading = '']) => heading)

/** A machine whose mailer writes down what it gets. */
function mailingMachine(t: TestContext, settings: string): Machine {
  const machine = new Machine(t)
  const mailer = machine.script('/home/me/bin/mailer', `cat >> ${machine.at('/tmp/mails')}`)
  machine.write(`mail_command = ["${mailer}"]\n${settings}`)
  return machine
}

/** What `list` shows of the only batch. */
function listed(machine: Machine) {
  return JSON.parse(machine.type('upload.cgi list --json'))
}

/** What is told after the reply. */
async function until<Result>(look: () => Result | undefined | false | ''): Promise<Result> {
  for (let i = 0; i < 600; i++) {
    const result = look()
    if (result) return result
    await sleep(100)
  }
  throw new Error('it did not come')
}

const rows: Readonly<Record<string, Row | Reason>> = {
  'Let a customer send files, and be mailed once they have come?':
    'test/servers/customer.test.ts sends twenty files through Apache and Postfix with these lines',
  'Be mailed when something came?': async (question, t) => {
    const machine = mailingMachine(t, question.settings)
    assert.equal(machine.type(question.lines('sh')), 'told     owner@example.org\n')
    assert.equal((await machine.post()).status, 201)
    await until(() => machine.read('/tmp/mails').includes('a.txt'))
    assert.equal(machine.cron(question.lines('crontab')), '')
  },
  'Send mail from a machine without a mailer?':
    'test/submission/tell.test.ts sends by msmtp through a real server with these lines',
  'Tell several people?': async (question, t) => {
    const machine = mailingMachine(t, question.settings)
    const [one, other] = ['told     ann@example.org\n', 'told     bob@example.org\n']
    assert.equal(machine.type('upload.cgi deliver --test'), `${one}${other}`)
  },
  'Tell a program of mine, or another site?': async (question, t) => {
    const { url, got } = await startHook(t)
    const settings = question.settings
    const [, secret = ''] = /webhook_secret = "(.*)"/.exec(settings) ?? []
    const machine = new Machine(t)
    machine.write(settings.replace('https://hook.example.org/in', url))
    machine.script('/home/me/bin/arrived', machine.here(question.lines('sh')))
    const bucket = remote(machine, 'remote')
    const { receipt } = (await machine.post(undefined, { HOME: machine.home })).json()
    const { headers, body } = await until(() => got[0])
    assert.equal(
      (new Webhook(secret).verify(body, headers) as { receipt: string }).receipt,
      receipt,
    )
    assert.equal(await until(() => machine.read(`${bucket}/uploads/a.txt`)), 'content of a.txt')
    assert.match(
      machine.type('echo "whsec_$(head -c 32 /dev/urandom | base64)"'),
      /^whsec_.{44}\n$/,
    )
    assert.deepEqual(machine.stored(), [])
  },
  'See what came in?': async (question, t) => {
    const machine = new Machine(t)
    const { receipt } = (await machine.post()).json()
    assert.match(machine.type(question.lines('sh')), new RegExp(` {2}${receipt} .*\n {4}a.txt`))
  },
  'Have it in a spreadsheet?': async (question, t) => {
    const machine = new Machine(t)
    await machine.post([file('a.txt'), file('=b.txt')])
    machine.type(question.lines('sh'))
    const [heads = '', ...table] = machine.read('/tmp/uploads.csv').split('\r\n')
    assert.ok(heads.startsWith('"receipt",'), heads)
    assert.equal(table.filter((row) => /"a\.txt"|"'=b\.txt"/.test(row)).length, 2)
  },
  'Read the answers without a shell?': async (question, t) => {
    const machine = new Machine(t, question.settings)
    const { receipt } = (await machine.post([said('Ann', 'who'), file('a.txt')])).json()
    assert.deepEqual(machine.stored(), ['a.txt', `receipt-${receipt}.txt`])
    assert.match(machine.read(`/srv/uploads/receipt-${receipt}.txt`), /^who: Ann\r\n/m)
  },
  'Keep no addresses of visitors?': async (question, t) => {
    const machine = new Machine(t, question.settings)
    await machine.post()
    assert.deepEqual(listed(machine).sender, {})
  },
  'Protect it with a passphrase?': async (question, t) => {
    const machine = new Machine(t, question.settings)
    assert.equal(told(await machine.post()), 'PASSPHRASE_REQUIRED')
    await assertSends(t, machine, question.lines('sh'), ['a.txt', 'big.iso'])
  },
  'Give a customer a link?': async (question, t) => {
    const machine = new Machine(t)
    writeFileSync(machine.at('/tmp/.htupload.toml'), '')
    machine.type(question.lines('sh').replace('2026', '2099'))
    const appended = machine.read('/tmp/.htupload.toml')
    const made = /\?invite=([0-9a-f]{32})\n/.exec(appended)?.[1] ?? ''
    const shown = question.settings
    const words = (text: string) => text.replace(/[0-9a-f]{32}/g, 'TOKEN').replace('2099', '2026')
    assert.equal(words(appended.trim()), words(shown.trim()))
    machine.write(`${question.settings}${appended}`)
    assert.equal(told(await machine.post()), 'INVITATION_INVALID')
    assert.equal(told(await machine.post(undefined, { QUERY_STRING: `invite=${made}` })), 'stored')
  },
  'Let in only users of my web server?': async (question, t) => {
    const machine = new Machine(t, question.settings)
    assert.equal(told(await machine.post()), 'USER_REQUIRED')
    assert.equal(told(await machine.post(undefined, { REMOTE_USER: 'ann' })), 'stored')
  },
  'Close the form on a day?': async (question, t) => {
    const { settings } = question
    const machine = new Machine(t, settings.replace('2026', '2099'))
    assert.equal(told(await machine.post()), 'stored')
    machine.write(settings.replace('2026', '2020'))
    assert.equal(told(await machine.post()), 'CLOSED')
  },
  'Take a link back?': async (question, t) => {
    const link = question.settings.replace('2026', '2099')
    const machine = new Machine(t, link)
    const env = { QUERY_STRING: `invite=${/token = "(.*)"/.exec(link)?.[1]}` }
    assert.equal(told(await machine.post(undefined, env)), 'stored')
    machine.write('')
    assert.equal(told(await machine.post(undefined, env)), 'INVITATION_INVALID')
    machine.write(link.replace('2099', '2020'))
    assert.equal(told(await machine.post(undefined, env)), 'INVITATION_ENDED')
  },
  'Limit what comes?': async (question, t) => {
    const { settings } = question
    const machine = new Machine(
      t,
      settings.replace('max_sender_files = 200', 'max_sender_files = 1'),
    )
    assert.equal(told(await machine.post()), 'stored')
    assertFault(await machine.post(), 'SENDER_LIMIT')
    machine.write(settings.replace('max_total_size = "50GB"', 'max_total_size = "17"'))
    assertFault(await machine.post(), 'TOTAL_LIMIT')
  },
  'Take larger files, or smaller ones only?': async (question, t) => {
    const { settings } = question
    const machine = new Machine(t, settings)
    assert.match((await machine.get()).text, /20 GB/)
    machine.write(settings.replace('20GB', '5'))
    assertFault(await machine.post(), 'FILE_TOO_LARGE')
  },
  'Take only pictures?': async (question, t) => {
    const machine = new Machine(t, question.settings)
    assertFault(await machine.post(), 'EXTENSION_REFUSED')
    assertFault(await machine.post([file('a.jpg', '<script>')]), 'CONTENT_REFUSED')
    assert.equal(told(await machine.post([file('a.jpg', '\xff\xd8\xff')])), 'stored')
  },
  'Have files scanned for viruses?': 'test/cgi/scan.test.ts scans by clamd with these lines',
  'Sort by customer and date?': async (question, t) => {
    const link = '[[invitations]]\nname = "Acme"\ntoken = "0123456789abcdef"\n'
    const machine = new Machine(t, `${question.settings}${link}`)
    await machine.post(undefined, { QUERY_STRING: 'invite=0123456789abcdef' })
    assert.match(machine.stored().join(), /^Acme\/\d{4}-\d\d-\d\d\/a\.txt$/)
  },
  'Sort by what the visitor answers?': async (question, t) => {
    const machine = new Machine(t, question.settings)
    assertFault(await machine.post(), 'FIELD_REQUIRED')
    await machine.post([said('Bridge', 'project'), file('a.txt')])
    await machine.post([said('../../etc', 'project'), file('b.txt')])
    const [one, other = '', ...more] = machine.stored()
    assert.deepEqual([one, more], ['Bridge/a.txt', []])
    assert.match(other, /^[^/]*etc\/b\.txt$/)
  },
  'Have all files in one folder, whatever visitors drop?': async (question, t) => {
    const machine = new Machine(t)
    const dropped = [said('Holiday/a.txt', '_filename'), file('a.txt')]
    await machine.post(dropped)
    machine.write(question.settings)
    await machine.post(dropped)
    assert.deepEqual(machine.stored(), ['Holiday/a.txt', 'a.txt'])
  },
  'Replace a file when it comes again?': async (question, t) => {
    const machine = new Machine(t, question.settings)
    for (const content of ['old', 'new']) await machine.post([file('plan.pdf', content)])
    assert.deepEqual(machine.stored(), ['plan.pdf'])
    assert.equal(machine.read('/srv/uploads/plan.pdf'), 'new')
  },
  'Let my colleagues read the files?': async (question, t) => {
    if (needsRoot('only root may give a file to any group')) return
    const machine = new Machine(t, question.settings)
    machine.type(question.lines('sh'))
    const staff = Number(machine.type('getent group staff | cut -d: -f3'))
    await machine.post([said('sub/b.txt', '_filename'), file('b.txt')])
    for (const [path, mode] of [
      ['sub', 0o2750],
      ['sub/b.txt', 0o640],
    ] as const) {
      const stats = statSync(join(machine.directory, path))
      assert.deepEqual([path, stats.gid, stats.mode & 0o7777], [path, staff, mode])
    }
  },
  'Delete what is older than 30 days?': async (question, t) => {
    const machine = new Machine(t, 'receipt_file = true\n')
    await machine.post([said('sub/a.txt', '_filename'), file('a.txt')])
    const line = question.lines('crontab')
    assert.equal(machine.cron(line), '0 files removed, 0 bytes\n')
    assert.match(machine.cron(line.replace('30d', '0s')), /^sub\/a\.txt\t16\n1 file removed/)
    const [receipt = '', ...more] = machine.stored()
    assert.deepEqual(more, [])
    const month = Date.now() / 1000 - 31 * 86_400
    utimesSync(join(machine.directory, receipt), month, month)
    machine.type(question.lines('sh'))
    assert.deepEqual(machine.stored(), [])
    assert.equal(machine.type('ls /srv/uploads'), '')
    assert.match(machine.type('upload.cgi list'), /sub\/a\.txt/)
  },
  'Move files to a bucket?': async (question, t) => {
    const machine = new Machine(t)
    const bucket = remote(machine, 'bucket')
    await machine.post([said('sub/a.txt', '_filename'), file('a.txt')])
    const unfinished = ['_upload', '_offset', '_size'].map((name, i) => {
      return said([`${'ab'.repeat(16)}`, '0', '10'][i] ?? '', name)
    })
    assert.equal((await machine.post([...unfinished, file('b.txt', 'b')])).status, 202)
    machine.cron(question.lines('crontab'))
    assert.equal(machine.read(`${bucket}/uploads/sub/a.txt`), 'content of a.txt')
    assert.deepEqual(machine.stored(), [])
    assert.equal(machine.type(`ls -A ${bucket}/uploads`), 'sub\n')
    const rest = [...unfinished.slice(0, 1), said('1', '_offset'), said('10', '_size')]
    assert.equal((await machine.post([...rest, file('b.txt', '123456789')])).status, 201)
  },
  'Move it to another host?': async (question, t) => {
    const machine = new Machine(t, 'passphrase = "a b c"\n')
    const { receipt } = (await machine.post([said('a b c'), file('a.txt')])).json()
    if (isRoot()) machine.type('chown -R www-data /srv/uploads')
    machine.type(question.lines('sh'))
    const other = new Machine(t)
    renameSync(machine.at('/tmp/move.tar'), other.at('/tmp/move.tar'))
    // The settings name the directory as it is on the one machine here.
    const [unpack = '', check = ''] = question.lines('sh').split('\n')
    other.type(unpack)
    other.write('passphrase = "a b c"\n')
    if (isRoot()) assert.match(other.type(check), /^ok .*\[SETTINGS\]$/m)
    // From here on the test sends as root again.
    if (isRoot()) other.type('chown -R root /srv/uploads')
    assert.equal(told(await other.post([said('a b c'), file('b.txt')])), 'stored')
    assert.deepEqual(other.stored(), ['a.txt', 'b.txt'])
    assert.match(other.type(`upload.cgi list ${receipt}`), / {4}a\.txt {2}16 bytes\n$/)
    assert.equal(other.type('upload.cgi clean --stored-older-than 0s').split('\n').length, 4)
  },
  'Ask who sends it, and what it is about?': async (question, t) => {
    const machine = new Machine(t, question.settings)
    const message = 'two\nlines'
    await machine.post([said('a@a.example', 'email'), said(message, 'message'), file('a.txt')])
    assert.deepEqual(listed(machine).answers, [
      { name: 'email', label: 'Your e-mail', value: 'a@a.example' },
      { name: 'message', label: 'What is it about?', value: message },
    ])
  },
  'Take a contact form with attachments?': async (question, t) => {
    const machine = mailingMachine(t, question.settings)
    const answers = [said('zoe@a.example', 'email'), said('Hello!', 'message')]
    assert.equal((await machine.post(answers)).status, 201)
    const mail = await until(
      () =>
        /^Your message: Hello!$/m.test(machine.read('/tmp/mails')) && machine.read('/tmp/mails'),
    )
    assert.match(mail, /^Subject: Write to us: /m)
    assert.match(mail, /^Reply-To: zoe@a\.example$/m)
    await machine.post([...answers, file('a.txt')])
    await until(() => machine.read('/tmp/mails').includes('a.txt (16 bytes)'))
  },
  'Put it into my own page?': async (question, t) => {
    const machine = new Machine(t)
    machine.type(question.lines('sh'))
    const [, page = ''] = /<iframe src="(.*?)"/.exec(question.lines('html')) ?? []
    // test/page/own-form.test.ts sends a file through it.
    assert.match(machine.read(`/var/www/html${page}`), /<form [^>]*action="\/cgi-bin\/upload\.cgi"/)
  },
  'Send visitors to a page of thanks?': async (question, t) => {
    const machine = new Machine(t, question.settings)
    const reply = await machine.post(undefined, { HTTP_ACCEPT: 'text/html' })
    const { receipt } = listed(machine)
    assert.equal(reply.status, 303)
    const thanks = `https://www.example.org/thanks?number=${receipt}`
    assert.equal(reply.headers.get('location'), thanks)
  },
  'Make it look like my site?': async (question, t) => {
    const machine = new Machine(t, question.settings)
    const dot =
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=='
    writeFileSync(machine.at('/usr/lib/cgi-bin/logo.png'), Buffer.from(dot, 'base64'))
    const { text } = await machine.get()
    const shown = ['Files for Miller &#38; Sons</h1>', 'mailto:office@example.org', dot, '#0b6e4f']
    for (const each of shown) assert.ok(text.includes(each), `${each} in ${text.slice(0, 3000)}`)
  },
  'Show it in one language?': async (question, t) => {
    const machine = new Machine(t, question.settings)
    assert.match((await machine.get({ HTTP_ACCEPT_LANGUAGE: 'fr' })).text, /<html lang="de"/)
  },
  'Let a page of another site post to it?': async (question, t) => {
    const machine = new Machine(t, question.settings)
    const from = (HTTP_ORIGIN: string) =>
      machine.post(undefined, { HTTP_ORIGIN, HTTP_HOST: 'a.example' })
    assert.equal(told(await from('https://www.example.org')), 'stored')
    assertFault(await from('https://other.example.org'), 'FOREIGN_ORIGIN')
  },
  'Run it behind a proxy or a CDN?': async (question, t) => {
    const machine = new Machine(t, question.settings)
    const env = { REMOTE_ADDR: '10.0.0.1', HTTP_X_FORWARDED_FOR: '198.51.100.1, 192.0.2.9' }
    await machine.post(undefined, env)
    assert.equal(listed(machine).sender.address, '192.0.2.9')
  },
  'Have several forms on one machine?': async (question, t) => {
    if (needsRoot('only root may give a directory to the server')) return
    const machine = new Machine(t)
    machine.type(question.lines('sh'))
    const script = machine.at('/usr/lib/cgi-bin/photos.cgi')
    assert.equal((await runCgi({ program: script, env: { SCRIPT_FILENAME: script } })).status, 200)
  },
  'Send files from a script?': async (question, t) => {
    await assertSends(t, new Machine(t), question.lines('sh'), ['big.iso', 'report.pdf'])
  },
  'Find out why it does not work?': async (question, t) => {
    const machine = new Machine(t)
    giveToServer(machine.directory)
    assert.match(machine.type(question.lines('sh')), /^ok .*\[SETTINGS\]$/m)
  },
}

/** The commands of a script store files of these names. */
async function assertSends(
  t: TestContext,
  machine: Machine,
  commands: string,
  names: readonly string[],
): Promise<void> {
  await machine.serve(t)
  for (const name of names) writeFileSync(machine.at(`/tmp/${name}`), name)
  machine.type(commands)
  assert.deepEqual(machine.stored(), names)
}

/** A remote of rclone by that name; gives the path of the guide where its files are. */
function remote(machine: Machine, name: string): string {
  const bucket = `/home/me/${name}`
  const folder = machine.at('/.config/rclone')
  for (const path of [folder, machine.at(bucket)]) mkdirSync(path, { recursive: true })
  const text = `[${name}]\ntype = alias\nremote = ${machine.at(bucket)}\n`
  writeFileSync(join(folder, 'rclone.conf'), text)
  return bucket
}

test('the guide has thirty questions or more, and each has a test', () => {
  assert.deepEqual(Object.keys(rows), headings)
  assert.ok(headings.length >= 30, String(headings.length))
})

test('all settings of the guide can be pasted', async (t) => {
  for (const [, block = ''] of guide.matchAll(/^```toml\n(.*?)^```$/gms)) {
    // The first ones are a whole file; the form of the test has a directory.
    const form = new ClosedForm(t, block.replace(/^directory = .*\n/m, ''))
    const reply = await form.get({ REMOTE_USER: 'ann' })
    assert.notEqual(reply.status, 503, block + reply.stderr)
  }
})

for (const [heading, row] of Object.entries(rows)) {
  if (typeof row === 'string') continue
  test(heading, { skip: missing('rclone', 'curl') }, async (t) => {
    const question = new Question(guide.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '')
    await row(question, t)
    if (isRoot()) assert.deepEqual(question.unused(), [])
  })
}

for (const [heading, reason] of Object.entries(rows)) {
  if (typeof reason !== 'string') continue
  test(`${heading} ${reason}`, () => {
    const [path = ''] = reason.split(' ')
    assert.ok(readFileSync(join(root, path), 'utf8').includes('docs/owner.md'), path)
  })
}
