// The rows of the table of settings that name programs and people: who looks at a file before it
// is stored, who is told what came, and what is kept of that.

import { command, fileCommand } from './command.ts'
import { mailAddress, members, webhookSecret } from './members.ts'
import type { SettingsRows } from './settings.ts'
import { boolean, duration } from './value.ts'

export const toldRows = {
  scanCommand: {
    key: 'scan_command',
    kind: fileCommand,
    default: [],
    help: 'looks at each file first: ["/usr/bin/clamdscan", "--fdpass", "--no-summary", "{file}"]',
    isOfFile: true,
  },
  notify: {
    key: 'notify',
    kind: members,
    default: [],
    help: 'who is told what came: ["me@example.org", "https://hook.example.org/in", "/my/program"]',
    isOfFile: true,
  },
  mailCommand: {
    key: 'mail_command',
    kind: command,
    default: [],
    defaultText: "this machine's sendmail",
    help: 'sends the mails: ["/usr/sbin/sendmail", "-t", "-i"]',
    isOfFile: true,
  },
  mailFrom: {
    key: 'mail_from',
    kind: mailAddress,
    default: '',
    help: 'who the mails are from; if empty, the mailer decides',
  },
  webhookSecret: {
    key: 'webhook_secret',
    kind: webhookSecret,
    default: '',
    help: 'signs what is posted to addresses in notify: "whsec_" and base64 (Standard Webhooks)',
    isSecret: true,
    isOfFile: true,
  },
  recordLifetimeSeconds: {
    key: 'record_lifetime',
    kind: duration,
    default: '90d',
    help: 'how long it is known what came in: for receipts and the command list',
  },
  receiptFile: {
    key: 'receipt_file',
    kind: boolean,
    default: false,
    help: 'store a text file with receipt and answers beside the files of each submission',
  },
} satisfies Partial<SettingsRows>
