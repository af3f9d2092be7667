// Mails as Python's reader takes them: the headers that they should have and no other, whatever a
// visitor wrote, in every language, with lines that every mailer passes on.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { missing } from '../../test/host/installed.ts'
import { languageFiles } from '../languages/files.ts'
import type { Batch } from '../outcome.ts'
import { composeMail } from './mail.ts'

type Read = { headers: [string, string][]; text: string }

const skip = missing('python3')

const settings = {
  title: 'Müller & Söhne: Belege',
  language: '',
  mailFrom: '',
  mailCommand: [],
  extraFields: [
    { name: 'name', label: 'Name', type: 'text', required: false, options: [] },
    { name: 'mail', label: 'E-mail', type: 'email', required: false, options: [] },
  ],
} as const

const batch: Batch = {
  receipt: '7F3K-92QD-M4',
  batch: 1,
  time: '2026-11-28T03:05:00.000Z',
  sender: { invitation: 'Acme', address: '192.0.2.7' },
  answers: [
    { name: 'name', label: 'Name', value: 'Zoë\nSubject: evil' },
    { name: 'mail', label: 'E-mail', value: 'zoe@example.com' },
  ],
  files: [
    {
      name: 'Bericht „Größe“ 写真.pdf',
      stored: 'Bericht „Größe“ 写真-2.pdf',
      size: 1_500_000,
      type: 'application/pdf',
      sha256: 'ab'.repeat(32),
      url: 'https://example.org/files/x.pdf',
    },
  ],
}

const news = { batches: [batch], id: '7F3K-92QD-M4.1', isTest: false } as const

/** Reads all of them in one run, and holds them to RFC 5322 section 2.1.1 by the way. */
function read(messages: readonly string[]): Read[] {
  for (const message of messages) {
    assert.doesNotMatch(message, /\r|[^\n\x20-\x7e\t]/, 'plain ASCII, and line ends of mailers')
    for (const line of message.split('\n')) assert.ok(line.length <= 998, line)
  }
  const { status, stdout, stderr } = spawnSync('python3', ['-c', reader], {
    input: JSON.stringify(messages),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  })
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout)
}

const reader = `
import json, sys
from email import message_from_string
from email.policy import default
def read(text):
    m = message_from_string(text, policy=default)
    assert not m.defects, m.defects
    return {"headers": [[k, str(v)] for k, v in m.items()], "text": m.get_content()}
json.dump([read(t) for t in json.load(sys.stdin)], sys.stdout)
`

function headerOf({ headers }: Read, name: string): string | undefined {
  return headers.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1]
}

const expectedHeaders = [
  'Auto-Submitted',
  'Content-Language',
  'Content-Transfer-Encoding',
  'Content-Type',
  'Date',
  'MIME-Version',
  'Message-ID',
  'Reply-To',
  'Subject',
  'To',
]

function namesOf({ headers }: Read): string[] {
  return headers.map(([name]) => name).sort()
}

test('a mail says what came, from whom and where it is', { skip }, async () => {
  const [mail] = read([await composeMail(news, 'owner@example.org', settings)])
  assert.ok(mail)
  assert.deepEqual(namesOf(mail), expectedHeaders)
  assert.equal(headerOf(mail, 'To'), 'owner@example.org')
  assert.equal(headerOf(mail, 'Reply-To'), 'zoe@example.com')
  assert.equal(headerOf(mail, 'Message-ID'), '<7F3K-92QD-M4.1@example.org>')
  assert.equal(headerOf(mail, 'Subject'), `${settings.title}: New files: 1 (7F3K-92QD-M4)`)
  assert.equal(headerOf(mail, 'Date'), 'Sat, 28 Nov 2026 03:05:00 +0000')
  assert.equal(
    mail.text,
    `New files: 1 (7F3K-92QD-M4)

Receipt number: 7F3K-92QD-M4
Received: 2026-11-28 03:05:00 UTC
Invitation: Acme
IP address: 192.0.2.7

Name: Zoë
    Subject: evil
E-mail: zoe@example.com

Bericht „Größe“ 写真.pdf (1.5 MB)
  Stored as Bericht „Größe“ 写真-2.pdf
  https://example.org/files/x.pdf
  SHA-256 ${'ab'.repeat(32)}
`,
  )
})

