// The rows of the table of settings that say who may send, and how much all and each may send.

import { invitations } from './invitations.ts'
import type { SettingsRows } from './settings.ts'
import { boolean, countFrom, moment, networks, origins, secretText, size } from './value.ts'

export const senderRows = {
  requireUser: {
    key: 'require_user',
    kind: boolean,
    default: false,
    help: 'closes the form, but for users whom the web server authenticated',
  },
  passphrase: {
    key: 'passphrase',
    kind: secretText,
    default: '',
    help: 'closes the form, but for whoever knows it; the page asks for it',
    isSecret: true,
    isOfFile: true,
  },
  invitedOnly: {
    key: 'invited_only',
    kind: boolean,
    default: false,
    help: 'closes the form, but for whoever has the link of an invitation',
  },
  invitations: {
    key: 'invitations',
    kind: invitations,
    default: [],
    help: 'links for single visitors; `upload.cgi invite "Acme"` prints one',
    isSecret: true,
    isOfFile: true,
  },
  openUntil: {
    key: 'open_until',
    kind: moment,
    default: '',
    help: 'when the form closes: "2026-12-31" for the end of that day, or "2026-12-31 18:00"',
  },
  maxTotalBytes: {
    key: 'max_total_size',
    kind: size,
    default: '0',
    help: 'most that the directory holds, unfinished uploads included; 0 = no limit',
  },
  maxTotalFiles: {
    key: 'max_total_files',
    kind: countFrom(0),
    default: 0,
    help: 'most files that the directory holds, unfinished uploads included; 0 = no limit',
  },
  maxSenderBytes: {
    key: 'max_sender_size',
    kind: size,
    default: '0',
    help: 'most that one sender may send a day; 0 = no limit',
  },
  maxSenderFiles: {
    key: 'max_sender_files',
    kind: countFrom(0),
    default: 0,
    help: 'most files that one sender may send a day; 0 = no limit',
  },
  allowedOrigins: {
    key: 'allowed_origins',
    kind: origins,
    default: [],
    help: 'other sites whose pages may post here',
  },
  trustedProxies: {
    key: 'trusted_proxies',
    kind: networks,
    default: [],
    help: 'own proxies, whose X-Forwarded-For is believed: ["10.0.0.1", "fd00::/8"]',
  },
} satisfies Partial<SettingsRows>
