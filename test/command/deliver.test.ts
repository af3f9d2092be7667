// `upload.cgi deliver`, and what `check` says of who is told.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { codes, found, Place } from '../host/check.ts'
import { freshDirectory, program, writeSettings } from '../host/program.ts'

const home = freshDirectory({ after })
mkdirSync(join(home, 'uploads'))

function script(name: string, text: string): string {
  const path = join(home, name)
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  return path
}

function deliver(settings: string, ...args: string[]) {
  const UPLOAD_CGI_CONFIG = writeSettings(home, `directory = "uploads"\n${settings}\n`)
  return spawnSync(program, ['deliver', ...args], {
    env: { PATH: '/usr/bin:/bin', UPLOAD_CGI_CONFIG },
    encoding: 'utf8',
    timeout: 120_000,
  })
}

test('deliver --test tells everybody, and says of each what became of it', () => {
  const mail = join(home, 'mail')
  const hears = script('hears', `cat > ${home}/heard`)
  const settings = [
    `notify = ["owner@example.org", "${hears}", "${script('fails', 'exit 9')}", "http://127.0.0.1:1/x"]`,
    `mail_command = ["${script('sendmail', `cat > ${mail}`)}"]`,
    'language = "de"',
  ]
  const { status, stdout, stderr } = deliver(settings.join('\n'), '--test')
  assert.equal(stderr, '')
  assert.equal(status, 69)
  assert.equal(
    stdout.replace(/ECONNREFUSED.*/, '…').replace(/connect …/, '…'),
    `told     owner@example.org
told     ${hears}
NOT TOLD ${home}/fails: ${home}/fails ended with 9
NOT TOLD http://127.0.0.1:1: 127.0.0.1:1: …
`,
  )
  assert.match(readFileSync(mail, 'utf8'), /^To: owner@example\.org$/m)
  assert.match(readFileSync(mail, 'utf8'), /Dies ist ein Test\. Es wurde nichts hochgeladen\./)
  assert.equal(JSON.parse(readFileSync(join(home, 'heard'), 'utf8')).test, true)
})

test('deliver without anybody in notify, or with wrong settings, says so', () => {
  // A timer that still runs has not failed.
  for (const [args, expected] of [
    [[], 0],
    [['--test'], 78],
  ] as const) {
    const { status, stderr } = deliver('', ...args)
    assert.equal(stderr, 'upload.cgi: nobody is in notify: nothing to be done\n')
    assert.equal(status, expected)
  }
  for (const entry of ['owner', 'http://hook.example.org/', 'a@b.c\\nBcc: d@e.f', 'bin/program']) {
    const { status, stderr } = deliver(`notify = ["${entry}"]`, '--test')
    assert.equal(status, 78, entry)
    assert.match(stderr, /does not fit: write a list of mail addresses/, entry)
  }
})

test('check finds mailers and programs that are missing, and webhooks without a secret', (t) => {
  const place = new Place(t)
  const told = (settings: string) => place.check({ settings })
  const none = told('notify = ["a@example.org"]\nmail_command = ["/nonexistent/mailer"]\n')
  assert.equal(found(none, 'MAILER_MISSING').level, 'error')
  const program = told('notify = ["/nonexistent/program"]\n')
  assert.equal(found(program, 'NOTIFY_MISSING').level, 'error')
  const unsigned = told('notify = ["https://hook.example.org/x"]\n')
  assert.equal(found(unsigned, 'WEBHOOK_UNSIGNED').level, 'warning')
  const fine = told('notify = ["a@example.org"]\nmail_command = ["/bin/true"]\n')
  assert.equal(found(fine, 'NOTIFY').level, 'ok')
  assert.deepEqual(codes(fine), ['DIRECTORY_VOLATILE'])
})
