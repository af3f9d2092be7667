// The rows of the table of settings that name programs and people: who looks at a file before it
// is stored, and who is told what came.

import { fileCommand } from './command.ts'
import type { SettingsRows } from './settings.ts'

export const toldRows = {
  scanCommand: {
    key: 'scan_command',
    kind: fileCommand,
    default: [],
    help: 'looks at each file first: ["/usr/bin/clamdscan", "--fdpass", "--no-summary", "{file}"]',
    isOfFile: true,
  },
} satisfies Partial<SettingsRows>
