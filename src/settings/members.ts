// The kinds of the settings that say who is told what came: people by mail, other machines by
// webhook, programs of this one. What an entry of `notify` is, its shape says. Refuses what is none
// of the three, `http://` to other machines, and one entry twice.

import type { Kind, Member, Parsed } from './row.ts'
import { listOfText, wrong } from './value.ts'

export const members: Kind<readonly Member[]> = {
  parse: parseMembers,
  fromText: (text) => text,
  show: (list) => JSON.stringify(list.map(({ text }) => text)),
  fallback: [],
}

/** '' to leave it to the mailer. */
export const mailAddress: Kind<string> = {
  parse: (written) =>
    typeof written === 'string' && (written === '' || isMailAddress(written))
      ? { value: written }
      : wrong(written, 'write a mail address: "form@example.org"'),
  fromText: (text) => text,
  show: JSON.stringify,
  fallback: '',
}

/** As the Standard Webhooks specification has it: 24 to 64 bytes. No message repeats it. */
export const webhookSecret: Kind<string> = {
  parse: (written, { key }) => {
    // A table has no text at all.
    const text = typeof written === 'string' ? written : '-'
    const [, base64 = ''] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? []
    const { length } = Buffer.from(base64, 'base64')
    if (text === '' || (length >= 24 && length <= 64)) return { value: text }
    const remedy = `write "whsec_" and 24 to 64 bytes in base64: ${makesSecret}`
    return { problem: `${key} is no secret of Standard Webhooks`, remedy }
  },
  fromText: (text) => text,
  show: JSON.stringify,
  fallback: '',
}

/** A plain address: no name, no comment, nothing that a header could misread. */
export function isMailAddress(text: string): boolean {
  return text.length <= 254 && /^[\w!#$%&'*+/=?^`{|}~.-]{1,64}@[\p{L}\p{N}.-]+$/u.test(text)
}

function parseMembers(written: unknown): Parsed<readonly Member[]> {
  const list: Member[] = []
  for (const text of listOfText(written) ?? [undefined]) {
    const member = text === undefined ? undefined : parseMember(text)
    if (member === undefined || list.some((other) => other.text === text)) {
      return wrong(text ?? written, remedy)
    }
    list.push(member)
  }
  return { value: list }
}

function parseMember(text: string): Member | undefined {
  if (/\p{Cc}/u.test(text)) return undefined
  if (text.startsWith('/')) return { kind: 'program', text }
  if (isMailAddress(text)) return { kind: 'mail', text }
  const { protocol, hostname, username } =
    URL.canParse(text) && !/\s/.test(text) ? new URL(text) : noAddress
  const isSafe = protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
  return isSafe && username === '' ? { kind: 'webhook', text } : undefined
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
}

const noAddress = { protocol: '', hostname: '', username: '' }
const makesSecret = '`echo "whsec_$(head -c 32 /dev/urandom | base64)"` prints one'
const remedy =
  'write a list of mail addresses, addresses that begin with https://, and whole paths of ' +
  'programs, each once: ["owner@example.org", "https://hook.example.org/in"]'
