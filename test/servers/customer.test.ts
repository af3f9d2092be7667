// The first question of docs/owner.md, from its settings to the mail: Debian's Apache and Postfix,
// a customer's link in a real Chromium, twenty files. One mail, one webhook and one run of a
// program tell of all of them.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { chromium } from 'playwright-core'
import { Webhook } from 'standardwebhooks'
import { startApache } from '../host/apache.ts'
import { Section } from '../host/guide.ts'
import { startHook } from '../host/hook.ts'
import { find, missing } from '../host/installed.ts'
import { Machine } from '../host/machine.ts'
import { MailServer, owner } from '../host/mail-server.ts'
import { arrives, choose, chromiumArgs, filesOf, send } from '../host/page.ts'
import { root } from '../host/program.ts'
import { giveToServer, needsRoot } from '../host/user.ts'

const skip =
  needsRoot('Postfix runs as root') || missing('apache2', 'chromium', 'dovecot', 'postfix')

const names = Array.from({ length: 20 }, (_, i) => `drawing ${i + 1}.pdf`)
const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`

test('a customer’s link, files in the customer’s folder, and one mail of everything', {
  skip,
}, async (t) => {
  const guide = readFileSync(join(root, 'docs/owner.md'), 'utf8').split('\n## ')[1] ?? ''
  const lines = new Section(guide).block('/usr/lib/cgi-bin/.htupload.toml')
  const [, link = ''] = /upload\.cgi(\?invite=[\w-]+)`/.exec(guide) ?? []
  const mailServer = MailServer.start()
  t.after(() => mailServer.stop())
  const hook = await startHook(t)
  const startedAt = performance.now()
  const machine = new Machine(t)
  machine.script('/home/me/bin/arrived', `cat >> ${machine.at('/srv/runs')}`)
  writeFileSync(machine.at('/srv/runs'), '')
  giveToServer(machine.at('/srv/runs'))
  const told = [`"${owner}"`, `"${hook.url}"`, '"/home/me/bin/arrived"']
  machine.write(
    `webhook_secret = "${secret}"\nmail_command = ${JSON.stringify(mailServer.command)}\n` +
      lines.replace(/^directory = .*\n/m, '').replace(`"${owner}"`, told.join(', ')),
  )
  const apache = await startApache({ program: machine.at('/usr/lib/cgi-bin/upload.cgi') })
  t.after(() => apache.stop())

  const browser = await chromium.launch({
    executablePath: find('chromium') ?? '',
    args: chromiumArgs,
  })
  t.after(() => browser.close())
  const page = await browser.newPage({ locale: 'en' })
  page.setDefaultTimeout(120_000)
  assert.equal((await page.goto(apache.url))?.status(), 403)
  assert.equal((await page.goto(`${apache.url}${link}`))?.status(), 200)
  await page.getByText('Acme').first().waitFor()
  await choose(page, filesOf(t, Object.fromEntries(names.map((name) => [name, 1000]))))
  await send(page)
  await arrives(page)
  const mails = await mailServer.take(1)
  const seconds = (performance.now() - startedAt) / 1000
  await isTold(machine)

  assert.deepEqual(machine.stored(), names.map((name) => `acme/${name}`).sort())
  assert.deepEqual(await mailServer.take(0), [])
  const [mail = '', ...more] = mails
  assert.deepEqual(more, [])
  for (const text of [/^Subject: .*New files: 20 \(/m, /^.*: Acme$/m]) {
    assert.match(mail, text)
  }
  for (const name of names) assert.ok(mail.includes(`${name} (1 KB)`), `${name} in ${mail}`)
  const [run = '', ...runs] = machine.read('/srv/runs').split(/(?<=\})(?=\{"receipt")/)
  assert.deepEqual(runs, [])
  assert.equal(hook.got.length, 1)
  const { headers, body } = hook.got[0] ?? { headers: {}, body: '' }
  const verified = new Webhook(secret).verify(body, headers)
  assert.deepEqual(verified, JSON.parse(run))
  const { files, sender } = JSON.parse(run)
  assert.equal(files.length, 20)
  assert.equal(sender.invitation, 'Acme')
  t.diagnostic(`${lines.trim().split('\n').length} lines of settings; ${seconds.toFixed(1)} s`)
})

/** Until everybody has heard, and no deliverer is at work. */
async function isTold({ directory }: Machine): Promise<void> {
  const left = () =>
    ['storing', 'delivering'].flatMap((kind) => {
      const path = join(directory, '.upload-cgi/notes', kind)
      return existsSync(path) ? readdirSync(path) : []
    })
  for (let i = 0; i < 600 && left().length > 0; i++) await sleep(100)
  assert.deepEqual(left(), [])
}
