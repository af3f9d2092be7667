// Composes the mail about batches, by RFC 5322, 2045, 2047 and 2231, and hands it to a mailer that
// has the interface of sendmail. Nodemailer's composer makes the headers: it encodes whatever is
// not plain, so no value can begin another header (decision 017). A mail goes to members of
// `notify` alone; an address that a visitor typed is where an answer goes, never the mail.

import MailComposer from 'nodemailer/lib/mail-composer'
import { type Language, language } from '../languages/language.ts'
import type { Batch, RecordedFile } from '../outcome.ts'
import { mailerOf, runProgram } from '../program/program.ts'
import { formatSize } from '../quantity.ts'
import { isMailAddress } from '../settings/members.ts'
import type { Settings } from '../settings/settings.ts'
import type { Told } from './told.ts'

type MailSettings = Pick<
  Settings,
  'title' | 'language' | 'mailFrom' | 'mailCommand' | 'extraFields'
>

/** What a mail is about. */
export type News = {
  readonly batches: readonly [Batch, ...Batch[]]
  /** The same each time that the same is told. */
  readonly id: string
  /** Nothing came: the owner tries whether mails arrive. */
  readonly isTest: boolean
}

/** Gives the mail to the mailer. `to`: a member of `notify`. */
export async function sendMail(news: News, to: string, settings: MailSettings): Promise<Told> {
  const command = mailerOf(settings.mailCommand)
  if (command === undefined) return { isHeard: false, text: noMailer }
  const message = await composeMail(news, to, settings)
  const { exit, text } = runProgram(command, message, maxSeconds)
  return exit === 0 ? { isHeard: true, text: '' } : { isHeard: false, text }
}

/** The whole message, with line ends as mailers read them. */
export async function composeMail(
  { batches, id, isTest }: News,
  to: string,
  settings: MailSettings,
): Promise<string> {
  const words = language(settings.language === '' ? 'en' : languageCode(settings.language))
  const domain = /@(.*)/.exec(settings.mailFrom === '' ? to : settings.mailFrom)?.[1] ?? ''
  const heading = headingOf(batches, words)
  const options = {
    ...(settings.mailFrom === '' ? {} : { from: asAddress(settings.mailFrom) }),
    ...replyTo(batches, settings),
    to: asAddress(to),
    subject: `${titleOf(settings)}: ${isTest ? words.text('mail.test') : heading}`,
    date: new Date(batches[0].time),
    messageId: `<${id}@${new URL(`http://${domain}`).hostname}>`,
    headers: {
      // RFC 3834: no answer of a machine, and no notice of an absence, is wanted.
      'Auto-Submitted': 'auto-generated',
      'Content-Language': words.code,
    },
    text: textOf(batches, isTest, heading, words),
    disableFileAccess: true,
    disableUrlAccess: true,
    newline: 'unix',
  }
  const message = await new MailComposer(options).compile().build()
  return message.toString('latin1')
}

function textOf(
  batches: News['batches'],
  isTest: boolean,
  heading: string,
  words: Language,
): string {
  const parts = batches.map((batch) => batchText(batch, words))
  const head = isTest ? words.text('mail.test') : heading
  const kept: string[] = []
  let room = maxTextLength
  for (const part of parts) {
    room -= part.length
    if (room < 0) break
    kept.push(part)
  }
  const left = parts.length - kept.length
  const more = left === 0 ? [] : [words.text('mail.unlisted', { count: left })]
  return `${[head, ...kept, ...more].join('\n\n')}\n`
}

function headingOf(batches: News['batches'], words: Language): string {
  const [one, ...others] = batches
  if (others.length > 0) {
    return words.text('mail.several', { count: batches.length })
  }
  const { files, batch, receipt } = one
  const key = files.length === 0 ? 'mail.answers' : batch > 1 ? 'mail.more' : 'mail.new'
  return `${words.text(key, { count: files.length })} (${receipt})`
}

function batchText({ receipt, time, sender, answers, files }: Batch, words: Language): string {
  const { invitation, user, address } = sender
  const facts = [
    words.text('mail.number', { number: receipt }),
    `${words.text('result.time')}: ${time.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC')}`,
    invitation === undefined ? '' : words.text('mail.invitation', { name: plain(invitation) }),
    user === undefined ? '' : words.text('mail.user', { name: plain(user) }),
    address === undefined ? '' : words.text('mail.address', { address: plain(address) }),
  ]
  const told = answers.map(({ label, value }) => `${plain(label)}: ${indented(value)}`)
  const listed = files.slice(0, maxFiles).map((file) => fileText(file, words))
  const left = files.length - listed.length
  const more = left === 0 ? [] : [words.text('mail.unlisted', { count: left })]
  const paragraphs = [facts.filter((fact) => fact !== '').join('\n'), told.join('\n')]
  return [...paragraphs, ...listed, ...more].filter((text) => text !== '').join('\n\n')
}

function fileText({ name, stored, size, sha256, url }: RecordedFile, words: Language): string {
  const lines = [
    `${plain(name === '' ? stored : name)} (${formatSize(size)})`,
    stored === name ? '' : words.text('queue.storedAs', { name: plain(stored) }),
    url === undefined ? '' : plain(url),
    sha256 === undefined ? '' : `SHA-256 ${sha256}`,
  ]
  return lines.filter((line) => line !== '').join('\n  ')
}

/** The first answer to a field of the type `email`, where it is one plain address. */
function replyTo(
  batches: News['batches'],
  { extraFields }: MailSettings,
): { replyTo?: ReturnType<typeof asAddress> } {
  const [one, ...others] = batches
  if (others.length > 0) return {}
  const names = extraFields.filter(({ type }) => type === 'email').map(({ name }) => name)
  const answer = one.answers.find(({ name, value }) => names.includes(name) && value !== '')
  const address = answer?.value.trim() ?? ''
  return isMailAddress(address) ? { replyTo: asAddress(address) } : {}
}

/** As the composer wants it, so that it does not look for several addresses in it. */
function asAddress(address: string) {
  return { name: '', address }
}

/** A word of plain letters is not folded, and no line may be longer than 998. */
function titleOf({ title }: MailSettings): string {
  return [...plain(title)].slice(0, 100).join('')
}

/** One line without anything invisible. */
function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim()
}

/** Lines of an answer that go on below it cannot be taken for lines of ours. */
function indented(value: string): string {
  return value
    .split(/\r\n|[\r\n\u2028\u2029]/)
    .map(plain)
    .join('\n    ')
}

function languageCode(code: string): Language['code'] {
  return code as Language['code']
}

const noMailer =
  'this machine has no sendmail: install a mailer, or name one in mail_command (docs/owner.md)'
const maxSeconds = 60
const maxFiles = 200
const maxTextLength = 256 * 1024