test('later batches, answers alone, several batches and a test are called so', {
  skip,
}, async () => {
  const later: Batch = { ...batch, batch: 2 }
  const [file] = batch.files
  assert.ok(file)
  const many: Batch = { ...batch, files: Array.from({ length: 250 }, () => file) }
  const mails = read([
    await composeMail({ ...news, batches: [later] }, 'o@example.org', settings),
    await composeMail({ ...news, batches: [{ ...batch, files: [] }] }, 'o@example.org', settings),
    await composeMail({ ...news, batches: [batch, later] }, 'o@example.org', settings),
    await composeMail({ ...news, isTest: true }, 'o@example.org', settings),
    await composeMail({ ...news, batches: [many] }, 'o@example.org', settings),
  ])
  const subjects = mails.map((mail) =>
    headerOf(mail, 'Subject')?.replace(`${settings.title}: `, ''),
  )
  assert.deepEqual(subjects, [
    'More files: 1 (7F3K-92QD-M4)',
    'New answers (7F3K-92QD-M4)',
    'New uploads: 2',
    'This is a test. Nothing was uploaded.',
    'New files: 250 (7F3K-92QD-M4)',
  ])
  assert.equal(mails[2] && headerOf(mails[2], 'Reply-To'), undefined)
  assert.match(mails[4]?.text ?? '', /\n\nNot listed here: 50\n$/)
})

test('every language is read as it is written', { skip }, async () => {
  const codes = Object.keys(languageFiles)
  const mails = read(
    await Promise.all(
      codes.map((language) =>
        composeMail(news, 'owner@example.org', {
          ...settings,
          language,
          mailFrom: 'form@bücher.example',
        }),
      ),
    ),
  )
  for (const [i, mail] of mails.entries()) {
    const code = codes[i] as keyof typeof languageFiles
    const words = JSON.parse(languageFiles[code]())
    const heading = words['mail.new'].replace('{count}', '1')
    assert.equal(headerOf(mail, 'Subject'), `${settings.title}: ${heading} (7F3K-92QD-M4)`)
    assert.ok(mail.text.includes(words['mail.number'].replace('{number}', '7F3K-92QD-M4')), code)
    assert.equal(headerOf(mail, 'Content-Language'), code)
    assert.equal(headerOf(mail, 'From'), 'form@xn--bcher-kva.example')
    assert.equal(headerOf(mail, 'Message-ID'), '<7F3K-92QD-M4.1@xn--bcher-kva.example>')
  }
})

test('whatever a visitor writes, no header is added or changed, and no recipient', {
  skip,
}, async () => {
  const nasty = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.constantFrom(
      'x\r\nBcc: victim@example.com',
      'x\nSubject: evil\n\nbody',
      '=?utf-8?Q?x=0D=0ABcc:_victim@example.com?=',
      'a@example.com, victim@example.com',
      '"a\r\nBcc: v@example.com"@example.com',
      'a@example.com\u2028Bcc: v@example.com',
      'x'.repeat(3000),
      '.\n.\nRSET',
    ),
  )
  const samples = fc.sample(fc.tuple(nasty, nasty, nasty, nasty), 300)
  const messages = await Promise.all(
    samples.map(([value, label, name, title]) =>
      composeMail(
        {
          ...news,
          batches: [
            {
              ...batch,
              sender: { user: value, invitation: name, address: label },
              answers: [
                { name: 'name', label, value: name },
                { name: 'mail', label, value },
              ],
              files: batch.files.map((file) => ({ ...file, name, stored: label, url: value })),
            },
          ],
        },
        'owner@example.org',
        { ...settings, title },
      ),
    ),
  )
  for (const mail of read(messages)) {
    const names = namesOf(mail)
    const others = names.filter((name) => name !== 'Reply-To')
    assert.deepEqual(
      others,
      expectedHeaders.filter((name) => name !== 'Reply-To'),
    )
    assert.ok(names.length - others.length <= 1)
    assert.equal(headerOf(mail, 'To'), 'owner@example.org')
    assert.match(headerOf(mail, 'Reply-To') ?? 'a@b', /^[^\s,;<>@]+@[^\s,;<>@]+$/)
  }
})
